using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Catalogs;

/// <summary><c>catalog/hardware</c>.</summary>
internal static class HardwareFiles
{
    private static readonly ImmutableHashSet<string> Classes = ["nvidia-dgpu", "nvidia-dc", "nvidia-soc", "amd-dgpu", "amd-apu", "apple", "intel-gpu", "npu", "accel-cn", "cpu"];

    public static HardwareEntry Read(YamlMap map)
    {
        var entry = new HardwareEntry
        {
            Id = map.Parsed<HardwareId>("id", "an id", required: true) ?? default,
            Vendor = map.Text("vendor", required: true) ?? "",
            Title = map.Text("title", required: true) ?? "",
            Kind = map.Choice("kind", IntentFile.Words<HardwareKind>(), required: true) ?? HardwareKind.Gpu,
            Class = map.Text("class", required: true) ?? "",
            Recognise = map.Map("recognise", required: true) is { } recognise ? ReadRecognition(recognise) : new Recognition([], [], [], null, null),
            Memory = map.Size("memory"),
            Unified = map.Flag("unified") ?? false,
            BandwidthGBs = map.Real("bandwidth_gbs", 0.1, 100_000),
            Fp16Tflops = map.Real("fp16_tflops", 0.001, 100_000),
            Int8Tops = map.Real("int8_tops", 0.001, 100_000),
            Architecture = map.Text("architecture"),
            Compute = map.Text("compute"),
            TdpW = map.Real("tdp_w", 0.1, 100_000),
            Interfaces = EngineFiles.ReadInterfaces(map, "interfaces"),
            Host = map.Map("host") is { } host ? ReadHost(host) : null,
            MeasuredAs = [.. map.Texts("measured_as")],
            Confidence = map.Choice("confidence", IntentFile.Words<Confidence>(), required: true) ?? Confidence.Unverified,
            Notes = map.Text("notes"),
            Sources = [.. map.Texts("sources", required: true)],
        };
        if (!Classes.Contains(entry.Class)) map.Problem($"'class' is '{entry.Class}', and one of {string.Join(", ", Classes.Order(StringComparer.Ordinal))} is needed");
        return entry;
    }

    private static Recognition ReadRecognition(YamlMap map)
    {
        var memory = map.Map("memory");
        var recognition = new Recognition([.. map.Texts("names")], [.. map.Texts("not_names")], [.. map.Texts("pci")], memory?.Size("from"), memory?.Size("to"));
        memory?.Finish();
        map.Finish();
        return recognition;
    }

    private static TypicalHost ReadHost(YamlMap map)
    {
        var host = new TypicalHost(
            map.Text("os", required: true) ?? "",
            map.Text("arch", required: true) ?? "",
            map.Text("cpu") ?? "",
            map.Number("cores", 1, 4096, required: true) ?? 1,
            map.Number("threads", 1, 8192) ?? map.Number("cores", 1, 4096) ?? 1,
            [.. map.Texts("features")],
            map.Size("memory") ?? ByteSize.Zero)
        {
            FastCores = map.Number("fast_cores", 1, 4096) ?? 0,
        };
        if (host.Memory == ByteSize.Zero) map.Problem("'memory' of the host is missing");
        map.Finish();
        return host;
    }
}

using System.Globalization;
using Medulla.Core.Knowledge;

namespace Medulla.Catalogs;

/// <summary><c>catalog/evidence</c>: who measured which speeds on which hardware.</summary>
internal static class EvidenceFiles
{
    /// <summary>Points of one run; more is a mistake in the file.</summary>
    private const int MostPoints = 1000;

    private static readonly Dictionary<string, bool> Kinds = new(StringComparer.Ordinal) { ["measured"] = true, ["claimed"] = false };

    private static readonly string[] Classes = ["nvidia-dgpu", "nvidia-dc", "nvidia-soc", "amd-dgpu", "amd-apu", "apple", "intel-gpu", "npu", "accel-cn", "cpu"];

    public static Evidence Read(YamlMap map)
    {
        _ = map.Text("name");
        var evidence = new Evidence
        {
            Hardware = map.Text("hardware", required: true) ?? "",
            Class = map.Text("class", required: true) ?? "",
            Devices = map.Number("devices", 1, 1024, required: true) ?? 1,
            BandwidthGBs = Amount(map, "bandwidth_gbs"),
            Fp16Tflops = Amount(map, "fp16_tflops"),
            Fp32Tflops = Amount(map, "fp32_tflops"),
            Runs = [.. map.Maps("models", required: true).SelectMany(ReadModel)],
        };
        if (!Classes.Contains(evidence.Class, StringComparer.Ordinal)) map.Problem($"'class' is '{evidence.Class}', and one of {string.Join(", ", Classes)} is needed");
        return evidence;
    }

    private static List<EvidenceRun> ReadModel(YamlMap map)
    {
        var model = new EvidenceModel(map.Text("name", required: true) ?? "", map.Text("id"), Amount(map, "parameters_b"), Amount(map, "active_b"), Amount(map, "kv_bytes_per_token"));
        if (model.ActiveB > model.ParametersB) map.Problem("'active_b' is more than 'parameters_b'");
        var runs = map.Maps("measurements", required: true).Select(m => ReadRun(m, model)).ToList();
        map.Finish();
        return runs;
    }

    private static EvidenceRun ReadRun(YamlMap map, EvidenceModel model)
    {
        var by = map.Text("by", required: true) ?? "";
        var where = map.Text("where") ?? "";
        var engine = map.Text("engine", required: true) ?? "";
        var backend = map.Text("backend") ?? "";
        var version = map.Text("version") ?? "";
        var quant = map.Text("quant") ?? "";
        var weights = Amount(map, "weights_gib");
        var speculative = map.Flag("speculative") ?? false;
        var suspect = map.Text("suspect") ?? "";
        var notes = map.Text("notes") ?? "";
        var repetitions = map.Number("repetitions", 1, 1_000_000);
        var spread = Amount(map, "spread");
        var texts = map.Texts("points", required: true);
        if (texts.Count > MostPoints) map.Problem($"{texts.Count} points, and {MostPoints} are allowed");
        var points = texts.Take(MostPoints).Select(text => (text, Point: ReadPoint(text))).ToList();
        foreach (var (text, _) in points.Where(p => p.Point is null)) map.Problem($"the point '{text}' is not like 'tg 128 @0 x1 = 95.5'");
        ImmutableArray<EvidencePoint> read = [.. points.Select(p => p.Point).OfType<EvidencePoint>()];
        var measured = map.Choice("kind", Kinds) ?? true;
        map.Finish();
        return measured
            ? new EvidenceRun.Measured { By = by, Where = where, Engine = engine, Backend = backend, Version = version, Model = model, Quant = quant, WeightsGiB = weights, Speculative = speculative, Suspect = suspect, Notes = notes, Points = read, Repetitions = repetitions, Spread = spread }
            : new EvidenceRun.Claimed { By = by, Where = where, Engine = engine, Backend = backend, Version = version, Model = model, Quant = quant, WeightsGiB = weights, Speculative = speculative, Suspect = suspect, Notes = notes, Points = read };
    }

    /// <summary><c>tg 128 @4096 x2 = 95.5</c>: 128 tokens written after 4096, two streams, 95.5 tokens per second in all. <c>?</c> is an unknown number of tokens.</summary>
    private static EvidencePoint? ReadPoint(string text)
    {
        if (text.Split(' ') is not [("tg" or "pp") and var phase, var tokens, ['@', .. var depth], ['x', .. var streams], "=", var speed]) return null;
        int? count = null;
        if (tokens != "?")
        {
            if (!int.TryParse(tokens, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
            count = number;
        }

        if (!int.TryParse(depth, NumberStyles.None, CultureInfo.InvariantCulture, out var before) || !int.TryParse(streams, NumberStyles.None, CultureInfo.InvariantCulture, out var concurrency) || concurrency < 1) return null;
        if (!double.TryParse(speed, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var rate) || rate is not (> 0 and < 1e9)) return null;
        return new EvidencePoint(phase == "tg", count, before, concurrency, rate);
    }

    private static double? Amount(YamlMap map, string key)
    {
        var value = map.Parsed<double>(key, "a number");
        if (value is not null and not (> 0 and < 1e12)) map.Problem($"'{key}' must be above 0");
        return value is > 0 and < 1e12 ? value : null;
    }
}

using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Catalogs;

/// <summary><c>catalog/engines</c>.</summary>
internal static class EngineFiles
{
    private static readonly ImmutableDictionary<string, ModelFormat> Formats = IntentFile.Words<ModelFormat>();

    private static readonly ImmutableDictionary<string, Mechanism> Mechanisms = IntentFile.Words<Mechanism>();

    private static readonly ImmutableHashSet<string> Interfaces = ["cpu", "cuda", "vulkan", "rocm", "metal", "sycl", "openvino", "cann", "musa", "maca", "dtk", "ppu", "rknn", "xdna", "qnn"];

    private static readonly ImmutableHashSet<string> Platforms =
        ["linux-x64", "linux-arm64", "linux-riscv64", "windows-x64", "windows-arm64", "macos-arm64", "macos-x64"];

    public static EngineEntry Read(YamlMap map) => new()
    {
        Id = map.Parsed<EngineId>("id", "an id", required: true) ?? default,
        Title = map.Text("title", required: true) ?? "",
        Licence = map.Text("licence", required: true) ?? "",
        Binary = map.FileName("binary", required: true) ?? "",
        Formats = [.. map.Choices("formats", Formats, required: true)],
        Quants = map.Has("quants") ? [.. map.Texts("quants")] : ["*"],
        Tasks = [.. map.Choices("tasks", IntentFile.Tasks, required: true)],
        Symptoms = [.. map.Maps("symptoms").Select(ReadSymptom)],
        Builds = [.. map.Maps("builds", required: true).Select(ReadBuild)],
    };

    private static Symptom ReadSymptom(YamlMap map)
    {
        var symptom = new Symptom(
            (map.Parsed<EntryId>("condition", "the code of a condition", required: true) ?? default).Value ?? "",
            [.. map.Texts("says")],
            [.. map.Texts("unless")],
            [.. map.Numbers("exits", 0, 255)],
            [.. map.Numbers("killed", 1, 64)],
            map.Flag("ready"))
        {
            Serves = map.Flag("serves") ?? false,
            Fewer = [.. map.Texts("fewer")],
        };
        if (symptom.Says.IsEmpty && symptom.Fewer.IsEmpty && symptom.Exits.IsEmpty && symptom.Killed.IsEmpty) map.Problem("a symptom has 'says', 'fewer', 'exits' or 'killed'");
        if (symptom.Fewer.Any(p => p.Count(c => c == '*') != 2)) map.Problem("a pattern of 'fewer' has two *: how many layers are on the accelerator, and how many there are");
        if (!symptom.Fewer.IsEmpty && !symptom.Serves) map.Problem("'fewer' is what an engine says that serves: it goes with 'serves: true'");
        map.Finish();
        return symptom;
    }

    /// <summary>Interfaces that hardware offers and builds need: a list of known words.</summary>
    internal static ImmutableArray<string> ReadInterfaces(YamlMap map, string key)
    {
        var names = map.Texts(key);
        foreach (var strange in names.Where(n => !Interfaces.Contains(n))) map.Problem($"'{key}' has '{strange}', and {string.Join(", ", Interfaces.Order(StringComparer.Ordinal))} are known");
        return [.. names];
    }

    private static BuildEntry ReadBuild(YamlMap map)
    {
        var build = new BuildEntry
        {
            Backend = map.Text("backend", required: true) ?? "",
            Runs = map.Choice("runs", Mechanisms, required: true) ?? Mechanism.Native,
            Needs = ReadInterfaces(map, "needs"),
            Platforms = [.. map.Texts("platforms")],
            ComputeFrom = map.Real("compute_from", 1, 99),
            Overhead = map.Size("overhead"),
            Sources = [.. map.Maps("sources", required: true).Select(ReadSource).OfType<EngineSource>()],
            Notes = map.Text("notes"),
        };
        foreach (var strange in build.Platforms.Where(p => !Platforms.Contains(p))) map.Problem($"'platforms' has '{strange}', and {string.Join(", ", Platforms.Order(StringComparer.Ordinal))} are known");
        map.Finish();
        return build;
    }

    private static EngineSource? ReadSource(YamlMap map)
    {
        EngineSource? source = null;
        if (map.Map("folder") is { } folder)
        {
            source = new EngineSource.Folder();
            folder.Finish();
        }

        if (map.Map("github_release") is { } release)
        {
            source = new EngineSource.GitHubRelease(
                release.Text("repository", required: true) ?? "",
                release.Text("tag", required: true) ?? "",
                [.. release.Maps("assets", required: true).Select(ReadAsset)]);
            release.Finish();
        }

        if (map.Map("debian_closure") is { } closure)
        {
            source = new EngineSource.DebianClosure(closure.Text("suite", required: true) ?? "", closure.Text("package", required: true) ?? "");
            closure.Finish();
        }

        if (map.Map("container") is { } image)
        {
            source = new EngineSource.Container(image.Text("image", required: true) ?? "", image.Text("tag", required: true) ?? "", image.Parsed<Digest>("sha256", "a sha256"));
            image.Finish();
        }

        if (map.Map("service") is { } service)
        {
            if (service.Address("address") is { } address) source = new EngineSource.Service(address, service.Text("probe", required: true) ?? "/");
            service.Finish();
        }

        map.Finish();
        if (source is null) map.Problem("a source is one of folder, github_release, debian_closure, container, service");
        return source;
    }

    private static ReleaseAsset ReadAsset(YamlMap map)
    {
        var asset = new ReleaseAsset(map.Text("os", required: true) ?? "", map.Text("arch", required: true) ?? "", map.FileName("file", required: true) ?? "", map.Parsed<Digest>("sha256", "a sha256"));
        map.Finish();
        return asset;
    }
}

using System.Collections.Immutable;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.State;

/// <summary>Reads the catalog's YAML files, the embedded ones or a folder of the same layout.</summary>
internal static class CatalogReader
{
    public static (Catalog Catalog, IReadOnlyList<string> Problems) ReadEmbedded()
    {
        var assembly = typeof(CatalogReader).Assembly;
        return Read(assembly.GetManifestResourceNames().Where(n => n.StartsWith("catalog/", StringComparison.Ordinal)).Select(name =>
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            return (name, reader.ReadToEnd());
        }));
    }

    public static (Catalog Catalog, IReadOnlyList<string> Problems) Read(string folder) =>
        Read(Directory.EnumerateFiles(folder, "*.yaml", SearchOption.AllDirectories).Select(f => ("catalog/" + Path.GetRelativePath(folder, f), File.ReadAllText(f))));

    private static (Catalog Catalog, IReadOnlyList<string> Problems) Read(IEnumerable<(string Name, string Text)> files)
    {
        var engines = ImmutableArray.CreateBuilder<EngineEntry>();
        var models = ImmutableArray.CreateBuilder<ModelEntry>();
        var found = new List<string>();
        foreach (var (name, text) in files.OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            var problems = new YamlProblems(name);
            if (YamlMap.Parse(text, problems) is { } map)
            {
                if (name.StartsWith("catalog/engines/", StringComparison.Ordinal)) engines.Add(ReadEngine(map));
                else if (name.StartsWith("catalog/models/", StringComparison.Ordinal)) models.Add(ReadModel(map));
                map.Finish();
            }

            found.AddRange(problems.All);
        }

        return (new Catalog { Engines = engines.ToImmutable(), Models = models.ToImmutable() }, found);
    }

    private static EngineEntry ReadEngine(YamlMap map) => new()
    {
        Id = map.Parsed<EngineId>("id", "an id", required: true) ?? default,
        Title = map.Text("title", required: true) ?? "",
        Binary = map.Text("binary", required: true) ?? "",
        Sources = [.. map.Maps("sources", required: true).Select(ReadEngineSource).OfType<EngineSource>()],
    };

    private static EngineSource? ReadEngineSource(YamlMap map)
    {
        EngineSource? source = null;
        if (map.Map("folder") is not null) source = new EngineSource.Folder();
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

        map.Finish();
        return source;
    }

    private static ReleaseAsset ReadAsset(YamlMap map)
    {
        var asset = new ReleaseAsset(map.Text("os", required: true) ?? "", map.Text("arch", required: true) ?? "", map.Text("file", required: true) ?? "", map.Parsed<Digest>("sha256", "a sha256"));
        map.Finish();
        return asset;
    }

    private static ModelEntry ReadModel(YamlMap map) => new()
    {
        Id = map.Parsed<ModelId>("id", "an id", required: true) ?? default,
        Title = map.Text("title", required: true) ?? "",
        Licence = map.Text("licence", required: true) ?? "",
        Tasks = [.. map.Texts("tasks", required: true).Where(IntentFile.Tasks.ContainsKey).Select(t => IntentFile.Tasks[t])],
        Quality = map.Number("quality", 0, 100, required: true) ?? 0,
        Placeholder = map.Flag("placeholder") ?? false,
        ContextMax = map.Number("context_max", 128, 1 << 24, required: true) ?? 0,
        KvBytesPerToken = map.Number("kv_bytes_per_token", 1, 1 << 24, required: true) ?? 0,
        Files = [.. map.Maps("files", required: true).Select(ReadFile)],
        Golden = [.. map.Maps("golden").Select(ReadGolden)],
    };

    private static ModelFile ReadFile(YamlMap map)
    {
        var exact = map.Size("size");
        var about = map.Size("size_about");
        if (exact is null == about is null) map.Problem("one of 'size' (bytes) and 'size_about' is needed");
        var file = new ModelFile
        {
            Name = map.Text("name", required: true) ?? "",
            Quant = map.Text("quant", required: true) ?? "",
            Size = exact ?? about ?? ByteSize.Zero,
            IsSizeExact = exact is not null,
            Digest = map.Parsed<Digest>("sha256", "a sha256"),
            Sources = [.. map.Maps("sources", required: true).Select(ReadModelSource).OfType<ModelSource>()],
        };
        if (file.Name.Length == 0 || file.Name != Path.GetFileName(file.Name)) map.Problem($"'{file.Name}' must be a file name without a path");
        map.Finish();
        return file;
    }

    private static ModelSource? ReadModelSource(YamlMap map)
    {
        ModelSource? source = null;
        if (map.Map("embedded") is { } embedded) (source, _) = (new ModelSource.Embedded(embedded.Text("resource", required: true) ?? ""), Finish(embedded));
        if (map.Map("shipped") is { } shipped) (source, _) = (new ModelSource.Shipped(shipped.Text("path", required: true) ?? ""), Finish(shipped));
        if (map.Map("hugging_face") is { } hub) (source, _) = (new ModelSource.HuggingFace(Repository(hub), Revision(hub), PathOf(hub)), Finish(hub));
        if (map.Map("modelscope") is { } scope) (source, _) = (new ModelSource.ModelScope(Repository(scope), Revision(scope), PathOf(scope)), Finish(scope));
        if (map.Map("web") is { } web)
        {
            if (Uri.TryCreate(web.Text("address", required: true), UriKind.Absolute, out var address) && address.Scheme is "http" or "https") source = new ModelSource.Web(address);
            else web.Problem("'address' must be an http or https address");
            web.Finish();
        }

        map.Finish();
        return source;

        static string Repository(YamlMap m) => m.Text("repository", required: true) ?? "";
        static string Revision(YamlMap m) => m.Text("revision", required: true) ?? "";
        static string PathOf(YamlMap m) => m.Text("path", required: true) ?? "";
        static bool Finish(YamlMap m)
        {
            m.Finish();
            return true;
        }
    }

    private static GoldenPrompt ReadGolden(YamlMap map)
    {
        var golden = new GoldenPrompt(map.Text("prompt", required: true) ?? "", map.Text("contains", required: true) ?? "");
        map.Finish();
        return golden;
    }
}

using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Catalogs;

/// <summary><c>catalog/models</c>.</summary>
internal static class ModelFiles
{
    private const long MaxFile = 4L << 40;

    private static readonly ImmutableDictionary<string, ModelFormat> Formats = IntentFile.Words<ModelFormat>();

    public static ModelEntry Read(YamlMap map)
    {
        var tasks = map.Choices("tasks", IntentFile.Tasks, required: true);
        var grows = tasks.Contains(WorkloadTask.Chat);
        var model = new ModelEntry
        {
            Id = map.Parsed<ModelId>("id", "an id", required: true) ?? default,
            Title = map.Text("title", required: true) ?? "",
            Family = map.Text("family") ?? "",
            Licence = map.Text("licence", required: true) ?? "",
            Released = map.Text("released"),
            Tasks = [.. tasks],
            Abilities = map.Choices("abilities", IntentFile.Words<Abilities>()).Aggregate(Abilities.None, static (all, one) => all | one),
            Quality = map.Number("quality", 0, 100, required: true) ?? 0,
            Skills = map.Map("skills") is { } skills ? ReadSkills(skills) : [],
            Placeholder = map.Flag("placeholder") ?? false,
            ParametersB = map.Real("parameters_b", 0.00001, 100_000) ?? 0,
            ActiveB = map.Real("active_b", 0.00001, 100_000),
            ContextMax = map.Number("context_max", 128, 1 << 24, required: grows) ?? 512,
            KvBytesPerToken = map.Number("kv_bytes_per_token", 0, 1 << 24, required: grows) ?? 0,
            Pooling = map.Text("pooling"),
            Architecture = map.Map("architecture") is { } architecture ? ReadArchitecture(architecture) : null,
            Files = [.. map.Maps("files", required: true).Select(ReadFile)],
            Golden = [.. map.Maps("golden").Select(ReadGolden)],
        };
        if (model.Tasks.IsEmpty) map.Problem("'tasks' names none");
        if (model.Pooling is not (null or "mean" or "cls" or "last")) map.Problem($"'pooling' is '{model.Pooling}'; there are mean, cls and last");
        if (model.ActiveB > model.ParametersB) map.Problem($"'active_b' is {model.ActiveB} and 'parameters_b' only {model.ParametersB}");
        return model;
    }

    internal static GoldenPrompt ReadGolden(YamlMap map)
    {
        var keys = map.Texts("json_keys");
        var golden = new GoldenPrompt(map.Text("prompt", required: true) ?? "", map.Text("contains", required: keys.Count == 0) ?? "") { JsonKeys = [.. keys] };
        map.Finish();
        return golden;
    }

    private static ImmutableArray<KeyValuePair<Skill, int>> ReadSkills(YamlMap map)
    {
        var skills = ImmutableArray.CreateBuilder<KeyValuePair<Skill, int>>();
        foreach (var (word, skill) in IntentFile.Words<Skill>().OrderBy(w => w.Value))
        {
            if (map.Number(word, 0, 100) is { } quality) skills.Add(KeyValuePair.Create(skill, quality));
        }

        map.Finish();
        return skills.ToImmutable();
    }

    private static ModelArchitecture ReadArchitecture(YamlMap map)
    {
        var architecture = new ModelArchitecture
        {
            Name = map.Text("name", required: true) ?? "",
            Layers = Count("layers", 4096, required: true),
            AttentionLayers = Count("attention_layers", 4096),
            KvHeads = Count("kv_heads", 4096),
            HeadDim = Count("head_dim", 1 << 16),
            QueryHeads = Count("query_heads", 4096),
            Embedding = Count("embedding", 1 << 20),
            FeedForward = Count("feed_forward", 1 << 22),
            Vocabulary = Count("vocabulary", 1 << 24),
            Window = Count("window", 1 << 24),
            WindowedLayers = Count("windowed_layers", 4096),
            WindowKvHeads = Count("window_kv_heads", 4096),
            WindowHeadDim = Count("window_head_dim", 1 << 16),
            Latent = Count("latent", 1 << 16),
            RecurrentLayers = Count("recurrent_layers", 4096),
            RecurrentState = Count("recurrent_state", 1 << 28),
            Experts = Count("experts", 1 << 16),
            ExpertsUsed = Count("experts_used", 1 << 16),
            ExpertFeedForward = Count("expert_feed_forward", 1 << 22),
        };
        var caching = architecture.AttentionLayers + architecture.WindowedLayers + architecture.RecurrentLayers;
        if (caching > architecture.Layers) map.Problem($"it has {architecture.Layers} layers, and {caching} are said to attend, look at a window or keep a state");
        if (architecture.WindowedLayers > 0 && architecture.Window == 0) map.Problem("'windowed_layers' needs 'window' (tokens)");
        map.Finish();
        return architecture;

        int Count(string key, int most, bool required = false) => map.Number(key, 0, most, required) ?? 0;
    }

    private static ModelFile ReadFile(YamlMap map)
    {
        var exact = map.Size("size");
        var about = map.Size("size_about");
        if (exact is null == about is null) map.Problem("one of 'size' (bytes) and 'size_about' is needed");
        var parts = map.Texts("parts").Select(t => Parsed(map, t)).ToImmutableArray();
        var digest = map.Parsed<Digest>("sha256", "a sha256");
        var file = new ModelFile
        {
            Name = map.FileName("name", required: true) ?? "",
            Quant = map.Text("quant") ?? "",
            Format = map.Choice("format", Formats) ?? ModelFormat.Gguf,
            Size = exact ?? about ?? ByteSize.Zero,
            IsSizeExact = exact is not null,
            Digest = parts.IsEmpty ? digest : ModelFile.DigestOf(parts),
            Parts = parts,
            Projector = map.Map("projector") is { } projector ? ReadFile(projector) : null,
            Sources = [.. map.Maps("sources", required: true).Select(ReadSource).OfType<ModelSource>()],
        };
        if (!parts.IsEmpty && digest is not null) map.Problem("'sha256' is of one file, and 'parts' are of several: one of them is needed");
        if (!parts.IsEmpty && (SplitName.Of(file.Name) is not { Part: 1 } split || split.Count != parts.Length)) map.Problem($"'parts' lists {parts.Length}, and {file.Name} is not named as the first of so many (NAME-00001-of-{parts.Length:00000}.gguf)");
        if (file.Size.Bytes is 0 or > MaxFile) map.Problem($"a size of {file.Size} is not believed");
        map.Finish();
        return file;
    }

    private static Digest Parsed(YamlMap map, string text)
    {
        if (Digest.TryParse(text, null, out var digest)) return digest;
        map.Problem($"'{text}' in 'parts' is no sha256");
        return default;
    }

    private static ModelSource? ReadSource(YamlMap map)
    {
        ModelSource? source = null;
        if (map.Map("embedded") is { } embedded) source = Finished(embedded, new ModelSource.Embedded(embedded.FileName("resource", required: true) ?? ""));
        if (map.Map("shipped") is { } shipped) source = Finished(shipped, new ModelSource.Shipped(shipped.Text("path", required: true) ?? ""));
        if (map.Map("hugging_face") is { } hub) source = Finished(hub, new ModelSource.HuggingFace(Repository(hub), Revision(hub), PathOf(hub)));
        if (map.Map("modelscope") is { } scope) source = Finished(scope, new ModelSource.ModelScope(Repository(scope), Revision(scope), PathOf(scope)));
        if (map.Map("web") is { } web && web.Address("address") is { } address) source = Finished(web, new ModelSource.Web(address));
        map.Finish();
        if (source is null) map.Problem("a source is one of embedded, shipped, hugging_face, modelscope, web");
        return source;

        static string Repository(YamlMap m) => m.Text("repository", required: true) ?? "";
        static string Revision(YamlMap m) => m.Text("revision", required: true) ?? "";
        static string PathOf(YamlMap m) => m.Text("path", required: true) ?? "";
        static ModelSource Finished(YamlMap m, ModelSource source)
        {
            m.Finish();
            return source;
        }
    }
}

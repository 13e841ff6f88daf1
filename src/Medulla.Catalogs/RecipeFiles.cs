using System.Globalization;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Catalogs;

/// <summary><c>catalog/recipes</c>.</summary>
internal static class RecipeFiles
{
    private static readonly ImmutableDictionary<string, KvType> KvTypes = new Dictionary<string, KvType> { ["f16"] = KvType.F16, ["q8_0"] = KvType.Q8, ["q4_0"] = KvType.Q4 }.ToImmutableDictionary(StringComparer.Ordinal);

    /// <summary>Variables that a recipe may set: none of them names a file or a program.</summary>
    private static readonly ImmutableHashSet<string> Variables = ["GGML_CUDA_ENABLE_UNIFIED_MEMORY", "HSA_OVERRIDE_GFX_VERSION", "GGML_VK_VISIBLE_DEVICES", "ROCBLAS_USE_HIPBLASLT"];

    public static RecipeEntry Read(YamlMap map) => new()
    {
        Id = map.Parsed<EntryId>("id", "an id", required: true) ?? default,
        Engine = map.Parsed<EngineId>("engine", "the id of an engine", required: true) ?? default,
        Backend = map.Text("backend", required: true) ?? "",
        Hardware = [.. map.ParsedAll<HardwareId>("hardware", "the id of hardware")],
        Classes = [.. map.Texts("classes")],
        Models = [.. map.ParsedAll<ModelId>("models", "the id of a model")],
        Settings = map.Map("settings", required: true) is { } settings ? ReadSettings(settings) : new RecipeSettings(),
        Reason = map.Text("reason", required: true) ?? "",
        Sources = [.. map.Texts("sources", required: true)],
    };

    private static RecipeSettings ReadSettings(YamlMap map)
    {
        var layers = map.Text("gpu_layers");
        var threads = map.Text("threads");
        var settings = new RecipeSettings
        {
            FlashAttention = map.Choice("flash_attention", IntentFile.Words<FlashAttention>()),
            LoadMode = map.Choice("load_mode", IntentFile.Words<LoadMode>()),
            MicroBatch = map.Number("micro_batch", 16, 65536),
            Kv = map.Choice("kv_type", KvTypes),
            AllLayers = layers == "all",
            GpuLayers = layers is null or "all" ? null : Whole("gpu_layers", layers),
            ExpertsOnHost = map.Flag("experts_on_host"),
            Threads = threads is null or "physical" ? null : Whole("threads", threads),
            Split = map.Text("split"),
            MemoryFraction = map.Real("memory_fraction", 0.05, 1),
            MaxSequences = map.Number("max_sequences", 1, 65536),
            Environment = [.. map.Pairs("environment")],
        };
        if (settings.Split is not (null or "layer" or "row")) map.Problem($"'split' is '{settings.Split}', and layer or row is needed");
        foreach (var (name, value) in settings.Environment)
        {
            if (!Variables.Contains(name)) map.Problem($"the environment variable '{name}' may not be set by a recipe; {string.Join(", ", Variables.Order(StringComparer.Ordinal))} may");
            if (value.Length > 32 || !value.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or ',')) map.Problem($"the value of '{name}' must be a short number or word");
        }

        map.Finish();
        return settings;

        int? Whole(string key, string text)
        {
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= 4096) return number;
            map.Problem($"'{key}' is '{text}', and a whole number or a known word is needed");
            return null;
        }
    }
}

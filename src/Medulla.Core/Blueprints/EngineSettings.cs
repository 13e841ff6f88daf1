using System.Globalization;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>How an engine runs a model, besides context and slots.</summary>
public sealed record EngineSettings
{
    public static readonly EngineSettings OnProcessor = new();

    /// <summary>Index of the accelerator among the machine's; -1 for the processor.</summary>
    public int Accelerator { get; init; } = -1;

    /// <summary>Equal devices that it is split over; 0 on the processor.</summary>
    public int Devices { get; init; }

    /// <summary>Layers on the accelerator; null for all, 0 for none.</summary>
    public int? GpuLayers { get; init; } = 0;

    /// <summary>Layers whose experts stay in host memory; <see cref="int.MaxValue"/> for all.</summary>
    public int ExpertsOnHost { get; init; }

    public KvType Kv { get; init; } = KvType.F16;

    /// <summary>Tokens worked on at once in a prefill.</summary>
    public int MicroBatch { get; init; } = 512;

    public FlashAttention FlashAttention { get; init; } = FlashAttention.Auto;

    public LoadMode LoadMode { get; init; } = LoadMode.Auto;

    /// <summary>Host memory in MiB for prompts that may come again.</summary>
    public int PromptCacheMiB { get; init; }

    /// <summary><c>layer</c> or <c>row</c>; null for the engine's own choice.</summary>
    public string? Split { get; init; }

    /// <summary>How a vector is made of those of the tokens, of a model that does not say it itself: <c>mean</c>.</summary>
    public string? Pooling { get; init; }

    /// <summary><c>NAME=value</c>, separated by spaces; from the catalog's fixed list of names.</summary>
    public string Environment { get; init; } = "";

    /// <summary>Part of an instance's id and of the key of a lesson: short, and the same for the same settings.</summary>
    public string Key => _key.Of(this, static s => string.Create(
        CultureInfo.InvariantCulture,
        $"a{s.Accelerator}d{s.Devices}g{s.GpuLayers?.ToString(CultureInfo.InvariantCulture) ?? "all"}x{s.ExpertsOnHost}k{s.Kv}u{s.MicroBatch}f{s.FlashAttention}l{s.LoadMode}p{s.PromptCacheMiB}s{s.Split}{s.Pooling}{s.Environment}"));

    private Memo<string> _key;
}

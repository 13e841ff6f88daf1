using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

public enum FlashAttention
{
    Auto,
    On,
    Off,
}

/// <summary>How an engine brings weights into memory.</summary>
public enum LoadMode
{
    Auto,
    None,
    Mmap,
    Dio,
}

/// <summary>Types of the KV cache's elements.</summary>
public enum KvType
{
    F16,
    Q8,
    Q4,
}

/// <summary>Settings known to matter for a build of an engine on a kind of hardware.</summary>
public sealed record RecipeEntry
{
    public required EntryId Id { get; init; }

    public required EngineId Engine { get; init; }

    public required string Backend { get; init; }

    /// <summary>Kinds of hardware; with <see cref="Classes"/> empty too, all.</summary>
    public ImmutableArray<HardwareId> Hardware { get; init; } = [];

    public ImmutableArray<string> Classes { get; init; } = [];

    /// <summary>Empty for all.</summary>
    public ImmutableArray<ModelId> Models { get; init; } = [];

    public required RecipeSettings Settings { get; init; }

    /// <summary>Why, in one sentence.</summary>
    public required string Reason { get; init; }

    public ImmutableArray<string> Sources { get; init; } = [];

    /// <summary>Whatever the model.</summary>
    public bool IsFor(EngineId engine, string backend, HardwareEntry? hardware) =>
        Engine == engine && Backend == backend &&
        ((Hardware.IsEmpty && Classes.IsEmpty) || (hardware is not null && (Hardware.Contains(hardware.Id) || Classes.Contains(hardware.Class, StringComparer.Ordinal))));
}

/// <summary>What a recipe sets; null leaves a setting alone.</summary>
public sealed record RecipeSettings
{
    public FlashAttention? FlashAttention { get; init; }

    public LoadMode? LoadMode { get; init; }

    /// <summary>Tokens worked on at once in a prefill.</summary>
    public int? MicroBatch { get; init; }

    public KvType? Kv { get; init; }

    /// <summary>Layers on the accelerator; null with <see cref="AllLayers"/> false leaves it to the fit.</summary>
    public int? GpuLayers { get; init; }

    public bool AllLayers { get; init; }

    public bool? ExpertsOnHost { get; init; }

    /// <summary>Compute threads: a number, or null for the physical cores.</summary>
    public int? Threads { get; init; }

    /// <summary>How several devices share a model: <c>layer</c> or <c>row</c>.</summary>
    public string? Split { get; init; }

    /// <summary>Share of the device's memory that an engine may take which takes a share (0 to 1).</summary>
    public double? MemoryFraction { get; init; }

    /// <summary>Sequences at once, for engines that batch continuously.</summary>
    public int? MaxSequences { get; init; }

    /// <summary>From a fixed list of names.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Environment { get; init; } = [];
}

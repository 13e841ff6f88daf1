using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

/// <summary>Knowledge that people and agents keep as files: data, no code.</summary>
public sealed record Catalog
{
    public required ImmutableArray<EngineEntry> Engines { get; init; }

    public required ImmutableArray<ModelEntry> Models { get; init; }

    public ModelEntry? FindModel(ModelId id) => Models.FirstOrDefault(m => m.Id == id);

    public EngineEntry? FindEngine(EngineId id) => Engines.FirstOrDefault(e => e.Id == id);
}

using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

/// <summary>Knowledge that people and agents keep as files: data, no code.</summary>
public sealed record Catalog
{
    public required ImmutableArray<EngineEntry> Engines { get; init; }

    public required ImmutableArray<ModelEntry> Models { get; init; }

    public ImmutableArray<HardwareEntry> Hardware { get; init; } = [];

    /// <summary>Applications, and what they need.</summary>
    public ImmutableArray<ProfileEntry> Profiles { get; init; } = [];

    public ImmutableArray<RecipeEntry> Recipes { get; init; } = [];

    public ImmutableArray<RemedyEntry> Remedies { get; init; } = [];

    /// <summary>What was learned about speed from the evidence, when the catalog was compiled.</summary>
    public Calibration Calibration { get; init; } = Calibration.Empty;

    public ModelEntry? FindModel(ModelId id) => Models.FirstOrDefault(m => m.Id == id);

    public EngineEntry? FindEngine(EngineId id) => Engines.FirstOrDefault(e => e.Id == id);

    public HardwareEntry? FindHardware(HardwareId id) => Hardware.FirstOrDefault(h => h.Id == id);

    public RemedyEntry? FindRemedy(string condition) => Remedies.FirstOrDefault(r => r.Condition == condition);

    public ProfileEntry? FindProfile(EntryId id) => Profiles.FirstOrDefault(p => p.Id == id);
}

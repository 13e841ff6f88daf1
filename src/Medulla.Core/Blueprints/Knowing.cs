using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;

namespace Medulla.Core.Blueprints;

/// <summary>All that a choice is made from, besides the workload and what others have taken.</summary>
public sealed record Knowing
{
    public required Policy Policy { get; init; }

    /// <summary>True when nobody has configured anything: placeholders may serve.</summary>
    public required bool IsDefault { get; init; }

    public required Machine Machine { get; init; }

    public required Catalog Catalog { get; init; }

    /// <summary>Models of the owner's that the catalog does not know.</summary>
    public ImmutableArray<ModelEntry> OwnModels { get; init; } = [];

    /// <summary>How fast this device has measured itself.</summary>
    public ImmutableArray<OwnSpeed> Own { get; init; } = [];

    /// <summary>Engine builds that are on this device.</summary>
    public ImmutableArray<EngineBuild> Builds { get; init; } = [];
}

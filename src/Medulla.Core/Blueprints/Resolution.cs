using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>What could serve a workload on this machine, best first, and why the rest could not.</summary>
/// <param name="Candidates">What this release can run, highest merit first.</param>
/// <param name="Blocked">What would fit and serve, and cannot be run or fetched yet: highest merit first, without what would be no gain: as much memory as something that can be run, and no better.</param>
/// <param name="Rejections">The other models of the catalog, in its order.</param>
public sealed record Resolution(ImmutableArray<Candidate> Candidates, ImmutableArray<Candidate> Blocked, ImmutableArray<Rejection> Rejections)
{
    public static readonly Resolution None = new([], [], []);

    /// <summary>What an expert would run, whatever this release can do: the best of all. What can be run wins where the difference is not noticeable.</summary>
    public Candidate? Best => Blocked.Length > 0 && (Candidates.IsEmpty || Blocked[0].Spec.Merit >= Candidates[0].Spec.Merit + Merit.Noticeable) ? Blocked[0] : Candidates.FirstOrDefault();
}

/// <summary>A model file that would serve, and how.</summary>
/// <param name="Engine">The engine and the build of it.</param>
/// <param name="Blocked">Why it cannot be run yet; null when it can.</param>
public sealed record Candidate(InstanceSpec Spec, ModelEntry Model, ModelFile File, EngineEntry Engine, BuildEntry Build, Placement Place, MemoryNeed Need, Forecast? Forecast, string? Blocked)
{
    /// <summary>What it would take with the least context and one request at a time: of the host's memory, and of an accelerator's own.</summary>
    public (ByteSize Host, ByteSize Device) Least { get; init; }

    /// <summary>The files of the catalog that it runs on.</summary>
    public ImmutableArray<ModelFile> Files => Spec.Projector is not null && File.Projector is { } projector ? [File, projector] : [File];

    /// <summary>The recipes that it follows.</summary>
    public ImmutableArray<EntryId> Recipes { get; init; } = [];
}

public sealed record Rejection(ModelId Model, string Reason);

using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Proposing;

/// <summary>All that a decision may look at.</summary>
public sealed record Situation(Intent Intent, Catalog Catalog, Machine Machine, Memory Memory, Observation World)
{
    public TimeSpan Now => World.Now.Boot;

    /// <summary>The engine that models are run on: the first of the catalog.</summary>
    public EngineEntry EngineEntry => Catalog.Engines[0];

    /// <summary>The newest build of it on this device; null when there is none.</summary>
    public EngineFact? Engine => World.Engines
        .Where(e => e.Build.Engine == EngineEntry.Id)
        .OrderByDescending(e => BuildNumber(e.Build.Version))
        .ThenBy(e => e.Build.Digest.Hex, StringComparer.Ordinal)
        .FirstOrDefault();

    public EngineFact? FindEngine(EngineBuild build) => World.Engines.FirstOrDefault(e => e.Build.Digest == build.Digest);

    /// <summary>What could serve a workload here, lessons left out of account. Without an engine on the device it is resolved for a build yet unknown.</summary>
    public Resolution Resolve(Workload workload)
    {
        var build = Engine?.Build ?? new EngineBuild(EngineEntry.Id, Digest.Of("not here yet"), "");
        var taken = new ByteSize(Memory.Target.Instances.Where(i => i.Workload != workload.Name).Sum(i => i.Memory.Bytes));
        return Resolver.Resolve(workload, Intent, Machine, Catalog.Models.Concat(World.OwnModels), build, taken);
    }

    /// <summary>Candidates that no lesson forbids, seen from what is the target now.</summary>
    public IEnumerable<Candidate> Allowed(Workload workload, Resolution resolution)
    {
        var from = Memory.Good.For(workload.Name);
        return resolution.Candidates.Where(c => !Memory.IsRefuted(Change.Between(from, c.Spec), Now) && !Memory.IsRefuted(Change.Between(null, c.Spec), Now));
    }

    public Reach ReachOf(Candidate candidate)
    {
        var digest = candidate.File.Digest!.Value;
        if (World.Has(digest)) return Reach.Present;
        return World.Nearby.Contains(digest) || candidate.File.Sources.Any(s => s.IsNearby) ? Reach.Nearby : Reach.Remote;
    }

    /// <summary>True when a fetch of it failed lately and its next try is not due.</summary>
    public bool IsBackedOff(Candidate candidate) => Memory.FetchOf(Need.Weights.SubjectOf(candidate.File)) is { } record && Now < record.NotBefore;

    /// <summary>The number in <c>b11669</c>; 0 when there is none.</summary>
    private static long BuildNumber(string version) => long.TryParse(version.AsSpan().TrimStart('b'), out var number) ? number : 0;
}

/// <summary>How far away a model file is.</summary>
public enum Reach
{
    Present,
    Nearby,
    Remote,
}

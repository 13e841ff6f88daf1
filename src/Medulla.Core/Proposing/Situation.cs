using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Proposing;

/// <summary>All that a decision may look at.</summary>
public sealed record Situation(Intent Intent, Catalog Catalog, Machine Machine, Memory Memory, Observation World, Resolutions Resolutions)
{
    /// <summary>Files of one workload that are tried before their sources are taken to be out of reach.</summary>
    private const int MaxFailing = 2;

    public TimeSpan Now => World.Now.Boot;

    public EngineFact? FindEngine(EngineBuild build) => World.Engines.FirstOrDefault(e => e.Build.Digest == build.Digest);

    /// <summary>The newest build on this device that could take a lost one's place; null when there is none.</summary>
    public EngineFact? Substitute(EngineBuild lost) => World.Engines
        .Where(e => e.Build.Engine == lost.Engine && e.Build.Backend == lost.Backend)
        .OrderByDescending(e => e.Build.Number)
        .ThenBy(e => e.Build.Digest.Hex, StringComparer.Ordinal)
        .FirstOrDefault();

    /// <summary>What could serve a workload here, lessons left out of account.</summary>
    public Resolution Resolve(Workload workload)
    {
        var (host, taken, without) = (0L, PoolUse.None, Intent.Workloads.Length - 1);
        foreach (var instance in Memory.Target.Instances)
        {
            if (instance.Workload == workload.Name) continue;
            without--;
            if (instance.DeviceMemory == ByteSize.Zero) host += instance.Memory.Bytes;
            else taken = taken.With(instance);
        }

        taken = taken with { Host = taken.Host + new ByteSize(host) };
        var kept = taken;
        if (without > 0)
        {
            foreach (var other in Intent.Workloads.Where(o => o.Name != workload.Name && Memory.Target.For(o.Name) is null))
            {
                if (Sharing.Reserve(other, Intent.Workloads.Length, Known, Resolutions) is { } reserved) kept = kept.With(reserved);
            }
        }

        // What is kept for others must not keep everybody from beginning.
        var resolution = Resolutions.Of(workload, Known, kept);
        return resolution.Candidates.IsEmpty && kept != taken ? Resolutions.Of(workload, Known, taken) : resolution;
    }

    /// <summary>Candidates that no lesson forbids, seen from what is the target now. One that found too little memory is made less, step by step.</summary>
    public IEnumerable<Candidate> Allowed(Workload workload, Resolution resolution)
    {
        if (!Memory.Lessons.Any(l => l.Holds(Now))) return resolution.Candidates;
        var from = Memory.Good.For(workload.Name);
        return resolution.Candidates.Select(c => Against(c.Spec) is not { } lesson ? c : Less(c, lesson)).OfType<Candidate>();

        Lesson? Against(InstanceSpec spec) => Memory.LessonAgainst(Change.Between(from, spec), Now) ?? Memory.LessonAgainst(Change.Between(null, spec), Now) ?? Memory.LessonAgainst(Change.ShapeOf(spec), Now);

        Candidate? Less(Candidate candidate, Lesson lesson)
        {
            var spec = candidate.Spec;
            foreach (var step in lesson.IsOfMemory ? Catalog.FindRemedy(lesson.Code)?.Amendments ?? [] : [])
            {
                for (var i = 0; i < (step.AtMost ?? 1); i++)
                {
                    if (Amending.Apply(spec, step, frees: true, workload, ModelShapes.Of(candidate.Model)) is not { } less) break;
                    if (Against(less) is not { } still) return candidate with { Spec = less };
                    if (!still.IsOfMemory) return null;
                    spec = less;
                }
            }

            return null;
        }
    }

    /// <summary>How good what serves now is, by what is known now.</summary>
    public static double MeritOf(InstanceSpec current, Resolution resolution)
    {
        foreach (var candidate in resolution.Candidates)
        {
            if (candidate.Spec.Weights.Digest == current.Weights.Digest && candidate.Spec.Engine.Digest == current.Engine.Digest && candidate.Spec.Settings.Accelerator == current.Settings.Accelerator) return candidate.Spec.Merit;
        }

        return current.Merit;
    }

    public Reach ReachOf(Candidate candidate)
    {
        var digest = candidate.File.Digest!.Value;
        if (World.Has(digest)) return Reach.Present;
        return World.Nearby.Contains(digest) || candidate.File.Sources.Any(s => s.IsNearby) ? Reach.Nearby : Reach.Remote;
    }

    /// <summary>True when a fetch of it failed lately and its next try is not due.</summary>
    public bool IsBackedOff(Candidate candidate) => Memory.FetchOf(Subjects.Weights(candidate.File.Digest!.Value)) is { } record && Now < record.NotBefore;

    /// <summary>The first that is worth fetching. Where several files could not be had lately the network is to blame, not the file: instead of going through the whole catalog, the one whose next try is due first is waited for.</summary>
    /// <param name="wanted">In the order of preference, those that are backed off last; not empty.</param>
    public Candidate WorthFetching(IReadOnlyList<Candidate> wanted)
    {
        var first = wanted[0];
        if (ReachOf(first) != Reach.Remote || IsBackedOff(first)) return first;
        var failing = wanted.Where(IsBackedOff).DistinctBy(c => c.File.Digest).ToList();
        return failing.Count < MaxFailing ? first : failing.MinBy(c => Memory.FetchOf(Subjects.Weights(c.File.Digest!.Value))!.NotBefore)!;
    }

    /// <summary>Of the memory it takes only what the device has measured, which no decision changes: copies of a situation with another one share it.</summary>
    private Knowing Known { get; } = new()
    {
        Policy = Intent.Policy,
        IsDefault = Intent.IsDefault,
        Machine = Machine,
        Catalog = Catalog,
        OwnModels = World.OwnModels,
        Own = Memory.Speeds,
        Builds = [.. World.Engines.Select(e => e.Build)],
    };
}

/// <summary>How far away a model file is.</summary>
public enum Reach
{
    Present,
    Nearby,
    Remote,
}

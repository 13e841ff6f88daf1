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
        var alone = IsOnDemand(workload.Name);
        var (host, taken, turns, without) = (0L, PoolUse.None, PoolUse.None, 0);
        foreach (var (other, instance, onDemand) in Held())
        {
            if (other == workload.Name) continue;
            if (instance is null) without++;
            else if (onDemand) turns = turns.Or(PoolUse.None.With(instance));
            else if (instance.DeviceMemory == ByteSize.Zero) host += instance.Memory.Bytes;
            else taken = taken.With(instance);
        }

        taken = taken with { Host = taken.Host + new ByteSize(host) };

        // Those on demand make room for each other; beside what stays loaded there must be room for each of them.
        if (!alone) taken = taken.Plus(turns);
        if (without == 0) return Resolutions.Of(workload, Known, taken);

        // What is kept for others must not keep everybody from beginning.
        var resolution = Resolutions.Of(workload, Known, Kept(o => Sharing.Reserve(o, Intent.Workloads.Length, Known, Resolutions)));
        if (!Allowed(workload, resolution).Any()) resolution = Resolutions.Of(workload, Known, Kept(Least));
        return Allowed(workload, resolution).Any() ? resolution : Resolutions.Of(workload, Known, taken);

        PoolUse Kept(Func<Workload, InstanceSpec?> reserve)
        {
            var (kept, largest) = (taken, turns);
            foreach (var other in Intent.Workloads.Where(o => o.Name != workload.Name && Memory.Target.For(o.Name) is null))
            {
                if (!IsOnDemand(other.Name) && reserve(other) is { } reserved) kept = kept.With(reserved);
                else if (!alone && IsOnDemand(other.Name) && Least(other) is { } least) largest = largest.Or(PoolUse.None.With(least));
            }

            return alone || largest == turns ? kept : kept.Plus(new PoolUse(largest.Host - turns.Host, [.. largest.Devices.Select((d, i) => d - turns.Of(i))]));
        }
    }

    /// <summary>When each workload's instance is in memory, by the targets there are and what the others need at least.</summary>
    public ImmutableArray<Residence> Residences
    {
        get
        {
            if (_residences is not { } known || !ReferenceEquals(known.Of, Memory))
            {
                var residences = Residing.Of(Intent.Workloads, Needed, Machine, Intent.Policy);
                _residences = known = (Memory, residences, residences.Any(r => r.Residency == Residency.OnDemand));
            }

            return known.Residences;
        }
    }

    /// <summary>True when some workload is on demand.</summary>
    public bool TakesTurns => !Residences.IsEmpty && _residences!.Value.Turns;

    public bool IsOnDemand(WorkloadName workload)
    {
        if (!TakesTurns) return false;
        foreach (var residence in Residences)
        {
            if (residence.Workload == workload) return residence.Residency == Residency.OnDemand;
        }

        return false;
    }

    /// <summary>
    /// What each workload with a target holds. One whose target answers no longer what is wanted of it is not held to that: two such
    /// would keep each other from ever changing.
    /// </summary>
    private ImmutableArray<(WorkloadName Workload, InstanceSpec? Instance, bool OnDemand)> Held()
    {
        if (_held is not { } known || !ReferenceEquals(known.Of, Memory))
        {
            _held = known = (Memory, [.. Intent.Workloads.Select(w => (w.Name, Memory.Target.For(w.Name) is null ? null : Needed(w), IsOnDemand(w.Name)))]);
        }

        return known.Held;
    }

    /// <summary>The target, unless the owner wants something else by now.</summary>
    private InstanceSpec? Needed(Workload workload)
    {
        var target = Memory.Target.For(workload.Name);
        return target is not null && Answers(workload, target) ? target : Least(workload) ?? target;
    }

    /// <summary>True while the target is what the owner's words led to, or is on its way there.</summary>
    public bool Answers(Workload workload, InstanceSpec target) => Memory.TrialOf(workload.Name) is not null || target.Asked == Resolutions.AskedBy(workload, Intent.IsDefault);

    private InstanceSpec? Least(Workload workload) => Sharing.Smallest(Allowed(workload, Resolutions.Of(workload, Known, PoolUse.None)));

    /// <summary>Candidates that no lesson forbids, seen from what is the target now. One that found too little memory is made less, step by step.</summary>
    public IEnumerable<Candidate> Allowed(Workload workload, Resolution resolution)
    {
        var lessons = Memory.Lessons.Where(l => l.IsAbout(workload.Name) && l.Holds(Now)).ToList();
        if (lessons.Count == 0) return resolution.Candidates;
        var from = Memory.Good.For(workload.Name);
        return resolution.Candidates.Select(c => Against(c.Spec) is not { } lesson ? c : Less(c, lesson)).OfType<Candidate>();

        Lesson? Against(InstanceSpec spec)
        {
            // Most candidates are of files that no lesson knows: their changes need no names.
            if (!lessons.Exists(l => l.IsAbout(spec.Weights))) return null;
            return Memory.LessonAgainst(Change.Between(from, spec), Now) ?? Memory.LessonAgainst(Change.Between(null, spec), Now) ?? Memory.LessonAgainst(Change.ShapeOf(spec), Now);
        }

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

    /// <summary>Of what it runs on the farthest.</summary>
    public Reach ReachOf(Candidate candidate) => candidate.Files.Max(ReachOf);

    private Reach ReachOf(ModelFile file)
    {
        if (World.Has(file.Digest!.Value)) return Reach.Present;
        return World.Nearby.Contains(file.Digest.Value) || file.Sources.Any(s => s.IsNearby) ? Reach.Nearby : Reach.Remote;
    }

    /// <summary>True when a fetch of it failed lately and its next try is not due.</summary>
    public bool IsBackedOff(Candidate candidate) => Now < NextFetchOf(candidate);

    /// <summary>When what it lacks may be tried again; null where no fetch failed lately.</summary>
    private TimeSpan? NextFetchOf(Candidate candidate) => candidate.Files.Max(f => Memory.FetchOf(Subjects.Weights(f.Digest!.Value))?.NotBefore);

    /// <summary>The first that is worth fetching. Where several files could not be had lately the network is to blame, not the file: instead of going through the whole catalog, the one whose next try is due first is waited for.</summary>
    /// <param name="wanted">In the order of preference, those that are backed off last; not empty.</param>
    public Candidate WorthFetching(IReadOnlyList<Candidate> wanted)
    {
        var first = wanted[0];
        if (ReachOf(first) != Reach.Remote || IsBackedOff(first)) return first;
        var failing = wanted.Where(IsBackedOff).DistinctBy(c => c.File.Digest).ToList();
        return failing.Count < MaxFailing ? first : failing.MinBy(NextFetchOf)!;
    }

    /// <summary>Of one memory: a copy of the situation with another finds that out and looks again.</summary>
    private (Memory Of, ImmutableArray<Residence> Residences, bool Turns)? _residences;

    /// <summary>Of one memory, like the residences.</summary>
    private (Memory Of, ImmutableArray<(WorkloadName Workload, InstanceSpec? Instance, bool OnDemand)> Held)? _held;

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

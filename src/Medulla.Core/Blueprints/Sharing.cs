using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>What a workload would be served by.</summary>
/// <param name="Best">What an expert would run; null when nothing fits.</param>
/// <param name="Now">What this release can run; null when nothing can.</param>
public sealed record Allotment(Workload Workload, Resolution Resolution, Candidate? Best, Candidate? Now);

/// <summary>Several workloads on one machine.</summary>
public static class Sharing
{
    /// <summary>
    /// What is kept free for a workload that has no target yet: the best that takes no more than its share of the memory, or
    /// else the smallest. Null when nothing could serve it anyway.
    /// </summary>
    /// <param name="among">Workloads that share the machine.</param>
    public static InstanceSpec? Reserve(Workload workload, int among, Knowing known, Resolutions resolutions) =>
        Fair(resolutions.Of(workload, known, PoolUse.None).Candidates, among, known);

    /// <summary>Plans every workload in the intent's order, each beside what was planned before it and what is kept for those after it.</summary>
    public static ImmutableArray<Allotment> Plan(ImmutableArray<Workload> workloads, Knowing known, Resolutions resolutions)
    {
        var best = One(static r => r.Blocked.Concat(r.Candidates).OrderByDescending(c => c.Spec.Merit), static r => r.Best);
        var now = One(static r => r.Candidates, static r => r.Candidates.FirstOrDefault());
        return [.. workloads.Select((w, i) => new Allotment(w, best[i].Resolution, best[i].Chosen, now[i].Chosen))];

        List<(Resolution Resolution, Candidate? Chosen)> One(Func<Resolution, IEnumerable<Candidate>> all, Func<Resolution, Candidate?> first)
        {
            var chosen = new List<(Resolution, Candidate?)>();
            var taken = PoolUse.None;
            for (var i = 0; i < workloads.Length; i++)
            {
                var kept = taken;
                foreach (var later in workloads[(i + 1)..])
                {
                    if (Fair(all(resolutions.Of(later, known, PoolUse.None)), workloads.Length, known) is { } reserved) kept = kept.With(reserved);
                }

                var resolution = resolutions.Of(workloads[i], known, kept);
                var choice = first(resolution);
                if (choice is not null) taken = taken.With(choice.Spec);
                chosen.Add((resolution, choice));
            }

            return chosen;
        }
    }

    private static InstanceSpec? Fair(IEnumerable<Candidate> candidates, int among, Knowing known)
    {
        InstanceSpec? smallest = null;
        var host = Budget.Host(known.Machine, known.Policy).Bytes / among;
        foreach (var candidate in candidates)
        {
            var spec = candidate.Spec;
            var device = candidate.Place is { Memory: { } memory, Unified: false } place ? Budget.Device(memory).Bytes * place.Count / among : long.MaxValue;
            if (spec.Memory.Bytes <= host && spec.DeviceMemory.Bytes <= device) return spec;
            if (smallest is null || spec.Memory + spec.DeviceMemory < smallest.Memory + smallest.DeviceMemory) smallest = spec;
        }

        return smallest;
    }
}

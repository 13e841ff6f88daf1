using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>What a workload would be served by.</summary>
/// <param name="Best">What an expert would run; null when nothing fits.</param>
/// <param name="Now">What this release can run; null when nothing can.</param>
/// <param name="Residence">When <paramref name="Now"/> is in memory, or <paramref name="Best"/> where there is none.</param>
public sealed record Allotment(Workload Workload, Resolution Resolution, Candidate? Best, Candidate? Now, Residence Residence);

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

    /// <summary>The least that could serve, in its smallest shape above the floor; null when nothing could.</summary>
    public static InstanceSpec? Smallest(IEnumerable<Candidate> candidates) =>
        candidates.MinBy(c => c.Least.Host.Bytes + c.Least.Device.Bytes) is { } least ? least.Spec with { Memory = least.Least.Host, DeviceMemory = least.Least.Device } : null;

    /// <summary>
    /// Plans every workload in the intent's order, each beside what was planned before it and what is kept for those after it.
    /// Those on demand are planned beside what stays loaded, and what stays loaded beside the largest of them.
    /// </summary>
    public static ImmutableArray<Allotment> Plan(ImmutableArray<Workload> workloads, Knowing known, Resolutions resolutions)
    {
        var best = One(static r => r.Blocked.Concat(r.Candidates).OrderByDescending(c => c.Spec.Merit), static r => r.Best);
        var now = One(static r => r.Candidates, static r => r.Candidates.FirstOrDefault());
        return [.. workloads.Select((w, i) => new Allotment(w, best[i].Resolution, best[i].Chosen, now[i].Chosen, now[i].Chosen is null ? best[i].Residence : now[i].Residence))];

        List<(Resolution Resolution, Candidate? Chosen, Residence Residence)> One(Func<Resolution, IEnumerable<Candidate>> all, Func<Resolution, Candidate?> first)
        {
            var chosen = new List<(Resolution, Candidate?, Residence)>();
            var residences = Residing.Of(workloads, Least, known.Machine, known.Policy);
            var (stays, turns) = (PoolUse.None, PoolUse.None);
            for (var i = 0; i < workloads.Length; i++)
            {
                var resolution = resolutions.Of(workloads[i], known, Beside(i, w => Fair(Alone(w), workloads.Length, known)));

                // What is kept for others must not keep anybody from beginning.
                if (first(resolution) is null && workloads.Length > 1) resolution = resolutions.Of(workloads[i], known, Beside(i, Least));
                var choice = first(resolution) is { } candidate ? candidate with { Spec = candidate.Spec with { Residency = residences[i].Residency } } : null;
                if (choice is not null && residences[i].Residency == Residency.Resident) stays = stays.With(choice.Spec);
                else if (choice is not null) turns = turns.Or(PoolUse.None.With(choice.Spec));
                chosen.Add((resolution, choice, residences[i]));
            }

            return chosen;

            IEnumerable<Candidate> Alone(Workload workload) => all(resolutions.Of(workload, known, PoolUse.None));

            InstanceSpec? Least(Workload workload) => Smallest(Alone(workload));

            PoolUse Beside(int i, Func<Workload, InstanceSpec?> reserve)
            {
                var (kept, largest) = (stays, turns);
                for (var later = i + 1; later < workloads.Length; later++)
                {
                    if (residences[later].Residency == Residency.Resident && reserve(workloads[later]) is { } reserved) kept = kept.With(reserved);
                    else if (residences[later].Residency == Residency.OnDemand && Least(workloads[later]) is { } least) largest = largest.Or(PoolUse.None.With(least));
                }

                return residences[i].Residency == Residency.Resident ? kept.Plus(largest) : kept;
            }
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

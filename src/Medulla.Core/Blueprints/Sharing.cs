using Medulla.Core.Intents;

namespace Medulla.Core.Blueprints;

/// <summary>Several workloads on one machine.</summary>
public static class Sharing
{
    /// <summary>
    /// What is kept free for a workload that has no target yet: the best that takes no more than its share of the memory, or
    /// else the smallest. Null when nothing could serve it anyway.
    /// </summary>
    /// <param name="among">Workloads that share the machine.</param>
    public static InstanceSpec? Reserve(Workload workload, int among, Knowing known, Resolutions resolutions)
    {
        var alone = resolutions.Of(workload, known, PoolUse.None).Candidates;
        if (alone.IsEmpty) return null;
        var host = Budget.Host(known.Machine, known.Policy).Bytes / among;
        foreach (var candidate in alone)
        {
            var spec = candidate.Spec;
            var device = candidate.Place.Memory is { } memory && !candidate.Place.Unified ? Budget.Device(memory).Bytes * candidate.Place.Count / among : long.MaxValue;
            if (spec.Memory.Bytes <= host && spec.DeviceMemory.Bytes <= device) return spec;
        }

        return alone.MinBy(c => c.Spec.Memory.Bytes + c.Spec.DeviceMemory.Bytes)!.Spec;
    }
}

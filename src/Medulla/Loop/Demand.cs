using System.Collections.Immutable;
using Medulla.Core.Observing;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Loop;

/// <summary>
/// Requests that wait for an instance. The gateway writes, the observer reads. Bound: the gateway's own of requests that wait;
/// a workload that nobody waits for takes nothing.
/// </summary>
internal sealed class Demand
{
    private readonly Lock _gate = new();
    private readonly Dictionary<WorkloadName, List<TimeSpan>> _waiting = [];

    public ImmutableArray<DemandFact> Read()
    {
        lock (_gate) return _waiting.Count == 0 ? [] : [.. _waiting.Select(w => new DemandFact(w.Key, w.Value.Count, w.Value[0])).OrderBy(d => d.Workload.Value, StringComparer.Ordinal)];
    }

    /// <summary>Counts a request in. Owes one <see cref="Leave"/> with what this returned.</summary>
    public TimeSpan Enter(WorkloadName workload)
    {
        var since = Posix.BootTime();
        lock (_gate)
        {
            if (!_waiting.TryGetValue(workload, out var waiting)) _waiting.Add(workload, waiting = []);
            waiting.Add(since);
        }

        return since;
    }

    public void Leave(WorkloadName workload, TimeSpan since)
    {
        lock (_gate)
        {
            if (!_waiting.TryGetValue(workload, out var waiting)) return;
            waiting.Remove(since);
            if (waiting.Count == 0) _waiting.Remove(workload);
        }
    }
}

using Medulla.Artifacts;
using Medulla.Artifacts.Builds;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Engines;
using Medulla.Probing;

namespace Medulla.Loop;

/// <summary>The real world behind the loop's seam: snapshots that the rooms keep, and the executor.</summary>
internal sealed class DeviceWorld(Instances instances, ArtifactStore store, EngineShelf shelf, Executor executor, Signals signals, Demand demand, MachineProbe probe, MachineWatch machine, HostSensors sensors, DeviceClock clock, Func<string?> setback) : IWorld
{
    public Observation Read()
    {
        // Ends, then signals, then facts: what has ended has said so, and whatever the signals announce is in the facts.
        executor.Settle();
        var happened = signals.Drain();
        return Facts() with { Signals = happened };
    }

    /// <summary>The same without the signals: for reports between ticks.</summary>
    public Observation Facts() => new()
    {
        Now = clock.Read(),
        Instances = instances.Read(),
        Engines = shelf.Facts,
        Weights = store.Facts,
        Nearby = store.Nearby,
        OwnModels = store.OwnModels,
        Findings = store.Findings,
        Operations = executor.Read(),
        Demand = demand.Read(),
        MemoryAvailable = probe.MemoryAvailable(),
        Machine = machine.Current,
        Host = sensors.Current is { } host ? host with { Unseen = machine.Unseen, Setback = setback() } : null,
        Signals = [],
    };

    public void Carry(Plan plan) => executor.Carry(plan);
}

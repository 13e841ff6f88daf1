using Medulla.Core.Blueprints;

namespace Medulla.Core.Proposing;

/// <summary>Can a candidate run while its fallback still serves?</summary>
public static class Beside
{
    public static bool Fits(Situation situation, InstanceSpec? current, InstanceSpec next)
    {
        var others = situation.Memory.Target.Instances.Where(i => i.Workload != next.Workload && (!situation.IsOnDemand(i.Workload) || situation.World.Find(i.Id) is not null));
        var planned = PoolUse.Of(others).With(next);
        if (current is not null) planned = planned.With(current);
        var fitsPlan = Budget.Holds(situation.Machine, situation.Intent.Policy, planned);
        var fitsNow = situation.World.MemoryAvailable is not { } available || next.Memory <= available;
        return fitsPlan && fitsNow;
    }
}

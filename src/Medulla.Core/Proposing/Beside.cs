using Medulla.Core.Blueprints;
using Medulla.Core.Units;

namespace Medulla.Core.Proposing;

/// <summary>Can a candidate run while its fallback still serves?</summary>
public static class Beside
{
    public static bool Fits(Situation situation, InstanceSpec? current, InstanceSpec next)
    {
        var others = situation.Memory.Target.Instances.Where(i => i.Workload != next.Workload).Sum(i => i.Memory.Bytes);
        var planned = new ByteSize(others + next.Memory.Bytes + (current?.Memory.Bytes ?? 0));
        var fitsPlan = planned <= Resolver.Budget(situation.Machine, situation.Intent.Policy);
        var fitsNow = situation.World.MemoryAvailable is not { } available || next.Memory <= available;
        return fitsPlan && fitsNow;
    }
}

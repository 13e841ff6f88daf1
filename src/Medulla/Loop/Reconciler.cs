using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Trials;

namespace Medulla.Loop;

/// <summary>
/// The loop of the device: look, decide, remember, tell, act. Owns the memory; one caller ticks it. Nothing in a tick
/// waits: long work is an operation of the world's. What is told (routes, journal, status) is told after it is durable and
/// can undo nothing; what cannot be made durable is not acted upon.
/// </summary>
/// <param name="machine">What the machine is until an observation says more.</param>
/// <param name="remember">Makes the memory durable; false when it could not, and then nothing new is done this tick.</param>
/// <param name="tell">Observers of the loop.</param>
/// <param name="untold">Told when an observer failed: a failed report can undo nothing.</param>
internal sealed class Reconciler(
    IWorld world,
    Intent intent,
    Catalog catalog,
    Machine machine,
    Memory memory,
    Func<Memory, bool> remember,
    Action<Observation, Decision> tell,
    Action<Exception> untold)
{
    private readonly Resolutions _resolutions = new();
    private Machine _machine = machine;
    private Memory _durable = memory;

    public Memory Memory { get; private set; } = memory;

    public Decision Tick()
    {
        var seen = world.Read();
        _machine = seen.Machine ?? _machine;
        var then = Decide.Next(intent, catalog, _machine, Memory, seen, _resolutions);
        Memory = then.Memory;
        if (!ReferenceEquals(Memory, _durable) && remember(Memory)) _durable = Memory;
        Tell(seen, then);
        if (ReferenceEquals(Memory, _durable)) world.Carry(then.Plan);
        return then;
    }

    private void Tell(Observation seen, Decision then)
    {
        try
        {
            tell(seen, then);
        }
        catch (Exception e)
        {
            untold(e);
        }
    }
}

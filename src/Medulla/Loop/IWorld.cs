using Medulla.Core.Observing;
using Medulla.Core.Planning;

namespace Medulla.Loop;

/// <summary>The one seam that can fake the world. The device has the real one, the simulator its own.</summary>
internal interface IWorld
{
    /// <summary>Facts already gathered. Never blocks, never throws. Each signal is returned once.</summary>
    Observation Read();

    /// <summary>Starts what is new in the plan, leaves alone what is in flight, cancels what is no longer planned. Returns at once.</summary>
    void Carry(Plan plan);
}

using System.Collections.Immutable;
using Medulla.Core.Observing;

namespace Medulla.Loop;

/// <summary>
/// Owns what has happened and was not yet looked at. Every room writes; the observer drains; each signal wakes the loop.
/// Bound: <see cref="Capacity"/> signals; at the bound the oldest demand is dropped first, then the oldest signal, and
/// <see cref="Dropped"/> counts it: facts are observed again, so a lost signal costs evidence, never a state.
/// </summary>
internal sealed class Signals(Wake wake)
{
    public const int Capacity = 1024;

    private readonly Lock _gate = new();
    private readonly List<Signal> _waiting = [];
    private long _dropped;

    /// <summary>Signals lost at the bound since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Makes the loop look again at facts that changed without an event worth keeping.</summary>
    public void Nudge() => wake.Now("facts changed");

    public void Post(Signal signal)
    {
        lock (_gate)
        {
            if (_waiting.Count == Capacity)
            {
                var demand = _waiting.FindIndex(s => s is Signal.Demanded);
                _waiting.RemoveAt(Math.Max(demand, 0));
                _dropped++;
            }

            _waiting.Add(signal);
        }

        wake.Now(signal.GetType().Name);
    }

    public ImmutableArray<Signal> Drain()
    {
        lock (_gate)
        {
            ImmutableArray<Signal> taken = [.. _waiting];
            _waiting.Clear();
            return taken;
        }
    }
}

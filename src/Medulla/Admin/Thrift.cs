using Medulla.State;

namespace Medulla.Admin;

/// <summary>
/// Gives memory back to the system once a burst of work is over: on a device with one pool of memory, what the daemon keeps
/// for later is missing to a model. Looks at a counter that moves with the work; costs nothing while it stands still.
/// </summary>
/// <param name="work">A counter that moves with the work.</param>
internal sealed class Thrift(Func<long> work)
{
    private long _seen = -1;
    private bool _owed = true;

    /// <summary>Called every few seconds: collects and trims once after each stretch of work.</summary>
    public void Look()
    {
        var now = work();
        if (now != _seen)
        {
            (_seen, _owed) = (now, true);
            return;
        }

        if (!_owed) return;
        _owed = false;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Posix.TrimHeap();
    }
}

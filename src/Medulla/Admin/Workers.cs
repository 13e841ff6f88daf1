using System.Globalization;

namespace Medulla.Admin;

/// <summary>
/// The daemon's threads, made at its start and kept: the runtime ends a process that wants a worker more and cannot get one,
/// and a machine that is out of processes is one that has to be healed. Waiting for work costs them nothing.
/// </summary>
internal static class Workers
{
    /// <summary>For instances, fetches and looks that compute or wait for a disk at once; requests wait without a thread.</summary>
    private const int AtOnce = 16;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    public static void Make()
    {
        // The runtime keeps as many alive as its configuration says, and wants one for each processor.
        if (!int.TryParse(AppContext.GetData("System.Threading.ThreadPool.ThreadsToKeepAlive") as string, CultureInfo.InvariantCulture, out var most)) return;
        var kept = Math.Min(most, Math.Max(AtOnce, Environment.ProcessorCount));
        ThreadPool.GetMinThreads(out var least, out var leastForIo);
        ThreadPool.GetMaxThreads(out var allowed, out var allowedForIo);
        ThreadPool.SetMinThreads(kept, leastForIo);
        var missing = kept;
        var together = new ManualResetEventSlim();
        for (var i = 0; i < kept; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                _ =>
                {
                    if (Interlocked.Decrement(ref missing) == 0) together.Set();
                    together.Wait(Limit);
                },
                null);
        }

        together.Wait(Limit);

        // Only so many run at once as before; allowing no more for a moment lowers what the pool aims at.
        ThreadPool.SetMinThreads(least, leastForIo);
        ThreadPool.SetMaxThreads(least, allowedForIo);
        ThreadPool.SetMaxThreads(allowed, allowedForIo);
    }
}

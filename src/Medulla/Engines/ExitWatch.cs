using System.Runtime.InteropServices;
using Medulla.State;

namespace Medulla.Engines;

/// <param name="Code">Null when unknown or when a signal ended it.</param>
/// <param name="KilledBy">Null when unknown or when it exited.</param>
internal readonly record struct Exit(int? Code, int? KilledBy);

/// <summary>
/// Sees exits the moment they happen, of children and of adopted processes alike, by pidfd: one thread for all. A zombie
/// is dead, and its group is ended with it. Children are reaped here; the code of a process that is not ours to reap is unknown.
/// </summary>
internal sealed partial class ExitWatch : IDisposable
{
    private const long PidfdOpen = 434;
    private const short PollIn = 1;

    private readonly Lock _gate = new();
    private readonly List<(int Handle, int Pid, Action<Exit> Then)> _watched = [];
    private readonly int _wake = EventFd(0, 0x80000);
    private bool _closed;

    public ExitWatch() => new Thread(Run) { IsBackground = true, Name = "exit watch" }.Start();

    /// <summary>Calls <paramref name="then"/> once, on the watch's thread. False when the process is gone already.</summary>
    public bool TryWatch(int pid, Action<Exit> then)
    {
        var handle = (int)Syscall(PidfdOpen, pid, 0);
        if (handle < 0) return false;
        lock (_gate) _watched.Add((handle, pid, then));
        Wake();
        return true;
    }

    public void Dispose()
    {
        lock (_gate) _closed = true;
        Wake();
    }

    private unsafe void Run()
    {
        while (true)
        {
            Poll[] polls;
            lock (_gate)
            {
                if (_closed) return;
                polls = [new Poll { Handle = _wake, Events = PollIn }, .. _watched.Select(w => new Poll { Handle = w.Handle, Events = PollIn })];
            }

            fixed (Poll* first = polls)
            {
                if (PollHandles(first, (nuint)polls.Length, -1) < 0) continue;
            }

            if (polls[0].Returned != 0) _ = Read(_wake, out _, 8);
            foreach (var poll in polls.Skip(1).Where(p => p.Returned != 0)) Ended(poll.Handle);
        }
    }

    private void Ended(int handle)
    {
        (int Handle, int Pid, Action<Exit> Then) ended;
        lock (_gate)
        {
            ended = _watched.Find(w => w.Handle == handle);
            _watched.Remove(ended);
        }

        // The rest of its group goes first: until the leader is reaped, its number is nobody else's.
        Posix.Signal(-ended.Pid, Posix.SigKill);
        var exit = Reap(ended.Pid);
        _ = Posix.Close(handle);
        ended.Then(exit);
    }

    private static Exit Reap(int pid)
    {
        if (WaitPid(pid, out var status, 1) != pid) return default;
        var signal = status & 0x7f;
        return signal == 0 ? new Exit((status >> 8) & 0xff, null) : new Exit(null, signal);
    }

    private void Wake()
    {
        var one = 1L;
        _ = Write(_wake, in one, 8);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Poll
    {
        public int Handle;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, long first, long second);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static unsafe partial int PollHandles(Poll* polls, nuint count, int timeout);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int handle, out long value, nint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int handle, in long value, nint count);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitPid(int pid, out int status, int options);
}

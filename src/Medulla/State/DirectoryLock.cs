using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Medulla.State;

/// <summary>Outcome of taking a data directory: a closed family.</summary>
internal abstract record LockOutcome
{
    private LockOutcome()
    {
    }

    public sealed record Taken(DirectoryLock Lock) : LockOutcome;

    /// <summary>Another daemon has it.</summary>
    /// <param name="Pid">0 when it did not say.</param>
    public sealed record Held(int Pid, string Command) : LockOutcome;

    /// <param name="Reason">What was tried, on what, and what to do.</param>
    public sealed record Unusable(string Reason) : LockOutcome;
}

/// <summary>One daemon per data directory: holds a lock that ends with the process, and the directory's identity.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private readonly DataDirectory _data;
    private readonly FileStamp? _run;
    private SafeFileHandle _file;
    private FileStamp? _stamp;

    private DirectoryLock(SafeFileHandle file, DataDirectory data, string identity)
    {
        (_file, _data, Identity) = (file, data, identity);
        (_stamp, _run) = (Posix.Stat(data.Lock), Posix.Stat(data.Run));
    }

    /// <summary>16 random hexadecimal characters: marks the engines that were started from this directory.</summary>
    public string Identity { get; }

    /// <param name="known">What a directory without an identity is to have; null for a new one.</param>
    public static LockOutcome Take(DataDirectory data, string? known = null)
    {
        try
        {
            Directory.CreateDirectory(data.Root);
            foreach (var folder in new[] { data.Store, data.Engines, data.Journal }) Directory.CreateDirectory(folder);
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(data.Run);
            else Directory.CreateDirectory(data.Run, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var file = Posix.OpenForLock(data.Lock);
            if (!Posix.TryLock(file))
            {
                using (file)
                {
                    Span<byte> text = stackalloc byte[16];
                    _ = int.TryParse(text[..RandomAccess.Read(file, text, 0)], NumberStyles.None, CultureInfo.InvariantCulture, out var pid);
                    return new LockOutcome.Held(pid, CommandOf(pid));
                }
            }

            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)), 0);
            return new LockOutcome.Taken(new DirectoryLock(file, data, ReadIdentity(data, known)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new LockOutcome.Unusable($"cannot write to the data directory {data.Root}: {e.Message} Choose another with --data DIR, or make it writable for this user.");
        }
    }

    /// <summary>
    /// Null while the directory is the one that was taken. One that was removed, moved away or covered by a mount is made or taken
    /// anew, with the same identity where it has none: what came of that. A lock file that alone is gone is made again.
    /// </summary>
    public LockOutcome? LookAgain()
    {
        var stamp = Posix.Stat(_data.Lock);
        if (IsSame(stamp, _stamp)) return null;
        var whole = IsSame(Posix.Stat(_data.Run), _run);
        switch (Take(_data, Identity))
        {
            case LockOutcome.Held { Pid: var pid } when pid == Environment.ProcessId:
                // The lock is still ours: this file system gives its files other numbers now and then.
                _stamp = stamp;
                return null;
            case LockOutcome.Taken { Lock: var again } when whole && again.Identity == Identity:
                _file.Dispose();
                (_file, _stamp) = (again._file, again._stamp);
                return null;
            case var outcome:
                return outcome;
        }
    }

    public void Dispose() => _file.Dispose();

    private static bool IsSame(FileStamp? a, FileStamp? b) => a is { } one && b is { } other && (one.Inode, one.Device) == (other.Inode, other.Device);

    private static string ReadIdentity(DataDirectory data, string? known)
    {
        if (File.Exists(data.Identity) && File.ReadAllText(data.Identity) is { Length: 16 } read) return read;
        var identity = known ?? RandomNumberGenerator.GetHexString(16, lowercase: true);
        AtomicFile.Write(data.Identity, Encoding.ASCII.GetBytes(identity));
        return identity;
    }

    private static string CommandOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ').Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }
}

using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Medulla.State;

/// <summary>The few system calls that .NET has no words for. Linux only; callers check the platform where another path exists.</summary>
internal static partial class Posix
{
    /// <summary>Set in the environment of a daemon that began anew by itself.</summary>
    public const string BegunAnew = "MEDULLA_BEGUN_ANEW";

    public const int SigTerm = 15;

    public const int SigKill = 9;

    public const int NoSuchProcess = 3;

    public const int NoSpace = 28;

    /// <summary>A disk that cannot give what it holds.</summary>
    public const int ReadFault = 5;

    private const int OpenReadOnly = 0;
    private const int OpenReadWrite = 2;
    private const int OpenCreate = 0x40;
    private const int OpenDirectory = 0x10000;
    private const int OpenCloseOnExec = 0x80000;
    private const int LockExclusiveNow = 2 | 4;
    private const int AtFdCwd = -100;
    private const uint StatxBasic = 0x7ff;
    private const int ClockBoottime = 7;
    private const int SetDescriptorFlags = 2;

    /// <summary>Opens a directory for <see cref="Sync"/> or for paths below <c>/proc/self/fd</c>. The caller closes it.</summary>
    public static int OpenDirectoryHandle(string path)
    {
        var fd = Open(path, OpenReadOnly | (RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : OpenDirectory) | OpenCloseOnExec, 0);
        return fd >= 0 ? fd : throw Error("open", path);
    }

    /// <summary>Makes the entries of a directory durable.</summary>
    public static void SyncDirectory(string path)
    {
        var fd = OpenDirectoryHandle(path);
        try
        {
            if (Fsync(fd) != 0) throw Error("fsync", path);
        }
        finally
        {
            _ = Close(fd);
        }
    }

    /// <summary>Makes what was written durable.</summary>
    public static void Sync(SafeFileHandle file, string path)
    {
        if (Fsync((int)file.DangerousGetHandle()) != 0) throw Error("fsync", path);
    }

    /// <summary>Opens or creates a file for <see cref="TryLock"/>: .NET's own streams take locks of their own, which would meet ours.</summary>
    public static SafeFileHandle OpenForLock(string path)
    {
        var fd = Open(path, OpenReadWrite | OpenCreate | OpenCloseOnExec, 0x180);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw Error("open", path);
    }

    /// <summary>Takes an exclusive lock that ends with the process; false when another process has it.</summary>
    public static bool TryLock(SafeFileHandle file) => Flock((int)file.DangerousGetHandle(), LockExclusiveNow) == 0;

    /// <summary>Identity and times of a file; null when there is none.</summary>
    public static FileStamp? Stat(string path)
    {
        Span<byte> buffer = stackalloc byte[256];
        if (Statx(AtFdCwd, path, 0, StatxBasic, ref MemoryMarshal.GetReference(buffer)) != 0) return null;
        return new FileStamp(
            BinaryPrimitives.ReadInt64LittleEndian(buffer[40..]),
            Nanoseconds(buffer[112..]),
            Nanoseconds(buffer[96..]),
            BinaryPrimitives.ReadUInt64LittleEndian(buffer[32..]),
            ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(buffer[136..]) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(buffer[140..]));
    }

    /// <summary>What is left of the file system of a path; null when it cannot be told.</summary>
    public static FileSystemSpace? Space(string path)
    {
        Span<byte> buffer = stackalloc byte[256];
        if (Statfs(path, ref MemoryMarshal.GetReference(buffer)) != 0) return null;
        var block = BinaryPrimitives.ReadInt64LittleEndian(buffer[72..]);
        if (block == 0) block = BinaryPrimitives.ReadInt64LittleEndian(buffer[8..]);
        return new FileSystemSpace(
            BinaryPrimitives.ReadInt64LittleEndian(buffer[32..]) * block,
            BinaryPrimitives.ReadInt64LittleEndian(buffer[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(buffer[48..]),
            (BinaryPrimitives.ReadInt64LittleEndian(buffer[80..]) & 1) != 0);
    }

    /// <summary>Time since boot, suspended time included.</summary>
    public static TimeSpan BootTime()
    {
        if (ClockGettime(ClockBoottime, out var time) != 0) throw Error("clock_gettime", "CLOCK_BOOTTIME");
        return TimeSpan.FromTicks((time.Seconds * TimeSpan.TicksPerSecond) + (time.Nanoseconds / 100));
    }

    /// <summary>Returns free pages of the C heap to the system, where the C library can.</summary>
    public static void TrimHeap()
    {
        try
        {
            _ = MallocTrim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library than glibc keeps no such heap.
        }
    }

    /// <summary>Sends a signal; false when there is no such process. A negative pid means the whole process group.</summary>
    public static bool Signal(int pid, int signal)
    {
        if (Kill(pid, signal) == 0) return true;
        return Marshal.GetLastPInvokeError() != NoSuchProcess ? throw Error("kill", pid.ToString(System.Globalization.CultureInfo.InvariantCulture)) : false;
    }

    /// <summary>
    /// Puts this very program, with the same arguments, in the place of this process: same pid, same terminal. Returns only when it could not,
    /// with the reason. Files that are open close by themselves.
    /// </summary>
    public static string BeginAnew()
    {
        var arguments = File.ReadAllText("/proc/self/cmdline").Split('\0')[..^1];
        var program = Environment.ProcessPath!;
        SetVariable(BegunAnew, "1");
        _ = Exec(program, [.. arguments, null]);
        return Error("exec", program).Message;
    }

    /// <summary>Of the environment that a program in this one's place would have; null takes it away.</summary>
    public static void SetVariable(string name, string? value) => _ = value is null ? UnsetEnvironment(name) : SetEnvironment(name, value, 1);

    /// <summary>Whether a descriptor is closed when another program takes this one's place, or is started by it.</summary>
    public static void CloseOnExec(int descriptor, bool closes)
    {
        if (Fcntl(descriptor, SetDescriptorFlags, closes ? 1 : 0) < 0) throw Error("fcntl", $"descriptor {descriptor}");
    }

    /// <summary>Another descriptor of the same, that the next program has too.</summary>
    public static int Duplicate(int descriptor)
    {
        var copy = Dup(descriptor);
        return copy >= 0 ? copy : throw Error("dup", $"descriptor {descriptor}");
    }

    public static IOException Error(string call, string on)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new IOException($"{call} {on}: {new Win32Exception(errno).Message}", errno);
    }

    private static long Nanoseconds(ReadOnlySpan<byte> time) =>
        (BinaryPrimitives.ReadInt64LittleEndian(time) * 1_000_000_000) + BinaryPrimitives.ReadUInt32LittleEndian(time[8..]);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "setenv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnsetEnvironment(string name);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(int fd, int command, int argument);

    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    private static partial int Dup(int fd);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int fd);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(int fd, int operation);

    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Exec(string path, string?[] arguments);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "statfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statfs(string path, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);

    [LibraryImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    private static partial int ClockGettime(int clock, out TimeSpec time);
}

/// <param name="Free">Bytes that may still be written.</param>
/// <param name="Files">Files that it can hold; 0 when it has no such bound.</param>
/// <param name="FilesFree">Files that can still be made.</param>
internal readonly record struct FileSystemSpace(long Free, long Files, long FilesFree, bool IsReadOnly);

/// <summary>What a file looks like from outside: while all of it is the same, so are its bytes.</summary>
/// <param name="Modified">Nanoseconds since 1970.</param>
/// <param name="Changed">Nanoseconds since 1970: the inode's own time, which nobody can set.</param>
internal readonly record struct FileStamp(long Size, long Modified, long Changed, ulong Inode, ulong Device);

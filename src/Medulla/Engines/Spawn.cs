using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace Medulla.Engines;

/// <summary>Outcome of <see cref="Spawn.Start"/>: a closed family.</summary>
internal abstract record SpawnOutcome
{
    private SpawnOutcome()
    {
    }

    public sealed record Started(int Pid) : SpawnOutcome;

    /// <param name="Reason">The system's word for it.</param>
    public sealed record Failed(int Errno, string Reason) : SpawnOutcome;
}

/// <summary>
/// Starts a program in a session of its own, so that it outlives us and its group can be ended whole: standard input
/// is empty, output is appended to a file, signals are at their defaults, and no handle of ours is inherited (all are
/// close-on-exec). <c>System.Diagnostics.Process</c> can do none of this.
/// </summary>
internal static partial class Spawn
{
    private const short SetSigDefault = 0x04;
    private const short SetSigMask = 0x08;
    private const short SetSession = 0x80;
    private const int WriteAppendCreate = 0x1 | 0x400 | 0x40;
    private const int StructureRoom = 512;
    private const int SignalSetLength = 128;

    public static unsafe SpawnOutcome Start(IReadOnlyList<string> command, IEnumerable<string> environment, string directory, string output)
    {
        var actions = stackalloc byte[StructureRoom];
        var attributes = stackalloc byte[StructureRoom];
        var all = stackalloc byte[SignalSetLength];
        var none = stackalloc byte[SignalSetLength];
        new Span<byte>(all, SignalSetLength).Fill(0xff);
        new Span<byte>(none, SignalSetLength).Clear();
        Check(ActionsInit(actions));
        Check(AttributesInit(attributes));
        var arguments = Vector(command);
        var variables = Vector(environment);
        try
        {
            Check(ActionsChangeDirectory(actions, directory));
            Check(ActionsOpen(actions, 0, "/dev/null", 0, 0));
            Check(ActionsOpen(actions, 1, output, WriteAppendCreate, 0x180));
            Check(ActionsDuplicate(actions, 1, 2));
            Check(AttributesFlags(attributes, SetSigDefault | SetSigMask | SetSession));
            Check(AttributesDefault(attributes, all));
            Check(AttributesMask(attributes, none));
            var errno = PosixSpawn(out var pid, command[0], actions, attributes, arguments, variables);
            return errno == 0 ? new SpawnOutcome.Started(pid) : new SpawnOutcome.Failed(errno, new Win32Exception(errno).Message);
        }
        finally
        {
            Free(arguments);
            Free(variables);
            _ = ActionsDestroy(actions);
            _ = AttributesDestroy(attributes);
        }
    }

    private static unsafe byte** Vector(IEnumerable<string> texts)
    {
        var list = texts.ToList();
        var vector = (byte**)NativeMemory.AllocZeroed((nuint)(list.Count + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < list.Count; i++)
        {
            var bytes = Encoding.UTF8.GetBytes(list[i]);
            vector[i] = (byte*)NativeMemory.AllocZeroed((nuint)bytes.Length + 1);
            bytes.CopyTo(new Span<byte>(vector[i], bytes.Length));
        }

        return vector;
    }

    private static unsafe void Free(byte** vector)
    {
        for (var item = vector; *item is not null; item++) NativeMemory.Free(*item);
        NativeMemory.Free(vector);
    }

    private static void Check(int errno)
    {
        if (errno != 0) throw new Win32Exception(errno);
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int PosixSpawn(out int pid, string path, byte* actions, byte* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static unsafe partial int ActionsInit(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static unsafe partial int ActionsDestroy(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int ActionsOpen(byte* actions, int fd, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static unsafe partial int ActionsDuplicate(byte* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addchdir_np", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int ActionsChangeDirectory(byte* actions, string path);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static unsafe partial int AttributesInit(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static unsafe partial int AttributesDestroy(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static unsafe partial int AttributesFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static unsafe partial int AttributesDefault(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static unsafe partial int AttributesMask(byte* attributes, byte* signals);
}

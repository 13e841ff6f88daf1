using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Medulla.State;

namespace Medulla.Probing;

/// <summary>
/// This machine. Each tool that is installed runs at once beside the others, in a session of its own, and has
/// <see cref="Budget"/>: then it is ended with all it started, and what it printed until then is its reading. Files are read
/// beside them within the same budget, for a driver that hangs makes its files hang too.
/// </summary>
/// <param name="data">The folder whose disk is of interest.</param>
/// <param name="root">Where <c>proc</c>, <c>sys</c> and <c>etc</c> are.</param>
/// <param name="folders">Where programs are looked for before the path; for tests.</param>
/// <param name="hanging">What hung in an earlier look, by name, with the question whether it still does: it is not begun once more beside itself.</param>
internal sealed class LiveSource(string data, string root = "/", IReadOnlyList<string>? folders = null, ConcurrentDictionary<string, Func<bool>>? hanging = null) : IProbeSource
{
    /// <summary>The subject of the files, in a finding that they did not answer.</summary>
    public const string KernelFiles = "files of the kernel";

    private const int MaxMatches = 64;
    private const int MaxFiles = 2000;

    /// <summary>What a tool may take.</summary>
    public static readonly TimeSpan Budget = TimeSpan.FromSeconds(2);

    private static readonly Platforms Here = OperatingSystem.IsWindows() ? Platforms.Windows : OperatingSystem.IsMacOS() ? Platforms.MacOs : Platforms.Linux;

    public Task<IReadOnlyList<Reading>> ReadAsync() => Task.Run(Read);

    /// <summary>Runs one tool alone; null when it is not installed.</summary>
    public Reading? Ask(CommandRow row, TimeSpan budget)
    {
        if (Locate(row) is not { } program) return null;
        return StillHangs(row.Name) ? Unanswered(row) : Run(row, program, budget);
    }

    private static Reading Unanswered(CommandRow row) => new(row.Name, string.Join(' ', row.Command), "") { End = ReadingEnd.TimedOut };

    private IReadOnlyList<Reading> Read()
    {
        var found = new ConcurrentQueue<(int Order, Reading Reading)>();
        var asked = new List<(int Order, Reading Unanswered)>();
        var threads = new List<Thread>();
        foreach (var (row, order) in ProbeTable.Commands.Select((r, i) => (r, i)).Where(r => r.r.On.HasFlag(Here)))
        {
            if (Locate(row) is not { } program) continue;
            asked.Add((order, Unanswered(row)));
            if (!StillHangs(row.Name) && TryBegin(() => found.Enqueue((order, Run(row, program, Budget))), "probe") is { } tool) threads.Add(tool);
        }

        var read = false;
        if (!StillHangs(KernelFiles))
        {
            var files = TryBegin(
                () =>
                {
                    var order = ProbeTable.Commands.Length;
                    foreach (var reading in Files()) found.Enqueue((order++, reading));
                    Volatile.Write(ref read, true);
                },
                "probe");
            if (files is not null) threads.Add(files);
            Hang(KernelFiles, () => files is { IsAlive: true });
        }

        // A thread more than the tools need: killing and reaping takes its time too.
        var end = Stopwatch.GetTimestamp() + (long)((Budget.TotalSeconds + 0.5) * Stopwatch.Frequency);
        foreach (var thread in threads)
        {
            var left = TimeSpan.FromSeconds((end - Stopwatch.GetTimestamp()) / (double)Stopwatch.Frequency);
            if (left > TimeSpan.Zero) thread.Join(left);
        }

        // A snapshot: who comes late still adds to the queue, and is not waited for, but is said to be missing.
        var whole = Volatile.Read(ref read);
        var there = found.ToArray();
        var readings = there.Concat(asked.Where(a => Array.TrueForAll(there, t => t.Order != a.Order))).OrderBy(f => f.Item1).Select(f => f.Item2).ToList();
        if (!whole) readings.Add(new Reading("files", KernelFiles, "") { End = ReadingEnd.TimedOut });
        return readings;
    }

    /// <summary>Null while the machine has no thread to give: what it was to read is then said to be missing.</summary>
    private static Thread? TryBegin(ThreadStart work, string name)
    {
        try
        {
            var thread = new Thread(work, 256 << 10) { IsBackground = true, Name = name };
            thread.Start();
            return thread;
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    private bool StillHangs(string name) => hanging is not null && hanging.TryGetValue(name, out var hangs) && hangs();

    private void Hang(string name, Func<bool> hangs)
    {
        if (hanging is not null) hanging[name] = hangs;
    }

    /// <summary>The program of a row; null when it is not installed.</summary>
    private string? Locate(CommandRow row)
    {
        var name = OperatingSystem.IsWindows() ? row.Command[0] + ".exe" : row.Command[0];
        var path = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) ?? [];
        foreach (var folder in (folders ?? []).Concat(path).Concat(row.Folders))
        {
            var file = Path.Combine(folder, name);
            if (File.Exists(file)) return file;
        }

        return null;
    }

    private Reading Run(CommandRow row, string program, TimeSpan budget)
    {
        var origin = string.Join(' ', row.Command);
        var alone = SessionStarter();
        var start = new ProcessStartInfo(alone ?? program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false, CreateNoWindow = true };
        if (alone is not null) start.ArgumentList.Add(program);
        foreach (var argument in row.Command.Skip(1)) start.ArgumentList.Add(argument);
        start.Environment["LC_ALL"] = "C";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Exception e) when (e is Win32Exception or IOException or InvalidOperationException)
        {
            return new Reading(row.Name, origin, $"cannot start {program}: {e.Message}") { End = ReadingEnd.Failed, Code = -1 };
        }

        process.StandardInput.Close();
        var output = new Collected(process.StandardOutput);
        var error = new Collected(process.StandardError);
        var began = Stopwatch.GetTimestamp();
        var ended = process.WaitForExit(budget);

        // Its children may hold the pipes: the budget is for all of them.
        var whole = ended && output.Finish(budget - Stopwatch.GetElapsedTime(began)) && error.Finish(budget - Stopwatch.GetElapsedTime(began));
        if (!whole)
        {
            EndAll(process, alone is not null);
            Hang(row.Name, () => !HasEnded(process));
        }

        var code = ended ? process.ExitCode : -2;
        var text = output.Text;
        if ((code != 0 || text.Trim().Length == 0) && error.Text.Length > 0) text = $"{text}\n{error.Text}".TrimStart('\n');
        var reading = new Reading(row.Name, origin, Reduce(Clean(text), row.Keep, row.Until)) { Code = code };
        return reading with { End = !whole && !ended ? ReadingEnd.TimedOut : output.IsCut ? ReadingEnd.Cut : code != 0 ? ReadingEnd.Failed : ReadingEnd.Whole };
    }

    /// <summary>A program that waits in the kernel does not end, whoever kills it.</summary>
    private static bool HasEnded(Process process)
    {
        try
        {
            return process.HasExited;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            return true;
        }
    }

    private static void EndAll(Process process, bool alone)
    {
        try
        {
            if (alone && Posix.Signal(-process.Id, Posix.SigKill)) return;
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or IOException or NotSupportedException)
        {
            // It ended by itself, or hangs in the kernel, where nobody can end it.
        }
    }

    /// <summary>A program that starts others in a session of their own; null where there is none.</summary>
    private static string? SessionStarter() => !OperatingSystem.IsLinux() ? null : File.Exists("/usr/bin/setsid") ? "/usr/bin/setsid" : File.Exists("/bin/setsid") ? "/bin/setsid" : null;

    private IEnumerable<Reading> Files()
    {
        if (Here == Platforms.Linux) yield return new Reading("uname", "uname -srm", $"Linux {Text("proc/sys/kernel/osrelease")?.Trim()} {Machine()}");
        if (Here == Platforms.Windows) yield return new Reading("win32-operatingsystem-runtime", ".NET", $"OSArchitecture={(RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "ARM 64-bit" : "64-bit")}\nTotalPhysicalMemory={GC.GetGCMemoryInfo().TotalAvailableMemoryBytes}\n");
        if (Disk() is { } disk) yield return disk;
        if (Here != Platforms.Linux) yield break;
        var left = MaxFiles;
        foreach (var row in ProbeTable.Files)
        {
            foreach (var path in Expand(row.Path))
            {
                if (left-- == 0) yield break;
                if (Text(path) is not { } text) continue;
                if (row.Only is { } only && !only.IsMatch(text)) continue;
                yield return Make(path, row.Keep is { } words && row.Path == "proc/cmdline" ? string.Join(' ', words.Matches(text).Select(m => m.Value)) : Reduce(Clean(text), row.Keep, null));
            }
        }

        foreach (var reading in Cgroups()) yield return reading;
    }

    private IEnumerable<Reading> Cgroups()
    {
        foreach (var line in Text("proc/self/cgroup")?.Split('\n') ?? [])
        {
            var fields = line.Split(':', 3);
            if (fields.Length < 3) continue;
            var second = fields[0] == "0" && fields[1].Length == 0;
            if (!second && !fields[1].Split(',').Contains("memory", StringComparer.Ordinal)) continue;
            var (mount, files) = second ? ProbeTable.CgroupSecond : ProbeTable.CgroupFirst;
            var depth = 0;
            for (var path = fields[2].Trim('/'); depth < 32; path = Path.GetDirectoryName(path) ?? "")
            {
                foreach (var file in files)
                {
                    // The names of groups hold those of users and containers: a level is enough.
                    if (Text($"{mount}/{path}/{file}") is { } text) yield return new Reading(string.Create(CultureInfo.InvariantCulture, $"{Dashes(mount)}-{depth}-{file}"), $"/{mount}/…/{file} (level {depth})", text.Trim());
                }

                if (path.Length == 0) break;
                depth++;
            }
        }
    }

    private Reading? Disk()
    {
        try
        {
            var drive = new DriveInfo(data);
            var text = string.Create(CultureInfo.InvariantCulture, $"Filesystem Type 1B-blocks Used Available Class Mounted on\n{"disk"} {drive.DriveFormat} {drive.TotalSize} {drive.TotalSize - drive.TotalFreeSpace} {drive.AvailableFreeSpace} {SpeedClass(drive.DriveFormat)} {data.Replace(' ', '_')}\n");
            return new Reading("df", "statfs of the data directory", text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>How fast the disk below the data directory is, by its device; <c>unknown</c> when nobody says.</summary>
    private string SpeedClass(string format)
    {
        if (format is "nfs" or "nfs4" or "cifs" or "smb2" or "fuse.sshfs" or "ceph" or "glusterfs") return "network";
        var best = (Length: -1, Device: "");
        var full = Path.GetFullPath(data);
        foreach (var line in Text("proc/self/mountinfo")?.Split('\n') ?? [])
        {
            var fields = line.Split(' ');
            if (fields.Length < 5) continue;
            var at = fields[4];
            if ((full == at || full.StartsWith(at.TrimEnd('/') + "/", StringComparison.Ordinal)) && at.Length > best.Length) best = (at.Length, fields[2]);
        }

        try
        {
            var link = best.Length < 0 ? null : new DirectoryInfo(Path.Combine(root, "sys/dev/block", best.Device)).ResolveLinkTarget(returnFinalTarget: true)?.FullName;
            if (link is null) return "unknown";
            if (link.Contains("/nvme", StringComparison.Ordinal)) return "nvme";
            var queue = File.Exists(Path.Combine(link, "queue/rotational")) ? link : Path.GetDirectoryName(link) ?? link;
            return Text(Path.Combine(queue, "queue/rotational"))?.Trim() switch { "0" => "ssd", "1" => "hdd", _ => "unknown" };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "unknown";
        }
    }

    private static string Machine() => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => "x86_64",
        Architecture.Arm64 => "aarch64",
        Architecture.RiscV64 => "riscv64",
        var other => other.ToString().ToLowerInvariant(),
    };

    private static Reading Make(string path, string text) => new(Dashes(path), "/" + path, text) { End = text.Length >= Reading.MaxText ? ReadingEnd.Cut : ReadingEnd.Whole };

    private static string Dashes(string path) => path.Replace('/', '-').Replace(':', '_');

    /// <summary>Paths below the root that fit a pattern, in order, bounded.</summary>
    private IEnumerable<string> Expand(string pattern)
    {
        IEnumerable<string> paths = [""];
        foreach (var part in pattern.Split('/'))
        {
            paths = part.Contains('*') ? paths.SelectMany(p => Children(p, part)) : paths.Select(p => p.Length == 0 ? part : $"{p}/{part}");
        }

        return paths.Where(p => pattern.Contains('*') ? File.Exists(Path.Combine(root, p)) : true).Take(MaxMatches * 8);
    }

    private IEnumerable<string> Children(string path, string pattern)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(Path.Combine(root, path), pattern).Select(e => Path.GetFileName(e)).Where(n => !n.StartsWith("card", StringComparison.Ordinal) || !n.Contains('-')).Order(StringComparer.Ordinal).Take(MaxMatches * 4).Select(n => $"{path}/{n}")];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private string? Text(string path)
    {
        try
        {
            using var file = new FileStream(Path.Combine(root, path), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
            var buffer = new byte[64 << 10];
            var bytes = new MemoryStream();
            for (int read; bytes.Length < Reading.MaxText && (read = file.Read(buffer)) > 0;) bytes.Write(buffer, 0, read);
            return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)Math.Min(bytes.Length, Reading.MaxText));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Clean(string text) => CaptureSource.Plain(text);

    private static string Reduce(string text, Regex? keep, string? until)
    {
        if (until is not null && text.IndexOf(until, StringComparison.Ordinal) is > 0 and var at) text = text[..text.LastIndexOf('\n', at)];
        return keep is null ? text : string.Join('\n', text.Split('\n').Where(l => keep.IsMatch(l)));
    }

    /// <summary>What a stream gave until now. Read by a thread of its own, so that nobody waits for a pipe.</summary>
    private sealed class Collected
    {
        private readonly StringBuilder _text = new();
        private readonly Thread? _thread;

        public Collected(StreamReader reader) => _thread = TryBegin(() => Read(reader), "probe output");

        public bool IsCut { get; private set; }

        public string Text
        {
            get
            {
                lock (_text) return _text.ToString();
            }
        }

        public bool Finish(TimeSpan limit) => _thread is not null && _thread.Join(limit > TimeSpan.Zero ? limit : TimeSpan.Zero);

        private void Read(StreamReader reader)
        {
            var buffer = new char[8192];
            try
            {
                for (int read; (read = reader.Read(buffer)) > 0;)
                {
                    lock (_text)
                    {
                        if (_text.Length < Reading.MaxText) _text.Append(buffer, 0, read);
                        else IsCut = true;
                    }
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The pipe went away with its program.
            }
        }
    }
}

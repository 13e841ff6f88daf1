using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using Medulla.Core.Wire;
using Medulla.Probing;
using Medulla.State;

namespace Medulla.Support;

/// <summary>What the running daemon says of itself; null where it does not answer.</summary>
/// <param name="Get">Asks its local API for a path.</param>
internal sealed record DaemonVoice(int Pid, Func<string, CancellationToken, Task<string?>> Get);

/// <summary>
/// What a bundle is made of: everything that this device wrote down and can be asked, section by section, the most telling
/// first. Reads only; each section stands alone, so a damaged file costs itself.
/// </summary>
/// <param name="intentFile">What the owner wrote; null when it was not named.</param>
internal sealed partial class Evidence(DataDirectory data, string version, string? intentFile, DaemonVoice? daemon, TimeProvider time)
{
    private static readonly (string Path, string Name)[] Asked = [("/api/v1/status", "status.json"), ("/api/v1/intent", "intent.json"), ("/api/v1/why", "why.json"), ("/api/v1/incidents", "incidents.json"), ("/metrics", "metrics.txt")];
    private static readonly string[] Shown = ["/proc/meminfo", "/proc/loadavg", "/proc/pressure/memory", "/proc/pressure/cpu", "/proc/pressure/io", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/cpu.max"];
    private static readonly string[] KernelPrograms = ["/usr/bin/dmesg", "/bin/dmesg"];

    private static readonly string[] Slots = [".a", ".b"];

    private const int LogLines = 2000;
    private const int LogLength = 1 << 20;
    private const int JournalEntries = 20_000;
    private const int MaxRuns = 16;
    private const int MaxListed = 2000;
    private const int MaxText = 4 << 20;
    private const int KernelLines = 600;
    private static readonly TimeSpan ProgramLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    private readonly Redaction _redact = Redaction.OfThisMachine(data.Root, Places(data), Secrets(data));

    public Redaction Redaction => _redact;

    public IReadOnlyList<Section> Sections =>
    [
        new("versions.txt", "program, system, runtime, where the data lies", () => One("versions.txt", Versions())),
        new("incidents.txt", "what went wrong, as 'medulla incidents --all' tells it from the memory file", () => One("incidents.txt", Incidents())),
        new("memory.json", "target, trials, lessons, incidents, crashes: all that the device remembers", () => One("memory.json", _redact.Json(MemoryBytes()))),
        new("daemon/", "what the running daemon answers: status, why, intent, incidents, metrics", Answers),
        new("intent.yaml", "what the owner wants of this device", Intent),
        new("journal.jsonl", "decisions with their reasons, the latest last", () => One("journal.jsonl", JournalLines())),
        new("run/", "for each engine process, the living and the last dead: its record, its log, its process", Runs),
        new("engines/", "records of the engine builds", () => Builds().DefaultIfEmpty(new Piece("engines/none.txt", "no engine build has a record\n"))),
        new("kernel.txt", "lines of the kernel about memory, disks, heat and accelerators", () => One("kernel.txt", Kernel())),
        new("machine/facts.txt", "memory, limits, pressure, disks, right now", () => One("machine/facts.txt", Facts())),
        new("machine/", "what was detected, and the capture that 'medulla detect --from machine/capture' replays", Machine),
        new("files.txt", "what lies in the data directory, with sizes and times", () => One("files.txt", Files())),
    ];

    private static IEnumerable<Piece> One(string name, string text) => [new Piece(name, text)];

    private string Versions() => string.Create(CultureInfo.InvariantCulture, $"""
        medulla       {version}
        runtime       {RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}
        time          {time.GetUtcNow():O}
        up since boot {TimeSpan.FromMilliseconds(Environment.TickCount64)}
        data          {data.Root}
        daemon        {(daemon is null ? "none answers" : $"pid {daemon.Pid}")}
        user          {(Environment.IsPrivilegedProcess ? "privileged" : "ordinary")}

        """);

    private string Incidents()
    {
        var memory = JsonSerializer.Deserialize(MemoryBytes(), CoreJson.Default.Memory) ?? Memory.Empty;
        var text = new StringBuilder();
        foreach (var entry in IncidentReport.Of(memory, time.GetUtcNow()).Incidents)
        {
            text.Append(CultureInfo.InvariantCulture, $"#{entry.Incident.Id} {(entry.Incident.IsOpen ? "open" : "closed")} {entry.Severity} {entry.Incident.Code} ({entry.Title}) {entry.Incident.Subject}\n");
            foreach (var evidence in entry.Incident.Evidence) text.Append("  saw: ").Append(EngineLine.InSentence(evidence)).Append('\n');
            foreach (var attempt in entry.Incident.Attempts) text.Append("  tried: ").Append(attempt).Append('\n');
            if (entry.Incident.Proof is { } proof) text.Append(CultureInfo.InvariantCulture, $"  over after {entry.LastedS} s: {proof}\n");
        }

        return text.Length == 0 ? "no incident is remembered\n" : text.ToString();
    }

    private byte[] MemoryBytes()
    {
        if (RecordFile.Peek(data.Memory) is { } payload) return payload;
        var slots = Slots.Select(s => new FileInfo(data.Memory + s)).Where(f => f.Exists).Select(f => $"{f.Name} has {f.Length} bytes and is damaged").ToList();
        throw new IOException(slots.Count == 0 ? $"no daemon has remembered anything at {data.Root}" : string.Join(", ", slots));
    }

    private IEnumerable<Piece> Answers()
    {
        if (daemon is null) return One("daemon/none.txt", "no daemon answered at the time of the collection\n");
        var pieces = new List<Piece>();
        foreach (var (path, name) in Asked)
        {
            using var limit = new CancellationTokenSource(AnswerLimit, time);
            if (daemon.Get(path, limit.Token).GetAwaiter().GetResult() is not { } answer) continue;
            pieces.Add(new Piece($"daemon/{name}", name.EndsWith(".json", StringComparison.Ordinal) ? _redact.Json(Encoding.UTF8.GetBytes(answer)) : answer));
        }

        return pieces.Count > 0 ? pieces : One("daemon/none.txt", $"pid {daemon.Pid} left its card here and answers nothing\n");
    }

    private IEnumerable<Piece> Intent() => intentFile is null
        ? One("intent.yaml", "# no file was named; 'medulla support --intent FILE' adds it, and daemon/intent.json is what the running daemon took from its own\n")
        : One("intent.yaml", Capped(intentFile, MaxText));

    private string JournalLines()
    {
        var (entries, damaged) = Journal.Read(data.Journal, JournalEntries, about: null);
        var text = new StringBuilder();
        if (damaged > 0) text.Append(CultureInfo.InvariantCulture, $"# {damaged} damaged lines were passed over\n");
        foreach (var entry in entries) text.Append(JsonSerializer.Serialize(entry with { Text = EngineLine.InSentence(entry.Text) }, JournalJson.Default.JournalEntry)).Append('\n');
        return text.ToString();
    }

    /// <summary>A folder that cannot be read says so in its place.</summary>
    private IEnumerable<Piece> Runs()
    {
        var pieces = new List<Piece>();
        foreach (var run in new DirectoryInfo(data.Run).EnumerateDirectories().OrderByDescending(d => d.LastWriteTimeUtc).Take(MaxRuns))
        {
            var at = $"run/{run.Name}";
            var pid = 0;
            Try($"{at}/instance.json", () =>
            {
                var json = File.ReadAllBytes(Path.Combine(run.FullName, "instance.json"));
                pid = (int?)JsonNode.Parse(json)?["pid"] ?? 0;
                return _redact.Json(json, "key");
            });
            Try($"{at}/engine.log", () => Log(Path.Combine(run.FullName, "engine.log")));
            if (pid > 0 && File.Exists($"/proc/{pid}/status")) Try($"{at}/process.txt", () => Process(pid));
        }

        return pieces;

        void Try(string name, Func<string> read)
        {
            try
            {
                pieces.Add(new Piece(name, read()));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or FormatException)
            {
                pieces.Add(new Piece(name, $"cannot be read: {e.Message}\n"));
            }
        }
    }

    private static string Log(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        file.Seek(-Math.Min(file.Length, LogLength), SeekOrigin.End);
        var bytes = new byte[LogLength];
        var lines = Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, LogLength, throwOnEndOfStream: false)).Split('\n').TakeLast(LogLines).ToList();
        var text = new StringBuilder();
        for (var i = 0; i < lines.Count; i++)
        {
            var shown = EngineLine.Shown(lines[i]);
            var times = 1;
            while (shown == EngineLine.LeftOut && i + 1 < lines.Count && EngineLine.Shown(lines[i + 1]) == EngineLine.LeftOut) (i, times) = (i + 1, times + 1);
            text.Append(shown).Append(times > 1 ? $" {times} lines" : "").Append('\n');
        }

        return text.ToString();
    }

    private static string Process(int pid) =>
        string.Join('\n', File.ReadLines($"/proc/{pid}/status").Where(l => ProcessLines().IsMatch(l))) + $"\noom_score_adj: {File.ReadAllText($"/proc/{pid}/oom_score_adj").Trim()}\n";

    private IEnumerable<Piece> Builds()
    {
        var builds = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, MaxRecursionDepth = 2 };
        foreach (var record in Directory.EnumerateFiles(data.Engines, "build.json", builds).Take(MaxRuns))
        {
            yield return new Piece($"engines/{Path.GetRelativePath(data.Engines, Path.GetDirectoryName(record)!).Replace(Path.DirectorySeparatorChar, '-')}.json", _redact.Json(File.ReadAllBytes(record)));
        }
    }

    private static string Kernel()
    {
        if (!OperatingSystem.IsLinux()) return "this system has no kernel log that 'medulla support' reads\n";
        var program = KernelPrograms.FirstOrDefault(File.Exists) ?? throw new IOException("there is no dmesg here");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
        using var process = System.Diagnostics.Process.Start(start) ?? throw new IOException("dmesg does not start");
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(ProgramLimit) || !output.Wait(ProgramLimit))
        {
            process.Kill();
            throw new IOException($"dmesg did not end within {ProgramLimit.TotalSeconds:0} s");
        }

        if (process.ExitCode != 0) throw new IOException($"dmesg: {error.Result.Trim()}");
        return string.Join('\n', output.Result.Split('\n').Where(l => l.Length < 1000 && Telling().IsMatch(l)).TakeLast(KernelLines)) + "\n";
    }

    private string Facts()
    {
        var text = new StringBuilder();
        foreach (var path in Shown)
        {
            if (!File.Exists(path)) continue;
            text.Append("== ").Append(path).Append('\n').Append(Capped(path, 16 << 10).TrimEnd()).Append("\n\n");
        }

        foreach (var folder in new[] { data.Root, Path.GetTempPath() })
        {
            var disk = new DriveInfo(folder);
            text.Append(CultureInfo.InvariantCulture, $"== disk of {folder}\n{disk.DriveFormat}, {new ByteSize(disk.AvailableFreeSpace)} free of {new ByteSize(disk.TotalSize)}\n\n");
        }

        return text.ToString();
    }

    /// <summary>The report is that of the redacted capture: what is shown is what a replay gives.</summary>
    private IEnumerable<Piece> Machine()
    {
        var folder = Directory.CreateTempSubdirectory("medulla-support-");
        try
        {
            var readings = new LiveSource(Directory.Exists(data.Root) ? data.Root : "/").ReadAsync().GetAwaiter().GetResult();
            CaptureWriter.Write(folder.FullName, readings, $"medulla {version}");
            var machine = Detection.Of(new CaptureSource(folder.FullName).ReadAsync().GetAwaiter().GetResult());
            return
            [
                new Piece("machine/detect.json", JsonSerializer.Serialize(DetectReport.Of(machine), CoreJson.Default.DetectReport)),
                .. folder.EnumerateFiles().OrderBy(f => f.Name, StringComparer.Ordinal).Select(f => new Piece($"machine/capture/{f.Name}", Capped(f.FullName, 512 << 10))).ToList(),
            ];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private string Files()
    {
        var text = new StringBuilder();
        var every = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint, MaxRecursionDepth = 6 };
        foreach (var file in new DirectoryInfo(data.Root).EnumerateFiles("*", every).Where(f => !f.FullName.StartsWith(data.Engines + Path.DirectorySeparatorChar, StringComparison.Ordinal)).Take(MaxListed))
        {
            text.Append(CultureInfo.InvariantCulture, $"{file.Length,14} {file.LastWriteTimeUtc:yyyy-MM-dd HH:mm:ss} {Path.GetRelativePath(data.Root, file.FullName)}\n");
        }

        return text.ToString();
    }

    private static string Capped(string path, int most)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
        var bytes = new byte[most];
        return Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, most, throwOnEndOfStream: false));
    }

    /// <summary>Folders of the owner's that records name: models and engines outside the data directory.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Places(DataDirectory data)
    {
        var paths = Records(data).SelectMany(r => new[] { (string?)r["model_path"], (string?)r["arguments"]?[0] });
        return paths.OfType<string>().Select(Path.GetDirectoryName).OfType<string>().Where(p => p.Length > 1 && !p.StartsWith(data.Root, StringComparison.Ordinal)).Distinct(StringComparer.Ordinal)
            .Select(p => KeyValuePair.Create(p, "OWN")).ToList();
    }

    /// <summary>Keys that lie here: none may be anywhere in a bundle.</summary>
    private static IEnumerable<string> Secrets(DataDirectory data)
    {
        var keys = Records(data).Select(r => (string?)r["key"]).ToList();
        if (Parsed(data.Daemon) is { } card) keys.Add((string?)card["token"]);
        return keys.OfType<string>();
    }

    private static List<JsonNode> Records(DataDirectory data)
    {
        try
        {
            return Directory.Exists(data.Run) ? [.. new DirectoryInfo(data.Run).EnumerateDirectories().Take(4 * MaxRuns).Select(d => Parsed(Path.Combine(d.FullName, "instance.json"))).OfType<JsonNode>()] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static JsonObject? Parsed(string path)
    {
        try
        {
            return File.Exists(path) ? JsonNode.Parse(File.ReadAllBytes(path)) as JsonObject : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    [GeneratedRegex("^(?:State|VmPeak|VmRSS|VmSwap|RssAnon|RssFile|Threads):")]
    private static partial Regex ProcessLines();

    [GeneratedRegex(@"\b(?:oom|out of memory|killed process|NVRM|Xid|nvidia|amdgpu|amdxdna|xe|i915|intel_vpu|mce|machine check|hardware error|edac|thermal|throttl|nvme|ata\d+|I/O error|ext4|xfs|btrfs|remount|blk_update|segfault|llama|medulla|memory cgroup|watchdog|soft lockup|hung task)\b|\[drm\]", RegexOptions.IgnoreCase)]
    private static partial Regex Telling();
}

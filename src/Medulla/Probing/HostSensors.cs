using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Medulla.Core.Incidents;
using Medulla.Core.Observing;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Probing;

/// <summary>
/// Reads the sensors of the machine: memory every second, the rest every five. <see cref="Current"/> is a fact; what jumps
/// (the clock, a sleep, a line of the kernel) is told. Nothing here waits for anything, and a sensor that gave data and gives
/// none any more is said to be lost.
/// Bounds: <see cref="MaxLines"/> lines of the kernel's log a look; one telling of a kind a minute.
/// </summary>
/// <param name="data">Where the state lies.</param>
/// <param name="tell">Takes an event: code, subject, evidence.</param>
/// <param name="changed">Called when <paramref name="meaning"/> of what is seen has changed.</param>
/// <param name="meaning">What it comes to: only its change wakes anybody.</param>
/// <param name="processors">Watches who has the processors.</param>
/// <param name="nvidia">Watches NVIDIA's accelerators; null where nobody is to.</param>
/// <param name="root">Where <c>proc</c> and <c>sys</c> are.</param>
internal sealed class HostSensors(string data, MachineProbe probe, TimeProvider time, Action<string, string, string> tell, Action changed, Func<HostFact, string> meaning, ProcessorWatch processors, NvidiaWatch? nvidia = null, string root = "/") : IDisposable
{
    private const int MaxLines = 200;
    private const int RestEvery = 5;
    private const int NvidiaEvery = 30;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Jump = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Slept = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Once = TimeSpan.FromMinutes(1);

    private readonly int? _mayOpen = OpenFilesLimit();
    private readonly KernelReader _kernel = new(Path.Combine(root, "dev/kmsg"));
    private readonly HashSet<string> _gave = new(StringComparer.Ordinal);
    private readonly Dictionary<(string, string), TimeSpan> _told = [];
    private HostFact _rest = new();
    private (long Pages, TimeSpan At)? _swapped;
    private TimeSpan? _offset;
    private TimeSpan? _asleep;
    private string _meant = "";
    private int _turn;

    public HostFact? Current { get; private set; }

    public async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(Every, time);
        try
        {
            do
            {
                Look();
            }
            while (await timer.WaitForNextTickAsync(cancel));
        }
        catch (OperationCanceledException)
        {
            // The end of the daemon.
        }
    }

    public void Dispose() => _kernel.Dispose();

    /// <summary>One look, by one caller.</summary>
    public void Look()
    {
        var now = Posix.BootTime();
        if (_turn % NvidiaEvery == 0) nvidia?.Look();
        if (_turn++ % RestEvery == 0) _rest = Rest(now);
        Clocks(now);
        Current = _rest with { MemoryAvailable = probe.MemoryAvailable() };
        var meant = meaning(Current);
        if (meant == _meant) return;
        _meant = meant;
        changed();
    }

    private HostFact Rest(TimeSpan now)
    {
        foreach (var line in _kernel.Read(MaxLines))
        {
            if (KernelLog.Of(line) is { } meant) TellOnce(meant.Condition.Code, meant.Subject, line, now);
        }

        var memory = Stall("proc/pressure/memory");
        var disk = Stall("proc/pressure/io");
        var busy = Stall("proc/pressure/cpu", "some ");
        processors.Look(now, busy);
        var space = Posix.Space(data);
        var (heat, limit) = Hottest();
        var total = probe.MemoryTotal();
        var lost = ImmutableArray.CreateBuilder<string>();
        Miss("memory", total is not null);
        Miss("memory pressure", memory is not null);
        Miss("disk space", space is not null);
        Miss("kernel log", _kernel.IsOpen);
        if (nvidia?.Current is { } seen) Miss("nvidia-smi", seen.Answers);
        return new HostFact
        {
            MemoryTotal = total,
            MemoryStall = memory,
            DiskStall = disk,
            ProcessorStall = busy,
            Stolen = processors.Stolen,
            Crowded = processors.Crowded,
            Swapping = Swapping(now),
            DiskFree = space is { } s ? new ByteSize(s.Free) : null,
            FilesFree = space is { Files: > 0 } f ? f.FilesFree : null,
            Unwritable = space is { IsReadOnly: true } ? $"the file system of {data} is read-only" : null,
            OpenFiles = OpenFiles(),
            OpenFilesLimit = _mayOpen,
            Foreign = nvidia?.Current?.Foreign,
            Slowed = nvidia?.Current?.Slowed,
            Underclocked = nvidia?.Current?.Underclocked,
            Temperature = heat,
            TemperatureLimit = limit,
            Lost = lost.ToImmutable(),
        };

        void Miss(string sensor, bool gives)
        {
            if (gives) _gave.Add(sensor);
            else if (_gave.Contains(sensor)) lost.Add($"{sensor} gave data before and gives none now");
        }
    }

    /// <summary>The wall clock against the boot clock, and the boot clock against the one that stands still while the machine sleeps.</summary>
    private void Clocks(TimeSpan now)
    {
        var offset = TimeSpan.FromTicks(time.GetUtcNow().UtcTicks) - now;
        if (_offset is { } before && (offset - before).Duration() > Jump) tell(Conditions.ClockJump.Code, "host", $"the wall clock went {(offset > before ? "forward" : "back")} by {Words((offset - before).Duration())}");
        _offset = offset;
        var asleep = now - Stopwatch.GetElapsedTime(0);
        if (_asleep is { } slept && asleep - slept > Slept) tell(Conditions.Resumed.Code, "host", $"the machine slept for {Words(asleep - slept)}");
        _asleep = asleep;
    }

    private static string Words(TimeSpan time) => time.TotalDays >= 2 ? $"{time.TotalDays:0} days" : time.TotalMinutes >= 2 ? $"{time.TotalMinutes:0} min" : $"{time.TotalSeconds:0} s";

    private void TellOnce(string code, string subject, string line, TimeSpan now)
    {
        if (_told.TryGetValue((code, subject), out var last) && now - last < Once) return;
        if (_told.Count >= 256) _told.Clear();
        _told[(code, subject)] = now;
        tell(code, subject, line.Length <= 300 ? line : line[..300] + "…");
    }

    /// <summary>The share of the last ten seconds in which everything, or something, waited.</summary>
    private double? Stall(string file, string who = "full ")
    {
        var line = KernelFile.Read(root, file)?.Split('\n').FirstOrDefault(l => l.StartsWith(who, StringComparison.Ordinal));
        var field = line?.Split(' ').FirstOrDefault(f => f.StartsWith("avg10=", StringComparison.Ordinal));
        return field is not null && double.TryParse(field.AsSpan(6), CultureInfo.InvariantCulture, out var share) ? share : null;
    }

    private double? Swapping(TimeSpan now)
    {
        if (KernelFile.Read(root, "proc/vmstat") is not { } text) return null;
        var pages = 0L;
        foreach (var line in text.Split('\n'))
        {
            if ((line.StartsWith("pswpin ", StringComparison.Ordinal) || line.StartsWith("pswpout ", StringComparison.Ordinal)) && long.TryParse(line.AsSpan(line.IndexOf(' ', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture, out var count)) pages += count;
        }

        var rate = _swapped is { } before && now > before.At ? (pages - before.Pages) * (double)Environment.SystemPageSize / (now - before.At).TotalSeconds : 0;
        _swapped = (pages, now);
        return rate;
    }

    private int? OpenFiles()
    {
        var open = Path.Combine(root, "proc/self/fd");
        try
        {
            // Kernels from 6.2 on give the number as the size of the folder; with others the entries are counted.
            return root == "/" && Posix.Stat(open) is { Size: > 0 } folder ? (int)folder.Size : Directory.EnumerateFileSystemEntries(open).Count();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Files that this process may open; null when unknown.</summary>
    public static int? OpenFilesLimit()
    {
        var line = File.Exists("/proc/self/limits") ? File.ReadLines("/proc/self/limits").FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal)) : null;
        return line is not null && int.TryParse(line["Max open files".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture, out var limit) ? limit : null;
    }

    /// <summary>The sensor that is nearest to its own critical limit.</summary>
    private (double? Celsius, double? Limit) Hottest()
    {
        (double? Celsius, double? Limit) hottest = (null, null);
        var monitors = Path.Combine(root, "sys/class/hwmon");
        if (!Directory.Exists(monitors)) return hottest;
        try
        {
            foreach (var input in Directory.EnumerateDirectories(monitors).SelectMany(d => Directory.EnumerateFiles(d, "temp*_input")))
            {
                if (Milli(input) is not { } celsius || Milli(input.Replace("_input", "_crit", StringComparison.Ordinal)) is not { } limit || limit is < 40 or > 150) continue;
                if (hottest.Limit is null || limit - celsius < hottest.Limit - hottest.Celsius) hottest = (celsius, limit);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A sensor that goes while it is read gives nothing.
        }

        return hottest;
    }

    private double? Milli(string file) => double.TryParse(KernelFile.Read(root, file), CultureInfo.InvariantCulture, out var value) ? value / 1000 : null;
}

using System.Globalization;

namespace Medulla.Probing;

/// <summary>
/// Who has the processors besides us. A spike is nobody's business; only when others have had most of them for <see cref="Long"/>, while whoever
/// wants one waits, it is told, and by whom. Processes are looked at one by one only then.
/// Bound: <see cref="MaxProcesses"/> processes.
/// </summary>
/// <param name="engines">Processes of our own engines.</param>
/// <param name="root">Where <c>proc</c> is.</param>
internal sealed class ProcessorWatch(Func<IReadOnlySet<int>> engines, string root = "/")
{
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

    private const int MaxProcesses = 4096;

    /// <summary>The share of the processors' time that others have, and the share of the time in which something waits, at which it begins and above which it goes on.</summary>
    private static readonly (double Share, double Stall) Begins = (40, 50), GoesOn = (25, 30);

    /// <summary>Ticks of the daemon and its engines until now.</summary>
    private readonly Dictionary<int, long> _own = [];
    private Dictionary<int, long> _before = [];
    private (long All, long Busy, long Stolen)? _last;
    private TimeSpan? _since;

    /// <summary>The share of the processors' time since the last look that another virtual machine had, 0 to 100.</summary>
    public double? Stolen { get; private set; }

    /// <summary>Who else has the processors, in a sentence; null when there are enough for all.</summary>
    public string? Crowded { get; private set; }

    /// <param name="now">Boot time.</param>
    /// <param name="stall">The share of the last ten seconds in which something waited for a processor, 0 to 100.</param>
    public void Look(TimeSpan now, double? stall)
    {
        var others = Others();
        var (share, wait) = _since is null ? Begins : GoesOn;
        if (!(others >= share && stall >= wait))
        {
            (_since, Crowded) = (null, null);
            return;
        }

        if (_since is not { } since)
        {
            (_since, _before) = (now, Processes());
        }
        else if (Crowded is null && now - since >= Long)
        {
            Crowded = $"others have {others:0} % of the processors{Most()}, and whoever wants one waits {stall:0} % of the time";
            _before = [];
        }
    }

    /// <summary>The share of the processors' time since the last look that neither we nor idleness had; null when unknown.</summary>
    private double? Others()
    {
        var fields = KernelFile.Read(root, "proc/stat")?.Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields is not ["cpu", ..] || fields.Length < 9) return Stolen = null;

        // user nice system idle iowait irq softirq steal
        var ticks = fields[1..9].Select(f => long.TryParse(f, CultureInfo.InvariantCulture, out var count) ? count : 0).ToList();
        var now = (All: ticks.Sum(), Busy: ticks.Sum() - ticks[3] - ticks[4], Stolen: ticks[7]);
        var own = Own();
        var last = _last;
        _last = now;
        if (last is not { } before || now.All <= before.All) return Stolen = null;
        Stolen = 100.0 * (now.Stolen - before.Stolen) / (now.All - before.All);
        return 100.0 * (now.Busy - before.Busy - own) / (now.All - before.All);
    }

    /// <summary>Ticks that the daemon and its engines had since the last look.</summary>
    private long Own()
    {
        var ours = engines().Append(Environment.ProcessId).ToHashSet();
        var had = 0L;
        foreach (var pid in ours)
        {
            if (Stat(pid) is not { } stat) continue;
            had += stat.Ticks - _own.GetValueOrDefault(pid);
            _own[pid] = stat.Ticks;
        }

        foreach (var gone in _own.Keys.Except(ours).ToList()) _own.Remove(gone);
        return had;
    }

    /// <summary>Whoever had most since it began.</summary>
    private string Most()
    {
        var (pid, ticks) = Processes().Where(p => !_own.ContainsKey(p.Key)).Select(p => (p.Key, p.Value - _before.GetValueOrDefault(p.Key))).OrderByDescending(p => p.Item2).FirstOrDefault();
        return ticks > 0 && Stat(pid) is { } stat ? $", {stat.Name} (pid {pid}) most of it" : "";
    }

    private Dictionary<int, long> Processes()
    {
        try
        {
            return Directory.EnumerateDirectories(Path.Combine(root, "proc"))
                .Select(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var pid) ? pid : 0)
                .Where(pid => pid > 0)
                .Take(MaxProcesses)
                .Select(pid => (Pid: pid, Stat: Stat(pid)))
                .Where(p => p.Stat is not null)
                .ToDictionary(p => p.Pid, p => p.Stat!.Value.Ticks);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private (string Name, long Ticks)? Stat(int pid)
    {
        if (KernelFile.Read(root, $"proc/{pid}/stat") is not { } text) return null;
        var (opens, closes) = (text.IndexOf('(', StringComparison.Ordinal), text.LastIndexOf(')'));
        if (opens < 0 || closes < opens) return null;
        var fields = text[(closes + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 12 && long.TryParse(fields[11], CultureInfo.InvariantCulture, out var user) && long.TryParse(fields[12], CultureInfo.InvariantCulture, out var system)
            ? (text[(opens + 1)..closes], user + system)
            : null;
    }
}

using System.Globalization;

namespace Medulla.Probing;

/// <summary>
/// Asks NVIDIA's tool now and then who uses the accelerators and whether they slow themselves down. Where there is no such tool nothing is
/// asked. Waits for nobody: <see cref="Current"/> is the latest answer. Bounds: one question at a time, <see cref="Limit"/> each.
/// </summary>
/// <param name="engines">Processes of our own engines.</param>
/// <param name="source">Where the tool is asked; it begins none beside one that hangs.</param>
internal sealed class NvidiaWatch(Func<IReadOnlySet<int>> engines, LiveSource source)
{
    /// <summary>A desktop has a little of the accelerator's memory: what others have below this is not told.</summary>
    private const long TellMiB = 1024;

    /// <summary>Slowed down by heat: the software's limit, the hardware's, or the brake.</summary>
    private const ulong Heat = 0x20 | 0x40 | 0x8;

    /// <summary>Percent of the time from which it is busy, and the share of its highest clock below which a busy one computes at a low clock.</summary>
    private const double Busy = 90, LowClock = 0.4;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private HashSet<string> _low = [];
    private int _asking;

    /// <summary>Null values are <i>unknown</i>, or nothing to tell.</summary>
    /// <param name="Foreign">Who else uses the memory of an accelerator.</param>
    /// <param name="Slowed">Which accelerator slows itself down because of heat.</param>
    /// <param name="Underclocked">Which one was busy at a low clock in two looks, one after the other, without a reason.</param>
    internal sealed record Seen(bool Answers, string? Foreign, string? Slowed, string? Underclocked);

    public Seen? Current { get; private set; }

    /// <summary>Asks in the background, unless a question is under way.</summary>
    public void Look()
    {
        if (Interlocked.Exchange(ref _asking, 1) == 1) return;
        _ = Task.Run(() =>
        {
            try
            {
                Current = Ask();
            }
            finally
            {
                Volatile.Write(ref _asking, 0);
            }
        });
    }

    /// <summary>Null where there is no such tool.</summary>
    private Seen? Ask()
    {
        if (source.Ask(ProbeTable.NvidiaUse, Limit) is not { } apps || source.Ask(ProbeTable.NvidiaSlowing, Limit) is not { } devices) return null;
        if (apps.End != ReadingEnd.Whole || devices.End != ReadingEnd.Whole) return new Seen(false, null, null, null);
        var ours = engines();
        var foreign = Rows(apps.Text, least: 3, most: 3)
            .Where(r => int.TryParse(r[0], CultureInfo.InvariantCulture, out var pid) && !ours.Contains(pid) && long.TryParse(r[1], CultureInfo.InvariantCulture, out var used) && used >= TellMiB)
            .Select(r => $"pid {r[0]} ({Path.GetFileName(r[2])}) has {r[1]} MiB of an accelerator");
        var states = Rows(devices.Text, least: 2, most: 6).ToList();
        var slowed = states
            .Where(r => Reasons(r[1]) is { } reasons && (reasons & Heat) != 0)
            .Select(r => $"accelerator {r[0]} slows itself down because of its temperature (reasons {r[1]})");
        var low = states
            .Where(r => r.Length > 5 && Reasons(r[1]) is 0 && r[2] == "P0" && Number(r[3]) >= Busy && Number(r[4]) < Number(r[5]) * LowClock)
            .ToList();
        var underclocked = low.Where(r => _low.Contains(r[0])).Select(r => $"accelerator {r[0]} is busy {r[3]} % of the time at {r[4]} MHz of {r[5]}, and its driver gives no reason");
        var seen = new Seen(true, Told(foreign), Told(slowed), Told(underclocked));
        _low = [.. low.Select(r => r[0])];
        return seen;

        static ulong? Reasons(string bits) => bits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && ulong.TryParse(bits.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var reasons) ? reasons : null;
        static double? Number(string text) => double.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : null;
        static string? Told(IEnumerable<string> sentences) => string.Join("; ", sentences.Take(4)) is { Length: > 0 } text ? text : null;
        static IEnumerable<string[]> Rows(string text, int least, int most) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(',', most, StringSplitOptions.TrimEntries)).Where(r => r.Length >= least);
    }
}

using System.Collections.Immutable;
using Medulla.Core.Machines;

namespace Medulla.Probing;

/// <summary>
/// What this machine is, as far as it could be looked at. Owns <see cref="Current"/>: one caller writes, the loop reads. A
/// look that was not whole (a tool or a file of the kernel did not answer in time) is repeated, soon at first and rarely later,
/// until one is; what is known meanwhile is served with.
/// Bounds: one look at a time; the last of <see cref="Pauses"/> between two for ever.
/// </summary>
/// <param name="look">Looks at everything, within seconds.</param>
/// <param name="changed">Called when <see cref="Current"/> or <see cref="Unseen"/> is another.</param>
internal sealed class MachineWatch(Func<Machine> look, TimeProvider time, Action changed)
{
    public static readonly ImmutableArray<TimeSpan> Pauses = [TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(60), TimeSpan.FromMinutes(5)];

    private volatile Machine? _current;

    /// <summary>Null before the first look.</summary>
    public Machine? Current => _current;

    /// <summary>What did not answer in time, in a sentence; null when the look was whole.</summary>
    public string? Unseen => Missing(_current) is { Count: > 0 } missing ? $"{string.Join(", ", missing.Order(StringComparer.Ordinal))} did not answer in time: what only they know of the machine is unknown, and it is looked at again" : null;

    /// <summary>The first look, whole or not.</summary>
    public Machine Look() => _current = look();

    /// <summary>Looks again until a look is whole.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            for (var turn = 0; Unseen is not null; turn++)
            {
                await Task.Delay(Pauses[Math.Min(turn, Pauses.Length - 1)], time, cancel);
                var next = await Task.Run(look, CancellationToken.None).WaitAsync(cancel);
                if (!TellsMore(next)) continue;
                _current = next;
                changed();
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the daemon.
        }
    }

    /// <summary>A look that misses something that was seen before says less, unless it has the kernel's files at last.</summary>
    private bool TellsMore(Machine next)
    {
        var (before, now) = (Missing(_current), Missing(next));
        return before.Contains(LiveSource.KernelFiles) != now.Contains(LiveSource.KernelFiles) ? before.Contains(LiveSource.KernelFiles) : now.IsProperSubsetOf(before);
    }

    private static HashSet<string> Missing(Machine? machine) => machine is null ? [] : [.. machine.Findings.Where(f => f.Code == ParserTable.TimedOut).Select(f => f.Subject)];
}

using Medulla.Core.Incidents;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Core.Trials;

/// <summary>
/// How far the remedies of one condition of one workload have been climbed: durable, so that neither a restart nor a power cut
/// begins them anew. Forgotten when the condition has stayed away for long.
/// </summary>
/// <param name="Condition">Code.</param>
/// <param name="Taken">Steps in the order in which they were first taken.</param>
/// <param name="Seen">How often the condition was seen since the ladder was begun.</param>
/// <param name="Answered">How many of these sights a step has answered.</param>
/// <param name="SeenAt">Boot time of the last sight.</param>
/// <param name="StepAt">Boot time of the last step, or of the first sight.</param>
public sealed record Ladder(WorkloadName Workload, string Condition, ImmutableArray<Rung> Taken, int Seen, int Answered, TimeSpan SeenAt, TimeSpan StepAt)
{
    /// <summary>Once it has stayed away for so long, the next time begins at the foot.</summary>
    public static readonly TimeSpan Forgotten = Incident.Returns;

    /// <summary>A ladder that was climbed to its end is climbed again after so long: circumstances may have changed.</summary>
    public static readonly TimeSpan Again = TimeSpan.FromHours(1);

    /// <summary>The step that was taken last; null before the first.</summary>
    public AmendmentKind? Last { get; init; }

    /// <summary>Decode speed that proves it healed, in tokens per second; null where speed proves nothing.</summary>
    public double? Restored { get; init; }

    public bool IsWaiting => Answered < Seen;

    public int TimesOf(AmendmentKind step) => Taken.FirstOrDefault(r => r.Do == step)?.Times ?? 0;

    public Ladder Take(AmendmentKind step, TimeSpan now)
    {
        var rung = Taken.FirstOrDefault(r => r.Do == step);
        return this with { Answered = Seen, StepAt = now, Last = step, Taken = rung is null ? Taken.Add(new Rung(step, 1)) : Taken.Replace(rung, rung with { Times = rung.Times + 1 }) };
    }
}

/// <param name="Times">How often it was taken.</param>
public sealed record Rung(AmendmentKind Do, int Times);

/// <summary>Something to be done once to what exists now: durable until it is seen to be done.</summary>
/// <param name="Subject">For a renewal the specification's id, for a verification the artifact's subject.</param>
/// <param name="At">Boot time: a process that was started before is meant, not its successor.</param>
public sealed record Order(OrderKind Kind, string Subject, TimeSpan At, string Reason);

public enum OrderKind
{
    /// <summary>End the process; the plan starts another.</summary>
    Renew,

    /// <summary>Read the artifact from end to end, and set it aside when it is not what was verified.</summary>
    Verify,

    /// <summary>Remove what nobody needs from the disk.</summary>
    Sweep,

    /// <summary>Start the daemon anew; engines go on and are adopted.</summary>
    Relaunch,

    /// <summary>Start the machine anew.</summary>
    Reboot,
}

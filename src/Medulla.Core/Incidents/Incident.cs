namespace Medulla.Core.Incidents;

public enum Severity
{
    /// <summary>Worth knowing; nothing is worse for clients.</summary>
    Notice,

    /// <summary>The device serves less than it should, or soon may.</summary>
    Warning,

    /// <summary>A workload is not served.</summary>
    Critical,
}

/// <summary>A kind of problem, declared once. Codes are stable: scripts and dashboards rely on them.</summary>
/// <param name="Code">Stable name, lower case with hyphens.</param>
/// <param name="Title">A few words.</param>
/// <param name="Text">What it means and what the device does about it.</param>
public sealed record Condition(string Code, string Title, Severity Severity, string Text)
{
    public static readonly Condition EngineExited = new("engine-exited", "engine exited", Severity.Warning, "An engine process ended unasked. It is started again at once, later with a back-off.");
    public static readonly Condition BootRefused = new("boot-refused", "engine refused to start", Severity.Warning, "An engine process ended before it could produce a token, or could not be started.");
    public static readonly Condition CrashLoop = new("crash-loop", "engine keeps crashing", Severity.Critical, "The crash budget of this instance is spent. Another model serves if there is one; this one is tried again later.");
    public static readonly Condition EngineUnavailable = new("engine-unavailable", "no engine can be had", Severity.Critical, "No source of the engine could be used. Each is tried again with a back-off.");
    public static readonly Condition ModelUnavailable = new("model-unavailable", "no model can be had", Severity.Critical, "A workload has no model: none is eligible and fits, or none can be fetched.");
    public static readonly Condition ArtifactDamaged = new("artifact-damaged", "artifact damaged", Severity.Warning, "A file in the store was no longer what was verified. It was set aside and is fetched again.");
    public static readonly Condition DiskFull = new("disk-full", "no room on the disk", Severity.Warning, "A fetch needs more space than the disk or the policy allows.");
    public static readonly Condition StateDamaged = new("state-damaged", "state file damaged", Severity.Warning, "A state file could not be read. It was set aside; the device goes on from the previous record, or from what it observes.");
    public static readonly Condition TrialRefuted = new("trial-refuted", "change did not hold", Severity.Notice, "A change of target was tried and taken back. What was learned is in the lessons.");

    public static readonly ImmutableArray<Condition> All = [EngineExited, BootRefused, CrashLoop, EngineUnavailable, ModelUnavailable, ArtifactDamaged, DiskFull, StateDamaged, TrialRefuted];

    public static Condition Find(string code) => All.First(c => c.Code == code);
}

/// <summary>A problem with one cause. It is closed only by proof.</summary>
public sealed record Incident
{
    /// <summary>Kept sentences of evidence and of attempts; older ones in the middle are dropped.</summary>
    public const int MaxSentences = 8;

    /// <summary>Counts up on this device.</summary>
    public required long Id { get; init; }

    /// <summary>Code of a <see cref="Condition"/>.</summary>
    public required string Code { get; init; }

    public required string Subject { get; init; }

    /// <summary>Wall time, as the device believed it.</summary>
    public required DateTimeOffset OpenedAt { get; init; }

    public required DateTimeOffset LastAt { get; init; }

    /// <summary>How often it was seen; 1 or more.</summary>
    public required int Count { get; init; }

    public required ImmutableArray<string> Evidence { get; init; }

    public ImmutableArray<string> Attempts { get; init; } = [];

    /// <summary>Null while it is open.</summary>
    public DateTimeOffset? ClosedAt { get; init; }

    /// <summary>What proved that it is over; null while it is open.</summary>
    public string? Proof { get; init; }

    public bool IsOpen => ClosedAt is null;
}

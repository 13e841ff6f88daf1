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

/// <summary>A problem with one cause. It is closed only by proof.</summary>
public sealed record Incident
{
    /// <summary>Kept sentences of evidence and of attempts; older ones in the middle are dropped.</summary>
    public const int MaxSentences = 8;

    /// <summary>What comes again this soon after its end is the same problem, not a new one: as long as its remedies are remembered.</summary>
    public static readonly TimeSpan Returns = TimeSpan.FromMinutes(10);

    /// <summary>Counts up on this device.</summary>
    public required long Id { get; init; }

    /// <summary>Code of a <see cref="Condition"/>.</summary>
    public required string Code { get; init; }

    public required string Subject { get; init; }

    /// <summary>Wall time, as the device believed it.</summary>
    public required DateTimeOffset OpenedAt { get; init; }

    /// <summary>When it came again after it had been closed; null when it never did.</summary>
    public DateTimeOffset? ReopenedAt { get; init; }

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

    /// <summary>Since when it is open, or was last.</summary>
    public DateTimeOffset OpenSince => ReopenedAt ?? OpenedAt;
}

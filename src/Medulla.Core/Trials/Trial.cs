using Medulla.Core.Blueprints;
using Medulla.Core.Incidents;
using Medulla.Core.Units;

namespace Medulla.Core.Trials;

/// <summary>Who proposed; a lower number pre-empts a higher one.</summary>
public enum Rank
{
    ColdStart = 1,
    Intended = 2,
    Repair = 3,
    Upgrade = 4,
}

/// <summary>A candidate on probation for one workload.</summary>
public sealed record Trial
{
    public required WorkloadName Workload { get; init; }

    public required Rank Rank { get; init; }

    public required InstanceSpec Candidate { get; init; }

    /// <summary>What is made the target again when the candidate is refuted; null for a cold start.</summary>
    public required InstanceSpec? Fallback { get; init; }

    public required Change Change { get; init; }

    public required string Reason { get; init; }

    /// <summary>True when both fit into memory, so that the fallback serves until the candidate is proven.</summary>
    public required bool Beside { get; init; }

    /// <summary>Boot time.</summary>
    public required TimeSpan StartedAt { get; init; }

    /// <summary>Boot time at which an unproven candidate is refuted.</summary>
    public required TimeSpan Deadline { get; init; }

    /// <summary>Boot time at which the candidate gave its proof; null before. From then on it has the alias and is watched.</summary>
    public TimeSpan? ProvedAt { get; init; }

    /// <summary>Unasked exits of the candidate in this trial, after it had been ready.</summary>
    public int Crashes { get; init; }

    /// <summary>What it was found to suffer from while it ran; null for nothing.</summary>
    public string? Trouble { get; init; }

    /// <summary>Code of the condition that it is to mend; null when it mends none.</summary>
    public string? Mends { get; init; }

    /// <summary>Decode speed that it must show, in tokens per second; null where none is asked for.</summary>
    public double? MustReach { get; init; }

    /// <summary>Memory that there was for all engines together when it began; null when unknown.</summary>
    public ByteSize? Room { get; init; }

    /// <summary>Unasked exits of other instances meanwhile: the base rate that blame is compared with.</summary>
    public int OtherCrashes { get; init; }
}

public enum Outcome
{
    Open,
    Proven,
    Refuted,
}

/// <param name="Evidence">One sentence.</param>
/// <param name="AboutArtifact">True when the evidence is about the bytes themselves, so that the lesson ends with another digest and not by time.</param>
public sealed record Verdict(Outcome Outcome, string Evidence, bool AboutArtifact)
{
    public static readonly Verdict Open = new(Outcome.Open, "", false);

    /// <summary>Code of the condition that it rests on; empty for none.</summary>
    public string Code { get; init; } = "";
}

/// <summary>What a verdict taught about one change.</summary>
/// <param name="Key">The change's key.</param>
/// <param name="Change">The change in words.</param>
/// <param name="Evidence">Why it was refuted.</param>
/// <param name="LearnedAt">Wall time.</param>
/// <param name="Until">Boot time at which it ends; null when only another digest ends it.</param>
/// <param name="Times">How often it has been learned.</param>
public sealed record Lesson(string Key, string Change, string Evidence, DateTimeOffset LearnedAt, TimeSpan? Until, int Times)
{
    public const int Max = 64;

    /// <summary>A first refutation by circumstances holds this long; each further one twice as long, up to a day.</summary>
    public static readonly TimeSpan FirstTerm = TimeSpan.FromMinutes(30);

    public static readonly TimeSpan LongestTerm = TimeSpan.FromDays(1);

    /// <summary>Code of the condition that it rests on; empty for none.</summary>
    public string Code { get => field ?? ""; init; } = "";

    /// <summary>Memory that there was for all engines together when it was learned; null when unknown.</summary>
    public ByteSize? Room { get; init; }

    /// <summary>True when less of the same could do.</summary>
    public bool IsOfMemory => Conditions.Find(Code) is { Layer: Layer.Memory };

    /// <summary>True when there is so much more memory now that it may be tried again.</summary>
    public bool IsOvertaken(ByteSize? room) => IsOfMemory && Until is not null && Code != Conditions.OutOfDeviceMemory.Code && room is { } now && Room is { } then && now.Bytes > then.Bytes * 1.25;

    public bool Holds(TimeSpan now) => Until is null || now < Until;

    public bool IsAbout(WorkloadName workload) => Key.Length > workload.Value.Length && Key[workload.Value.Length] == '|' && Key.StartsWith(workload.Value, StringComparison.Ordinal);

    /// <summary>True when it may forbid something about these weights; false when it certainly does not.</summary>
    public bool IsAbout(Weights weights) => Key.AsSpan().Contains(weights.Digest.Hex.AsSpan(0, 12), StringComparison.Ordinal);
}

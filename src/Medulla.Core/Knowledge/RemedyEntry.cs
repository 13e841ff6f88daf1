using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

/// <summary>What to try when a condition shows: typed steps, never commands.</summary>
public sealed record RemedyEntry
{
    public required EntryId Id { get; init; }

    /// <summary>Stable code of the condition, such as <c>oom-load-host</c>.</summary>
    public required string Condition { get; init; }

    public required string Title { get; init; }

    /// <summary>The condition must have been seen so often; null for once.</summary>
    public AmendmentGuard? When { get; init; }

    /// <summary>Tried in this order.</summary>
    public required ImmutableArray<Amendment> Amendments { get; init; }

    public ImmutableArray<string> Sources { get; init; } = [];
}

public enum AmendmentKind
{
    Restart,
    LessContext,
    FewerSlots,
    SmallerBatch,
    OffloadLess,
    KvType,
    Refetch,
    PreviousBuild,
    OtherBackend,
    SmallerQuantisation,
    SmallerModel,
    EmbeddedModel,
    RestartDaemon,
    AskReboot,
}

/// <summary>What shows that an amendment helped.</summary>
public enum ProofKind
{
    Serves,
    Golden,
    Speed,
}

/// <param name="Do">The step.</param>
/// <param name="Factor">For steps that shrink something: by how much, 0 to 1; null for the step's own measure.</param>
/// <param name="AtMost">Times that it may be taken; null for once.</param>
/// <param name="Proof">The proof it owes.</param>
/// <param name="When">Only then; null for always.</param>
public sealed record Amendment(AmendmentKind Do, double? Factor, int? AtMost, ProofKind Proof, AmendmentGuard? When);

/// <param name="TimesAtLeast">The condition was seen this often …</param>
/// <param name="WithinMinutes">… within this long.</param>
public sealed record AmendmentGuard(int TimesAtLeast, int WithinMinutes);

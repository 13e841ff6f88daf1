using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

/// <summary>An application as a profile: the workloads it needs.</summary>
public sealed record ProfileEntry
{
    public required EntryId Id { get; init; }

    public required string Title { get; init; }

    public required string Description { get; init; }

    /// <summary>One per name that the application sends as <c>model</c>.</summary>
    public required ImmutableArray<ProfileWorkload> Workloads { get; init; }
}

/// <param name="AnswerTokens">Tokens of a typical answer; 0 when answers are not text.</param>
/// <param name="Golden">Prompts that whichever model serves must answer so; may be empty.</param>
public sealed record ProfileWorkload(Workload Workload, int AnswerTokens, ImmutableArray<GoldenPrompt> Golden);

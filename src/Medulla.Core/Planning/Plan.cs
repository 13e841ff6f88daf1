using Medulla.Core.Units;

namespace Medulla.Core.Planning;

/// <summary>The moves and holds that together cover the drift.</summary>
public sealed record Plan(ImmutableArray<Move> Moves, ImmutableArray<Hold> Holds)
{
    public static readonly Plan Empty = new([], []);

    /// <summary>Instances that finish what they are working on and take nothing new: others wait for their memory.</summary>
    public ImmutableArray<InstanceId> Closed { get; init; } = [];

    public bool Covers(Drift drift) => Moves.Any(m => m.Subject == drift.Subject) || Holds.Any(h => h.Subject == drift.Subject);
}

/// <summary>One difference between what is wanted and what is observed.</summary>
/// <param name="Text">The difference, for a person.</param>
public sealed record Drift(string Subject, string Text);

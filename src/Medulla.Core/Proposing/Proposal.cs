using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Proposing;

/// <summary>
/// Another target for one workload, with its reason. While <see cref="Needs"/> is not empty it is only prepared: the
/// trial, and its clock, begin when everything it needs is here.
/// </summary>
public sealed record Proposal
{
    public required Workload Workload { get; init; }

    public required Rank Rank { get; init; }

    public required string Reason { get; init; }

    public required Candidate Candidate { get; init; }

    public required ImmutableArray<Need> Needs { get; init; }

    /// <summary>The step of a remedy that it is; null when it is none.</summary>
    public Step? Step { get; init; }
}

/// <summary>A step of a remedy for one condition.</summary>
/// <param name="Condition">Code.</param>
/// <param name="Proof">What it owes.</param>
public sealed record Step(string Condition, AmendmentKind Do, ProofKind Proof = ProofKind.Golden);

/// <summary>An artifact that a proposal waits for.</summary>
public abstract record Need
{
    private Need()
    {
    }

    public abstract string Subject { get; }

    public sealed record Weights(ModelId Model, ModelFile File) : Need
    {
        public override string Subject => Subjects.Weights(File.Digest!.Value);
    }

    public sealed record Engine(EngineEntry Entry, BuildEntry Build) : Need
    {
        public override string Subject => Subjects.Engine(Entry.Id, Build.Backend);
    }
}

/// <summary>What a proposer says about one workload.</summary>
/// <param name="Ready">May be tried now; null when nothing may.</param>
/// <param name="Preparing">Is being prepared meanwhile; null when nothing is.</param>
/// <param name="Withheld">Why nothing is proposed although something could be wanted; null when there is nothing to say.</param>
public sealed record Advice(Proposal? Ready, Proposal? Preparing, Withheld? Withheld)
{
    public static readonly Advice None = new(null, null, null);

    public static Advice Of(Proposal proposal) => proposal.Needs.IsEmpty ? new Advice(proposal, null, null) : new Advice(null, proposal, null);

    /// <summary>A step that is taken where it stands: no other target, and so no trial. Null when there is none.</summary>
    public InPlace? InPlace { get; init; }

    public static Advice Hold(string reason, TimeSpan? until, string ends) => new(null, null, new Withheld(reason, until, ends));
}

/// <param name="Orders">What is to be done once; empty where the plan does what is needed anyway, or nothing can be done.</param>
/// <param name="Opens">A condition that is to be seen with it; null for none.</param>
public sealed record InPlace(WorkloadName Workload, Step Step, string Reason, ImmutableArray<Order> Orders, string? Opens = null);

/// <param name="Reason">Why, in one sentence.</param>
/// <param name="Until">Boot time of the next look; null when only an event ends it.</param>
/// <param name="Event">What ends it.</param>
public sealed record Withheld(string Reason, TimeSpan? Until, string Event);

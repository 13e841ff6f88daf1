using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Trials;

namespace Medulla.Core.Proposing;

/// <summary>
/// What is committed cannot go on: its crash budget is spent (another model serves until the lesson about this one ends),
/// or its engine build is gone and another is here.
/// </summary>
public static class Repair
{
    public static Advice Propose(Situation situation, Workload workload)
    {
        if (situation.Memory.Good.For(workload.Name) is not { } current) return Advice.None;
        if (situation.FindEngine(current.Engine) is null && situation.Substitute(current.Engine) is { } other) return ChangeEngine(situation, workload, current, other);
        if (situation.Memory.CrashOf(current.Id) is not { IsLoop: true } crash) return Advice.None;
        var resolution = situation.Resolve(workload);
        var next = situation.Allowed(workload, resolution)
            .Where(c => c.Spec.Weights.Digest != current.Weights.Digest && situation.ReachOf(c) != Reach.Remote)
            .OrderBy(situation.ReachOf)
            .FirstOrDefault();
        if (next is null) return Advice.Hold($"{current.Model} keeps crashing and no other model for {workload.Name} is within reach", crash.NotBefore, "the next start of the same model");
        return Advice.Of(new Proposal
        {
            Workload = workload,
            Rank = Rank.Repair,
            Reason = $"{current.Model} ended {crash.Short} times in a row soon after its start",
            Candidate = next,
            Needs = Needs.Of(situation, next),
        });
    }

    private static Advice ChangeEngine(Situation situation, Workload workload, InstanceSpec current, EngineFact other)
    {
        var same = situation.Allowed(workload, situation.Resolve(workload)).FirstOrDefault(c => c.Spec.Weights.Digest == current.Weights.Digest);
        return same is null
            ? Advice.Hold($"{current.Engine} is gone, and {current.Model} was refuted on {other.Build}", null, "another build")
            : Advice.Of(new Proposal
            {
                Workload = workload,
                Rank = Rank.Repair,
                Reason = $"{current.Engine} is gone and {other.Build} is here",
                Candidate = same,
                Needs = Needs.Of(situation, same),
            });
    }
}

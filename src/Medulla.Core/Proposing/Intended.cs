using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Trials;

namespace Medulla.Core.Proposing;

/// <summary>
/// The intent wants something else than what is the target: re-resolved with the same <i>how</i> (model, engine) where the
/// new <i>what</i> allows it. Looks at contents, not at generations, so a lost tick loses nothing.
/// </summary>
public static class Intended
{
    public static Advice Propose(Situation situation, Workload workload)
    {
        if (situation.Memory.Good.For(workload.Name) is not { } current) return Advice.None;
        if (current.Asked == situation.Resolutions.AskedBy(workload, situation.Intent.IsDefault)) return Advice.None;
        var resolution = situation.Resolve(workload);
        var same = resolution.Candidates.FirstOrDefault(c => c.Spec.Weights.Digest == current.Weights.Digest);
        var allowed = situation.Allowed(workload, resolution).ToList();
        if (allowed.Count == 0)
        {
            return Advice.Hold($"what {workload.Name} wants now cannot be served here, so {current.Model} stays: {ColdStart.WhyNone(situation, workload, resolution)}", null, "another model, intent or catalog");
        }

        var next = same is not null && allowed.Contains(same) ? same : ColdStart.Soonest(situation, allowed);
        return Advice.Of(new Proposal
        {
            Workload = workload,
            Rank = Rank.Intended,
            Reason = $"the intent wants {workload.Name} otherwise: {Change.Between(current, next.Spec).Text}",
            Candidate = next,
            Needs = Needs.Of(situation, next),
        });
    }
}

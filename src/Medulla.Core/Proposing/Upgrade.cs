using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Trials;

namespace Medulla.Core.Proposing;

/// <summary>
/// A better model that fits replaces the one that serves: the best that is here is tried, and the best of all is fetched
/// meanwhile, those within reach first.
/// </summary>
public static class Upgrade
{
    /// <summary>Trials of this rank per hour and device.</summary>
    public const int BudgetPerHour = 6;

    public static Advice Propose(Situation situation, Workload workload)
    {
        var memory = situation.Memory;
        if (memory.Good.For(workload.Name) is not { } current) return Advice.None;
        var serving = situation.World.Find(current.Id);
        var rests = serving is null && situation.IsOnDemand(workload.Name) && situation.World.DemandOf(workload.Name) is null;
        if (serving is not { State: InstanceState.Ready } && !rests) return Advice.None;
        var resolution = situation.Resolve(workload);
        var merit = Situation.MeritOf(current, resolution) + Merit.Noticeable;
        var better = situation.Allowed(workload, resolution).Where(c => c.Spec.Id != current.Id && (c.Spec.Merit >= merit || IsWhole(current, c.Spec))).ToList();
        if (better.Count == 0) return Advice.None;
        if (!situation.Intent.Policy.Climb) return Advice.Hold($"{better[0].Model.Id} would be better, but climbing is off", null, "policy.climb");

        var here = better.FirstOrDefault(c => Needs.Of(situation, c).IsEmpty);
        var advice = here is null ? Advice.None : Try(situation, workload, current, here, serving);
        return advice with { Preparing = Prepare(situation, workload, better, here) };
    }

    /// <summary>The same model without what a repair took from it: lessons say when that is worth another try.</summary>
    private static bool IsWhole(InstanceSpec current, InstanceSpec other) =>
        current.Amended.Length > 0 && other.Amended.Length == 0 && other.Weights.Digest == current.Weights.Digest && other.Engine.Backend == current.Engine.Backend;

    private static Advice Try(Situation situation, Workload workload, InstanceSpec current, Candidate next, InstanceFact? serving)
    {
        var recent = situation.Memory.TrialStarts.Where(t => t > situation.Now - TimeSpan.FromHours(1)).ToList();
        if (recent.Count >= BudgetPerHour)
        {
            return Advice.Hold($"{next.Model.Id} is ready to be tried, but {recent.Count} changes in an hour are enough", recent.Min() + TimeSpan.FromHours(1), "an hour after the first of them");
        }

        if (!current.Placeholder && serving?.Requests > 0 && !Beside.Fits(situation, current, next.Spec))
        {
            return Advice.Hold($"{next.Model.Id} cannot run beside {current.Model}, and {current.Model} has requests in flight", null, "a moment without requests");
        }

        return new Advice(
            new Proposal
            {
                Workload = workload,
                Rank = Rank.Upgrade,
                Reason = $"{next.Model.Id} {next.Spec.Quant} (quality {next.Spec.Quality}) is better than {current.Model} {current.Quant} (quality {current.Quality}) and is here",
                Candidate = next,
                Needs = [],
            },
            null,
            null);
    }

    /// <summary>What is worth fetching: better than the best that is here. Those that need no network come first; one whose fetch is backed off waits its turn.</summary>
    private static Proposal? Prepare(Situation situation, Workload workload, List<Candidate> better, Candidate? here)
    {
        var absent = better.Where(c => !Needs.Of(situation, c).IsEmpty && (here is null || c.Spec.Merit >= here.Spec.Merit + Merit.Noticeable)).ToList();
        if (absent.Count == 0) return null;
        var next = situation.WorthFetching([.. absent.OrderBy(c => situation.IsBackedOff(c)).ThenBy(c => situation.ReachOf(c) == Reach.Remote)]);
        return new Proposal
        {
            Workload = workload,
            Rank = Rank.Upgrade,
            Reason = $"{next.Model.Id} (quality {next.Spec.Quality}) fits this machine and would serve {workload.Name} better",
            Candidate = next,
            Needs = Needs.Of(situation, next),
        };
    }
}

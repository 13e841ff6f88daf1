using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Trials;

namespace Medulla.Core.Proposing;

/// <summary>No target yet: the candidate that can serve soonest. A better one may follow as an upgrade.</summary>
public static class ColdStart
{
    public static Advice Propose(Situation situation, Workload workload)
    {
        if (situation.Memory.Target.For(workload.Name) is not null) return Advice.None;
        var resolution = situation.Resolve(workload);
        var allowed = situation.Allowed(workload, resolution).ToList();
        if (allowed.Count == 0) return Advice.Hold(WhyNone(situation, workload, resolution), EndOfLessons(situation), "another model, intent or catalog");
        var soonest = Soonest(situation, allowed);
        return Advice.Of(new Proposal
        {
            Workload = workload,
            Rank = Rank.ColdStart,
            Reason = $"{workload.Name} has no target yet, and {soonest.Model.Id} can serve soonest",
            Candidate = soonest,
            Needs = Needs.Of(situation, soonest),
        });
    }

    /// <summary>The best that is here; else the smallest within reach; else the smallest whose fetch is not backed off; else the smallest.</summary>
    internal static Candidate Soonest(Situation situation, List<Candidate> allowed) =>
        allowed.FirstOrDefault(c => situation.ReachOf(c) == Reach.Present) ??
        situation.WorthFetching([.. allowed.OrderBy(c => situation.IsBackedOff(c)).ThenBy(situation.ReachOf).ThenBy(c => c.File.Size.Bytes)]);

    internal static string WhyNone(Situation situation, Workload workload, Resolution resolution)
    {
        if (workload.Model is { } pinned && situation.Catalog.FindModel(pinned) is null && situation.World.OwnModels.All(m => m.Id != pinned))
        {
            return $"{workload.Name} is pinned to {pinned}, which neither the catalog nor the models folder has";
        }

        if (!resolution.Candidates.IsEmpty)
        {
            var lessons = situation.Memory.Lessons.Where(l => l.Holds(situation.Now)).Select(l => $"{l.Change}: {l.Evidence}");
            return $"every model that fits was tried and refuted ({string.Join("; ", lessons.TakeLast(3))})";
        }

        var reasons = resolution.Rejections.GroupBy(r => r.Reason).Select(g => $"{string.Join(", ", g.Select(r => r.Model).Distinct())}: {g.Key}");
        return $"no model of the catalog can serve here ({string.Join("; ", reasons.Take(6))})";
    }

    private static TimeSpan? EndOfLessons(Situation situation) => situation.Memory.Lessons.Where(l => l.Until is not null && l.Holds(situation.Now)).Min(l => l.Until);
}

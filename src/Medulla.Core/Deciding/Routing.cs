using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Proposing;
using Medulla.Core.Units;

namespace Medulla.Core.Deciding;

/// <summary>Which instance answers for which workload now.</summary>
public static class Routing
{
    public static (ImmutableArray<Route> Routes, string? Degraded) Of(Situation situation, Plan plan)
    {
        ImmutableArray<Route> routes = [.. situation.Intent.Workloads.Select(w => Of(situation, w, plan))];
        var unserved = routes.Where(r => !r.IsServed).Select(r => r.Workload).ToList();
        if (unserved.Count > 0) return (routes, $"not served now: {string.Join(", ", unserved)}");
        var placeholder = situation.Memory.Target.Instances.FirstOrDefault(i => i.Placeholder && situation.Intent.Find(i.Workload)?.Model is null);
        return (routes, placeholder is null ? null : $"{placeholder.Workload} is served by {placeholder.Model}, a placeholder, until a better model is here");
    }

    private static Route Of(Situation situation, Workload workload, Plan plan)
    {
        var target = situation.Memory.Target.For(workload.Name);
        var (spec, fact) = Answering(situation, workload);
        var belowFloor = spec is not null && (spec.Quality < workload.FloorQuality || spec.Context < workload.FloorContext);
        var closed = fact is not null && plan.Closed.Contains(fact.Id);
        var served = fact is not null && !belowFloor && !closed;
        var onDemand = situation.IsOnDemand(workload.Name);
        return new Route
        {
            Workload = workload.Name,
            Task = workload.Task,
            Instance = served ? fact!.Id : null,
            Model = spec?.Model ?? target?.Model,
            Expected = !served && !(belowFloor && onDemand) && IsExpected(situation, workload, target, plan),
            OnDemand = target is not null && !belowFloor && onDemand,
            Reason = served ? null : closed ? $"{workload.Name} finishes what it has begun and then makes room: others wait for its memory" : belowFloor ? $"{spec!.Model} is below the floor of {workload.Name}" : WhyNot(workload, target, plan),
            Context = spec?.Context ?? 0,
        };
    }

    /// <summary>A proven candidate, else the fallback, else whatever target is ready. Nothing unproven answers while a fallback exists.</summary>
    private static (InstanceSpec? Spec, InstanceFact? Fact) Answering(Situation situation, Workload workload)
    {
        var (memory, world) = (situation.Memory, situation.World);
        if (memory.TrialOf(workload.Name) is { Fallback: { } fallback } trial)
        {
            if (trial.ProvedAt is not null && Ready(world, trial.Candidate) is { } proven) return (trial.Candidate, proven);
            return (fallback, Ready(world, fallback));
        }

        if (memory.Target.For(workload.Name) is not { } target) return (null, null);
        return (target, Ready(world, target));
    }

    private static InstanceFact? Ready(Observation world, InstanceSpec spec) => world.Find(spec.Id) is { State: InstanceState.Ready } fact ? fact : null;

    /// <summary>Waiting makes sense when something is being done about it, or will be within the time a client waits.</summary>
    private static bool IsExpected(Situation situation, Workload workload, InstanceSpec? target, Plan plan)
    {
        if (plan.Moves.Any(m => m is Move.FetchEngine or Move.FetchWeights)) return true;
        if (target is null) return false;
        var hold = plan.Holds.FirstOrDefault(h => h.Subject == Subjects.Spec(workload.Name, target.Id));
        return hold?.Until is not { } until || until - situation.Now < TimeSpan.FromSeconds(60) || situation.World.Find(target.Id) is not null;
    }

    private static string WhyNot(Workload workload, InstanceSpec? target, Plan plan)
    {
        var subject = target is null ? Subjects.Workload(workload.Name) : Subjects.Spec(workload.Name, target.Id);
        if (plan.Holds.FirstOrDefault(h => h.Subject == subject) is { } hold) return hold.Reason;
        if (plan.Moves.FirstOrDefault(m => m.Subject == subject) is { } move) return $"{move.Title} is under way";
        return $"{workload.Name} is starting";
    }
}

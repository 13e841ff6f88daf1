using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Proposing;
using Medulla.Core.Trials;

namespace Medulla.Tests.Simulation;

/// <summary>
/// The laws of the design that can be seen in one tick: what was remembered before, what was seen, what was decided. Laws 4, 5,
/// 10 and 12 are about what lies between ticks: <see cref="SimRun"/> holds them.
/// </summary>
internal static class Laws
{
    public static void Hold(Intent intent, Memory before, Observation world, Decision then)
    {
        Law1(then);
        Law2(intent, before, then);
        Law3(before, then);
        Law6(before, world, then);
        Law7(before, world, then);
        Law8(before, world, then);
        Law9(intent, world, then);
        Law11(then, world);
        Bounds(then);
    }

    /// <summary>No silent inaction: every item of drift has a move or a hold, and every hold says why and until when.</summary>
    private static void Law1(Decision then)
    {
        foreach (var drift in then.Drift)
        {
            if (!then.Plan.Covers(drift)) Broken(1, $"nothing covers '{drift.Subject}: {drift.Text}'");
        }

        foreach (var hold in then.Plan.Holds)
        {
            if (hold.Reason.Length == 0 || (hold.Until is null && hold.Event.Length == 0)) Broken(1, $"the hold on {hold.Subject} says too little");
        }

        if (then.Plan.Moves.GroupBy(m => m.Subject).Any(g => g.Count() > 1)) Broken(1, "two moves for one subject");
        if (then.Plan.Moves.Any(m => m.Reason.Length == 0)) Broken(1, "a move without a reason");
    }

    /// <summary>Every change of target is a trial with a deadline, or the end of one, or the intent's.</summary>
    private static void Law2(Intent intent, Memory before, Decision then)
    {
        var after = then.Memory;
        if (after.Trials.GroupBy(t => t.Workload).Any(g => g.Count() > 1)) Broken(2, "two trials for one workload");
        foreach (var target in after.Target.Instances)
        {
            if (before.Target.For(target.Workload)?.Id == target.Id) continue;
            var trial = after.TrialOf(target.Workload);
            var begun = trial?.Candidate.Id == target.Id && trial.Deadline > trial.StartedAt && (trial.Rank == Rank.ColdStart || trial.Fallback is not null || before.Good.For(target.Workload) is null);
            var ended = before.Good.For(target.Workload)?.Id == target.Id;
            if (!begun && !ended) Broken(2, $"{target.Workload} moved to {target} without a trial");
        }

        if (after.Target.Instances.Any(i => intent.Find(i.Workload) is null)) Broken(2, "a target that nobody wants");
    }

    /// <summary>A revert never brings back an older intent.</summary>
    private static void Law3(Memory before, Decision then)
    {
        if (then.Memory.Target.IntentGeneration < before.Target.IntentGeneration) Broken(3, "the target answers an older intent than before");
    }

    /// <summary>A refuted change is not tried again while its lesson holds.</summary>
    private static void Law6(Memory before, Observation world, Decision then)
    {
        foreach (var trial in then.Memory.Trials)
        {
            if (before.TrialOf(trial.Workload)?.Candidate.Id == trial.Candidate.Id) continue;
            if (before.Rebase(world.Now).IsRefuted(trial.Change, world.Now.Boot)) Broken(6, $"tried again: {trial.Change.Text}");
        }
    }

    /// <summary>A refused boot of a candidate refutes at once.</summary>
    private static void Law7(Memory before, Observation world, Decision then)
    {
        foreach (var exit in world.Signals.OfType<Signal.InstanceExited>())
        {
            if (exit.Asked || !exit.IsRefusal) continue;
            if (before.TrialOf(exit.Workload)?.Candidate.Id == exit.Spec && then.Memory.TrialOf(exit.Workload)?.Candidate.Id == exit.Spec) Broken(7, "a refused boot left its trial open");
        }
    }

    /// <summary>One crash after readiness is no evidence against a candidate.</summary>
    private static void Law8(Memory before, Observation world, Decision then)
    {
        foreach (var trial in before.Trials)
        {
            var exits = world.Signals.OfType<Signal.InstanceExited>().Where(e => e.Spec == trial.Candidate.Id && !e.Asked).ToList();
            if (exits.Count != 1 || !exits[0].WasReady || trial.Crashes > 0) continue;
            if (world.Signals.Any(s => s is Signal.StartFailed) || world.Now.Boot >= before.Rebase(world.Now).TrialOf(trial.Workload)!.Deadline) continue;
            var lessons = then.Memory.Lessons.Count(l => l.Key == trial.Change.Key) - before.Lessons.Count(l => l.Key == trial.Change.Key);
            if (lessons > 0) Broken(8, $"one crash refuted {trial.Change.Text}");
        }
    }

    /// <summary>The last healthy instance of a wanted workload is stopped only for a stated reason.</summary>
    private static void Law9(Intent intent, Observation world, Decision then)
    {
        foreach (var stop in then.Plan.Moves.OfType<Move.StopInstance>())
        {
            var fact = world.Instances.First(i => i.Id == stop.Id);
            if (fact.State != InstanceState.Ready || intent.Find(fact.Workload) is null) continue;
            var others = world.Instances.Count(i => i.Workload == fact.Workload && i.State == InstanceState.Ready && i.Id != fact.Id);
            if (others == 0 && stop.Reason.Length < 10) Broken(9, $"the last healthy instance of {fact.Workload} is stopped without a reason");
            if (then.Memory.RenewalOf(fact.Spec, fact.StartedAt) is null && then.Memory.TrialOf(fact.Workload) is { Beside: true } trial && trial.Fallback?.Id == fact.Spec) Broken(9, "a fallback is stopped that fits beside its candidate");
        }
    }

    /// <summary>Those that take turns: nobody is ended at work or while it stays loaded, nothing is loaded that nobody asks for, and no more than fits.</summary>
    public static void Turns(Intent intent, Machine machine, Observation world, Decision then)
    {
        var memory = then.Memory;
        foreach (var stop in then.Plan.Moves.OfType<Move.StopInstance>())
        {
            var fact = world.Instances.First(i => i.Id == stop.Id);
            if (fact.State != InstanceState.Ready || memory.Target.For(fact.Workload) is not { } target || target.Id != fact.Spec || memory.RenewalOf(fact.Spec, fact.StartedAt) is not null) continue;
            if (target.Residency == Residency.Resident) Broken(9, $"{fact.Workload} stays loaded and is stopped: {stop.Reason}");
            if (fact.Requests > 0) Broken(9, $"{fact.Workload} has requests in flight and is stopped: {stop.Reason}");
            if (memory.TrialOf(fact.Workload) is not null) Broken(9, $"{fact.Workload} is on trial and is stopped: {stop.Reason}");
        }

        foreach (var start in then.Plan.Moves.OfType<Move.StartInstance>().Where(s => memory.Target.For(s.Spec.Workload) is { Residency: Residency.OnDemand }))
        {
            var proof = memory.TrialOf(start.Spec.Workload)?.Candidate.Id == start.Spec.Id;
            if (!proof && world.DemandOf(start.Spec.Workload) is null) Broken(0, $"{start.Spec.Workload} is on demand and is loaded although nobody asks for it");
            var held = world.Instances.Select(i => memory.Find(i.Spec)).OfType<InstanceSpec>().Where(s => s.Id != start.Spec.Id);
            if (!Budget.Holds(machine, intent.Policy, PoolUse.Of(held).With(start.Spec))) Broken(0, $"{start.Spec} is loaded beside what leaves it no room");
        }

        if (then.Plan.Closed.Any(c => memory.Target.For(world.Instances.First(i => i.Id == c).Workload) is not { Residency: Residency.OnDemand })) Broken(9, "what stays loaded takes nothing new");
    }

    private static void Law11(Decision then, Observation world)
    {
        var hour = then.Memory.TrialStarts.Count(t => t > world.Now.Boot - TimeSpan.FromHours(1) && t <= world.Now.Boot);
        if (hour > Upgrade.BudgetPerHour) Broken(11, $"{hour} upgrades within an hour");
    }

    private static void Bounds(Decision then)
    {
        var memory = then.Memory;
        if (memory.Lessons.Length > Lesson.Max || memory.Crashes.Length > Memory.MaxRecords || memory.Fetches.Length > Memory.MaxRecords || memory.TrialStarts.Length > Memory.MaxStarts)
        {
            Broken(0, "a list in the memory is over its bound");
        }
    }

    private static void Broken(int law, string text) => throw new LawBrokenException(law, text);
}

internal sealed class LawBrokenException(int law, string text) : Exception(law == 0 ? text : $"law {law}: {text}");

using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Proposing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Tests.Simulation;

/// <summary>Laws that nothing can break prove nothing: each is broken here on purpose, in an otherwise honest decision.</summary>
public class LawsTests
{
    private readonly Honest _honest = new();

    [Fact]
    public void An_honest_decision_breaks_none() => _honest.Hold(_honest.Then);

    [Fact]
    public void Law_1_wants_every_drift_covered_and_every_hold_explained()
    {
        Breaks(1, _honest.Then with { Drift = _honest.Then.Drift.Add(new Drift("instance:nobody", "is missing")) });
        Breaks(1, _honest.Then with { Plan = _honest.Then.Plan with { Holds = [new Hold("weights:x", "", null, "")] } });
    }

    [Fact]
    public void Law_2_wants_a_trial_for_every_change_of_target()
    {
        var other = _honest.Target with { Context = _honest.Target.Context / 2 };
        Breaks(2, _honest.With(m => m with { Trials = [], Good = m.Good with { Instances = [] }, Target = m.Target with { Instances = [other] } }));
        Breaks(2, _honest.With(m => m with { Trials = [.. m.Trials, .. m.Trials, .. m.Trials, _honest.Trial, _honest.Trial] }));
    }

    [Fact]
    public void Law_3_wants_no_older_intent() => Breaks(3, _honest.With(m => m with { Target = m.Target with { IntentGeneration = -1 } }));

    [Fact]
    public void Law_6_wants_no_refuted_change_again()
    {
        var lesson = _honest.Refuted(_honest.Trial.Change);
        Breaks(6, _honest.With(m => m with { Trials = [_honest.Trial] }), m => m with { Lessons = [lesson], Trials = [] });
    }

    [Fact]
    public void Law_7_wants_a_refused_boot_to_refute() =>
        Breaks(7, _honest.With(m => m with { Trials = [_honest.Trial] }), m => m with { Trials = [_honest.Trial] }, _honest.Exit(ready: false));

    [Fact]
    public void Law_8_wants_more_than_one_crash_as_evidence()
    {
        var lesson = _honest.Refuted(_honest.Trial.Change);
        Breaks(8, _honest.With(m => m with { Trials = [], Lessons = [lesson] }), m => m with { Trials = [_honest.Trial], Lessons = [] }, _honest.Exit(ready: true));
    }

    [Fact]
    public void Law_9_wants_a_reason_to_stop_the_last_healthy_instance()
    {
        var stop = new Move.StopInstance(_honest.Seen.Instances[0].Id, _honest.Target.Workload, 1, TimeSpan.Zero) { Reason = "so" };
        Breaks(9, _honest.Then with { Plan = new Plan([stop], []) });
    }

    [Fact]
    public void Law_9_wants_nobody_ended_for_another_who_stays_loaded_or_is_at_work()
    {
        var stop = new Move.StopInstance(_honest.Seen.Instances[0].Id, _honest.Target.Workload, 1, TimeSpan.Zero) { Reason = "another needs its memory" };
        var then = _honest.Then with { Plan = new Plan([stop], []) };
        Turn(then, requests: 0);
        Turn(then with { Memory = then.Memory with { Target = then.Memory.Target.Put(_honest.Target with { Residency = Core.Intents.Residency.OnDemand }) } }, requests: 1);

        void Turn(Decision decision, int requests)
        {
            var seen = _honest.Seen with { Instances = [_honest.Seen.Instances[0] with { Requests = requests }] };
            var broken = Assert.Throws<LawBrokenException>(() => Laws.Turns(Shelf.Chat(), Shelf.Machine(4), seen, decision));
            Assert.StartsWith("law 9:", broken.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Law_11_wants_a_budget_of_upgrades() =>
        Breaks(11, _honest.With(m => m with { TrialStarts = [.. Enumerable.Repeat(_honest.Seen.Now.Boot, Upgrade.BudgetPerHour + 1)] }));

    private void Breaks(int law, Decision then, Func<Memory, Memory>? before = null, params Signal[] signals)
    {
        var broken = Assert.Throws<LawBrokenException>(() => _honest.Hold(then, before, signals));
        Assert.StartsWith($"law {law}:", broken.Message, StringComparison.Ordinal);
    }
}

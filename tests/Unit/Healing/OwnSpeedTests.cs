using Medulla.Core.Blueprints;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Trials;

namespace Medulla.Tests.Unit.Healing;

public class OwnSpeedTests
{
    [Fact]
    public void The_first_three_are_what_later_ones_are_held_against()
    {
        var own = OwnSpeed.Of(LivenessTests.Spec(100)).Take(90, null).Take(100, null);
        Assert.False(own.IsBaseline);
        own = own.Take(120, null);
        Assert.True(own.IsBaseline);
        Assert.Equal(100, own.TokensPerS);
        Assert.Equal(100, own.Take(500, 60).TokensPerS);
        Assert.Equal(2, own.Take(50, 60).Take(40, 60).LowInARow);
        Assert.Equal(0, own.Take(50, 60).Take(60, 60).LowInARow);
    }

    [Fact]
    public void Three_low_speeds_in_a_row_are_believed_and_the_engine_is_started_again()
    {
        var device = Baseline();
        device.Measures(50);
        var then = device.Measures(50);
        Assert.False(device.HasOpen("slow-regression"));
        Assert.DoesNotContain(then.Plan.Moves, m => m is Move.StopInstance);
        then = device.Measures(50);
        Assert.True(device.HasOpen("slow-regression"));
        Assert.True(Assert.Single(then.Plan.Moves.OfType<Move.StopInstance>()).Kill);
    }

    [Theory]
    [InlineData(61.0)]
    [InlineData(null)]
    public void A_usual_speed_among_them_begins_the_count_anew_and_none_counts_for_nothing(double? between)
    {
        var device = Baseline();
        foreach (var speed in (double?[])[50, 50, between, 50]) device.Measures(speed);
        Assert.Equal(between is null, device.HasOpen("slow-regression"));
    }

    [Fact]
    public void A_low_speed_is_measured_again_soon_and_a_usual_one_after_ten_minutes()
    {
        var device = Baseline();
        var usual = device.Measures(100);
        Assert.Equal(device.Now + TimeSpan.FromMinutes(10), usual.NextLook);
        var low = device.Measures(50);
        Assert.Equal(device.Now + TimeSpan.FromSeconds(30), low.NextLook);
    }

    [Fact]
    public void What_nothing_makes_faster_becomes_the_measure()
    {
        var device = Baseline();
        for (var i = 0; i < OwnSpeed.Accepted - 1; i++) device.Measures(50);
        Assert.True(device.HasOpen("slow-regression"));
        var then = device.Measures(48);
        Assert.False(device.HasOpen("slow-regression"));
        Assert.Equal(48, device.Memory.SpeedOf(device.Spec.Id)!.TokensPerS);
        Assert.Contains(then.Notes, n => n.Kind == "speed" && n.Text.Contains("48 tokens/s now, not 100", StringComparison.Ordinal));
    }

    [Fact]
    public void An_accelerator_that_is_five_times_slower_than_predicted_is_none()
    {
        var device = new Played(s => s with { ExpectedTokensPerS = 100, Settings = new EngineSettings { Accelerator = 0, Devices = 1, GpuLayers = null } });
        for (var i = 0; i < 3; i++) device.Measures(15);
        Assert.True(device.HasOpen("silent-cpu-fallback"));
        device = new Played(s => s with { ExpectedTokensPerS = 100, Settings = new EngineSettings { Accelerator = 0, Devices = 1, GpuLayers = null } });
        for (var i = 0; i < 3; i++) device.Measures(25);
        Assert.Empty(device.Memory.Incidents);
    }

    [Fact]
    public void Layers_that_are_not_on_the_accelerator_are_noticed_when_it_is_ready()
    {
        var device = new Played(s => s with { ExpectedTokensPerS = 100, Settings = new EngineSettings { Accelerator = 0, Devices = 1, GpuLayers = null } });
        device.Decide(new Signal.InstanceReady(device.Fact.Id, device.Spec.Id, device.Spec.Workload, TimeSpan.FromSeconds(1)) { Lines = ["load_tensors: offloaded 4/9 layers to GPU"] });
        Assert.True(device.HasOpen("partial-offload"));
    }

    [Fact]
    public void It_is_not_measured_while_somebody_is_served()
    {
        var device = new Played();
        Assert.Contains(device.Decide().Plan.Moves, m => m is Move.ProbeInstance or Move.MeasureInstance);
        device.Fact = device.Fact with { Probe = new ProbeFact(1, 1, null) { At = device.Now } };
        Assert.Contains(device.Decide().Plan.Moves, m => m is Move.MeasureInstance);
        device.Fact = device.Fact with { Requests = 1 };
        Assert.Empty(device.Decide().Plan.Moves);
    }

    [Fact]
    public void Answers_of_an_instance_that_is_never_quiet_are_looked_at_all_the_same()
    {
        var device = new Played(Asked);
        device.Fact = device.Fact with { Requests = 3, Probe = new ProbeFact(1, 1, null) { At = device.Now }, Speed = new SpeedFact(100, device.Now) };
        device.Now += TimeSpan.FromMinutes(19);
        Assert.Empty(device.Decide().Plan.Moves);
        device.Now += TimeSpan.FromMinutes(1);
        Assert.IsType<Move.ProbeInstance>(Assert.Single(device.Decide().Plan.Moves));
        device.Fact = device.Fact with { Probe = new ProbeFact(0, 1, "said nothing of it") { At = device.Now, InARow = 1 } };
        Assert.IsType<Move.ProbeInstance>(Assert.Single(device.Decide().Plan.Moves));
        device.Fact = device.Fact with { Probe = device.Fact.Probe! with { InARow = 2 } };
        device.Decide();
        Assert.True(device.HasOpen("gibberish-template"));
    }

    [Fact]
    public void A_full_queue_that_keeps_a_golden_prompt_waiting_is_no_wrong_answer()
    {
        var device = new Played(Asked);
        device.Fact = device.Fact with { Requests = 3, Probe = new ProbeFact(0, 1, "not in time") { At = device.Now, InARow = 2, NoAnswer = true }, Speed = new SpeedFact(100, device.Now) };
        Assert.Empty(device.Decide().Plan.Moves);
        Assert.Empty(device.Memory.Incidents);
    }

    [Fact]
    public void While_others_have_the_processors_it_waits_and_says_so()
    {
        var device = new Played { Host = new HostFact { ProcessorStall = 50 } };
        device.Fact = device.Fact with { Probe = new ProbeFact(1, 1, null) { At = device.Now } };
        var then = device.Decide();
        Assert.Empty(then.Plan.Moves);
        Assert.Contains("others have the processors", Assert.Single(then.Plan.Holds).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, Outcome.Open)]
    [InlineData(79.0, Outcome.Refuted)]
    [InlineData(81.0, Outcome.Proven)]
    public void A_repair_that_owes_a_speed_is_proven_by_nothing_else(double? speed, Outcome outcome)
    {
        var device = new Played();
        var trial = new Trial
        {
            Workload = device.Spec.Workload,
            Rank = Rank.Repair,
            Candidate = device.Spec,
            Fallback = null,
            Change = Change.Between(null, device.Spec),
            Reason = "it was slow",
            Beside = false,
            StartedAt = device.Now,
            Deadline = device.Now + TimeSpan.FromMinutes(5),
            ProvedAt = device.Now,
            MustReach = 80,
        };
        device.Fact = device.Fact with { Probe = new ProbeFact(1, 1, null), Speed = new SpeedFact(speed, device.Now) };
        Assert.Equal(outcome, Judge.Decide(trial, device.World(), new Catalog { Engines = [], Models = [] }).Outcome);
    }

    private static InstanceSpec Asked(InstanceSpec spec) => spec with { Golden = [new GoldenPrompt("What is the capital of France?", "Paris")] };

    private static Played Baseline()
    {
        var device = new Played();
        foreach (var speed in (double[])[90, 100, 120]) device.Measures(speed);
        return device;
    }
}

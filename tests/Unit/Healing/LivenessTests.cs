using Medulla.Core.Blueprints;
using Medulla.Core.Incidents;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Units;

namespace Medulla.Tests.Unit.Healing;

/// <summary>What lives and what does not, by its signs of life alone. Times are seconds of boot; now is 1000.</summary>
public class LivenessTests
{
    [Theory]
    [InlineData("busy and moving", 990, 999, 999, null, null, null, null)]
    [InlineData("a long prompt: it computes, its counters stand", 950, 999, 950, null, null, null, null)]
    [InlineData("work, and nothing moves", 980, 980, 980, null, null, null, "hang-health-ok")]
    [InlineData("work for a moment, nothing moved before it", 997, 600, 600, null, null, null, null)]
    [InlineData("it computes, and no counter moves for minutes", 600, 999, 600, null, null, null, "hang-health-ok")]
    [InlineData("no work, nothing moves for an hour", null, 1, 1, null, null, null, null)]
    [InlineData("stopped for a moment", null, 999, 999, 999, null, null, null)]
    [InlineData("stopped", null, 990, 990, 990, null, null, "engine-stopped")]
    [InlineData("its main thread is stuck in the kernel, idle", null, 960, 960, null, 960, null, "engine-unresponsive")]
    [InlineData("it reads a disk for a while", null, 999, 960, null, 990, null, null)]
    [InlineData("a tiny prompt is unanswered, idle", null, 960, 960, null, null, 970, "engine-unresponsive")]
    public void Signs_of_life_are_read(string what, int? owes, int computed, int moved, int? stopped, int? stuck, int? silent, string? code)
    {
        var pulse = new Pulse { OwesSince = At(owes), ComputedAt = Seconds(computed), MovedAt = Seconds(moved), HasCounters = true, StoppedSince = At(stopped), StuckSince = At(stuck), SilentSince = At(silent) };
        Assert.Equal((what, code), (what, Liveness.Of(Fact(InstanceState.Ready, pulse), Spec(promptSpeed: 100), Seconds(1000))?.Condition.Code));
    }

    [Theory]
    [InlineData(998, null)]
    [InlineData(996, "engine-unresponsive")]
    public void Errors_for_answers_to_a_tiny_prompt_as_well_are_believed_after_a_moment(int since, string? code)
    {
        var pulse = new Pulse { OwesSince = Seconds(999), ComputedAt = Seconds(999), MovedAt = Seconds(999), HasCounters = true, FailingSince = Seconds(since) };
        Assert.Equal(code, Liveness.Of(Fact(InstanceState.Ready, pulse), Spec(100), Seconds(1000))?.Condition.Code);
    }

    [Fact]
    public void One_whose_socket_is_gone_reaches_nobody_however_well_it_is()
    {
        var pulse = new Pulse { OwesSince = Seconds(999), ComputedAt = Seconds(1000), MovedAt = Seconds(1000), HasCounters = true, UnreachableSince = Seconds(999) };
        Assert.Equal("engine-unresponsive", Liveness.Of(Fact(InstanceState.Ready, pulse), Spec(100), Seconds(1000))?.Condition.Code);
        Assert.Null(Liveness.Of(Fact(InstanceState.Ready, pulse with { UnreachableSince = Seconds(1000) }), Spec(100), Seconds(1000)));
    }

    [Theory]
    [InlineData(InstanceState.Starting)]
    [InlineData(InstanceState.Ready)]
    public void One_that_refuses_our_key_is_not_ours_to_wait_for(InstanceState state)
    {
        var pulse = new Pulse { ComputedAt = Seconds(999), MovedAt = Seconds(999), RefusedSince = Seconds(999) };
        Assert.Equal("secret-mismatch", Liveness.Of(Fact(state, pulse), Spec(100), Seconds(1000))?.Condition.Code);
    }

    [Fact]
    public void An_accelerator_whose_work_cannot_be_seen_is_given_the_longer_time()
    {
        var pulse = new Pulse { OwesSince = Seconds(970), ComputedAt = Seconds(960), MovedAt = Seconds(960) };
        var spec = Spec(100) with { Settings = new EngineSettings { Accelerator = 0 } };
        Assert.Null(Liveness.Of(Fact(InstanceState.Ready, pulse), spec, Seconds(1000)));
        Assert.NotNull(Liveness.Of(Fact(InstanceState.Ready, pulse with { SeesAccelerator = true }), spec, Seconds(1000)));
    }

    [Fact]
    public void A_slow_machine_is_given_three_times_its_slowest_step()
    {
        Assert.Equal(TimeSpan.FromSeconds(60), Liveness.BusyLimit(Spec(1000)));
        Assert.Equal(TimeSpan.FromSeconds(3 * 2048 / 32.0), Liveness.BusyLimit(Spec(32)));
    }

    [Theory]
    [InlineData(995, null)]
    [InlineData(960, "engine-unresponsive")]
    public void A_start_that_neither_computes_nor_reads_is_none(int computed, string? code)
    {
        var pulse = new Pulse { ComputedAt = Seconds(computed), MovedAt = Seconds(900) };
        Assert.Equal(code, Liveness.Of(Fact(InstanceState.Starting, pulse), Spec(100), Seconds(1000))?.Condition.Code);
    }

    private static InstanceFact Fact(InstanceState state, Pulse pulse) => new()
    {
        Id = new InstanceId("i"),
        Spec = Spec(100).Id,
        Workload = new WorkloadName("chat"),
        Model = new ModelId("m"),
        Pid = 7,
        ModelPath = "/m",
        State = state,
        StartedAt = Seconds(900),
        Adopted = false,
        Requests = 0,
        Pulse = pulse,
    };

    internal static InstanceSpec Spec(double promptSpeed) => new()
    {
        Workload = new WorkloadName("chat"),
        Model = new ModelId("m"),
        Quant = "Q8_0",
        Weights = new Weights(Digest.Of("m"), ByteSize.GiB(1), "m.gguf"),
        Engine = new EngineBuild(new EngineId("llama.cpp"), Digest.Of("e"), "b1"),
        Context = 8192,
        Parallel = 4,
        Threads = 2,
        Task = WorkloadTask.Chat,
        Memory = ByteSize.GiB(2),
        Quality = 50,
        ExpectedPromptTokensPerS = promptSpeed,
        Placeholder = false,
        Asked = "x",
        Golden = [],
    };

    private static TimeSpan? At(int? seconds) => seconds is { } s ? Seconds(s) : null;

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}

using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Tests.Unit.Healing;

/// <summary>Each step changes one thing, and says so; where there is nothing to change it is no step.</summary>
public class AmendingTests
{
    private static readonly Workload Chat = Intent.Default(new Policy()).Workloads[0];

    [Fact]
    public void Steps_change_one_thing()
    {
        var spec = LivenessTests.Spec(100);
        Assert.Equal((4096, "less-context"), Of(spec, AmendmentKind.LessContext, s => (s.Context, s.Amended)));
        Assert.Equal((2, "fewer-slots"), Of(spec, AmendmentKind.FewerSlots, s => (s.Parallel, s.Amended)));
        Assert.Equal((256, "smaller-batch"), Of(spec, AmendmentKind.SmallerBatch, s => (s.Settings.MicroBatch, s.Amended)));
        Assert.Equal((KvType.Q8, "kv-type"), Of(spec, AmendmentKind.KvType, s => (s.Settings.Kv, s.Amended)));
        Assert.Equal((FlashAttention.Off, "kv-type"), Of(spec, AmendmentKind.KvType, s => (s.Settings.FlashAttention, s.Amended), frees: false));
    }

    [Fact]
    public void Experts_leave_the_accelerator_before_layers_do_and_the_memory_goes_with_them()
    {
        var shape = ModelShape.Approximate("qwen3moe", 40, 98304, 30_000_000_000, 3_000_000_000, 32768) with { Experts = 128, ExpertsUsed = 8 };
        var spec = LivenessTests.Spec(100);
        spec = spec with { Memory = ByteSize.GiB(2), DeviceMemory = ByteSize.GiB(18), Weights = spec.Weights with { Size = ByteSize.GiB(16) }, Settings = spec.Settings with { Accelerator = 0, Devices = 1, GpuLayers = null } };
        var half = Amending.Apply(spec, Step(AmendmentKind.OffloadLess), frees: true, Chat, shape)!;
        var quarter = Amending.Apply(half, Step(AmendmentKind.OffloadLess), frees: true, Chat, shape)!;
        Assert.Equal((20, 30), (half.Settings.ExpertsOnHost, quarter.Settings.ExpertsOnHost));
        Assert.True(half.DeviceMemory < spec.DeviceMemory && half.Memory > spec.Memory, $"{half.DeviceMemory} and {half.Memory}");
        var none = spec with { Settings = spec.Settings with { ExpertsOnHost = int.MaxValue } };
        Assert.Equal(20, Amending.Apply(none, Step(AmendmentKind.OffloadLess), frees: true, Chat, shape)!.Settings.GpuLayers);
    }

    [Fact]
    public void What_was_done_before_is_still_known()
    {
        var once = Apply(LivenessTests.Spec(100), AmendmentKind.LessContext)!;
        Assert.Equal("less-context, fewer-slots", Apply(once, AmendmentKind.FewerSlots)!.Amended);
    }

    [Fact]
    public void A_step_that_changes_nothing_is_none()
    {
        var spec = LivenessTests.Spec(100);
        Assert.Null(Apply(spec with { Context = Amending.LeastContext }, AmendmentKind.LessContext));
        Assert.Null(Apply(spec with { Parallel = 1 }, AmendmentKind.FewerSlots));
        Assert.Null(Apply(spec, AmendmentKind.OffloadLess));
        Assert.Null(Apply(spec, AmendmentKind.Restart));
    }

    [Fact]
    public void A_context_goes_no_lower_than_the_workloads_floor() =>
        Assert.Equal(6000, Amending.Apply(LivenessTests.Spec(100), Step(AmendmentKind.LessContext), frees: true, Chat with { FloorContext = 6000 }, null)!.Context);

    private static T Of<T>(InstanceSpec spec, AmendmentKind step, Func<InstanceSpec, T> look, bool frees = true) => look(Apply(spec, step, frees)!);

    private static InstanceSpec? Apply(InstanceSpec spec, AmendmentKind step, bool frees = true) => Amending.Apply(spec, Step(step), frees, Chat, null);

    private static Amendment Step(AmendmentKind step) => new(step, 0.5, null, ProofKind.Serves, null);
}

using System.Collections.Immutable;
using Medulla.Artifacts.Headers;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Prediction;
using Medulla.Core.Units;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Unit.Prediction;

/// <summary>Figures in MiB were read from the report of llama-server b11669; a live test asks the engine itself.</summary>
public sealed class MemoryFitTests
{
    [Theory]
    [InlineData("gqa-8b", 8192, 1, KvType.F16, 1024)]
    [InlineData("gqa-8b", 8192, 4, KvType.F16, 4096)]
    [InlineData("gqa-8b", 8192, 1, KvType.Q8, 544)]
    [InlineData("gqa-8b", 8192, 1, KvType.Q4, 288)]
    [InlineData("window", 8192, 1, KvType.F16, 334)]
    [InlineData("window", 8192, 4, KvType.F16, 1336)]
    [InlineData("latent", 131072, 1, KvType.F16, 1728)]
    [InlineData("hybrid", 8192, 1, KvType.F16, 137)]
    [InlineData("state", 131072, 4, KvType.F16, 196)]
    [InlineData("linear", 8192, 4, KvType.F16, 267)]
    public void The_cache_is_as_the_engine_says(string name, int context, int parallel, KvType kv, int mib)
    {
        var (shape, weights) = Model(name);
        var need = MemoryFit.Of(shape, weights, new FitSettings { Context = context, Parallel = parallel, KvType = kv });
        Assert.Equal(mib, need.Cache.Bytes >> 20);
    }

    [Theory]
    [InlineData("dense", 512, true, 61)]
    [InlineData("gqa-8b", 512, true, 132)]
    [InlineData("gqa-8b", 2048, true, 528)]
    [InlineData("moe", 512, true, 96)]
    [InlineData("moe-few", 512, true, 216)]
    [InlineData("window-sinks", 512, true, 102)]
    [InlineData("attention", 512, true, 50)]
    [InlineData("attention", 512, false, 1086)]
    public void Buffers_are_as_the_engine_says(string name, int batch, bool flash, int mib)
    {
        var (shape, weights) = Model(name);
        var need = MemoryFit.Of(shape, weights, new FitSettings { Context = 8192, MicroBatch = batch, FlashAttention = flash });
        Assert.InRange(need.Compute.Bytes / (double)(1 << 20), mib, mib + 4);
    }

    /// <summary>From b11669 with its Vulkan backend on a device in software: weights + cache + buffers there, and in host memory.</summary>
    [Theory]
    [InlineData("dense", null, 0, 909 + 512 + 57, 125 + 24)]
    [InlineData("moe", null, 0, 4056 + 192 + 92, 35 + 24)]
    [InlineData("moe", null, 6, 2112 + 192 + 176, 1979 + 24)]
    [InlineData("moe", null, 99, 168 + 192 + 176, 3923 + 24)]
    [InlineData("window", null, 0, 1812 + 334 + 94, 90 + 29)]
    [InlineData("window", 10, 0, 546 + 80 + 114, 1356 + 254 + 29)]
    [InlineData("gqa-8b", 17, 0, 1872 + 281 + 512 + 136, 2154 + 512 + 40)]
    public void Offload_is_as_the_engine_says(string name, int? gpuLayers, int expertsOnHost, int device, int host)
    {
        var (shape, weights) = Model(name);
        var need = MemoryFit.Of(shape, weights, Gpu() with { GpuLayers = gpuLayers, ExpertsOnHost = expertsOnHost });
        var (onDevice, onHost) = ((need.Device - MemoryFit.DeviceContext).Bytes / (double)(1 << 20), (need.Host - MemoryFit.Process).Bytes / (double)(1 << 20));
        Assert.InRange(onDevice, device - Math.Max(16, 0.01 * device), device + Math.Max(64, 0.03 * device));
        Assert.InRange(onHost, host - Math.Max(16, 0.01 * host), host + 128);
    }

    [Fact]
    public void What_for_and_where_add_up()
    {
        foreach (var synthetic in SyntheticGguf.Shapes)
        {
            var (shape, weights) = Model(synthetic.Name);
            foreach (var settings in AllKinds())
            {
                var need = MemoryFit.Of(shape, weights, settings);
                Assert.Equal(need.Total.Bytes, need.Device.Bytes + need.OtherDevices.Bytes + need.Host.Bytes);
                Assert.True(need.OtherDevices.Bytes >= 0 && need.Device.Bytes >= 0 && need.Host.Bytes > 0, $"{synthetic.Name} {settings}: {need}");
            }
        }
    }

    [Fact]
    public void More_context_slots_and_precision_never_need_less()
    {
        foreach (var synthetic in SyntheticGguf.Shapes)
        {
            var (shape, weights) = Model(synthetic.Name);
            foreach (var settings in AllKinds())
            {
                var need = MemoryFit.Of(shape, weights, settings).Total;
                Assert.True(MemoryFit.Of(shape, weights, settings with { Context = settings.Context + 256 }).Total >= need);
                Assert.True(MemoryFit.Of(shape, weights, settings with { Parallel = settings.Parallel + 1 }).Total >= need);
                Assert.True(MemoryFit.Of(shape, weights, settings with { KvType = KvType.Q4 }).Total <= need);
                Assert.True(MemoryFit.Of(shape, weights, settings with { Unified = true }).Total >= need);
            }
        }
    }

    [Fact]
    public void Layers_left_on_the_host_are_not_on_the_device()
    {
        var (shape, weights) = Model("gqa-8b");
        var all = MemoryFit.Of(shape, weights, Gpu());
        var half = MemoryFit.Of(shape, weights, Gpu() with { GpuLayers = 17 });
        var none = MemoryFit.Of(shape, weights, Gpu() with { GpuLayers = 0 });
        Assert.True(all.Device > half.Device && half.Device > none.Device);
        Assert.True(all.Host < half.Host && half.Host < none.Host);
        Assert.True(none.Device < ByteSize.GiB(1));
    }

    [Fact]
    public void Experts_on_the_host_leave_the_cache_and_the_rest_on_the_device()
    {
        var (shape, weights) = Model("moe");
        var all = MemoryFit.Of(shape, weights, Gpu());
        var none = MemoryFit.Of(shape, weights, Gpu() with { ExpertsOnHost = int.MaxValue });
        var half = MemoryFit.Of(shape, weights, Gpu() with { ExpertsOnHost = 6 });

        // Less the room for one of a layer's three expert matrices, which comes over for a prefill.
        var (experts, fetched) = (shape.ExpertShare * weights.Bytes, shape.ExpertShare * weights.Bytes / shape.Layers / 3);
        Assert.Equal(experts - fetched, all.Device.Bytes - none.Device.Bytes, 3.0);
        Assert.Equal((experts / 2) - fetched, all.Device.Bytes - half.Device.Bytes, 3.0);
        Assert.True(none.Device > none.Cache);
    }

    [Fact]
    public void Two_devices_share_the_layers_and_each_has_its_buffers()
    {
        var (shape, weights) = Model("gqa-8b");
        var one = MemoryFit.Of(shape, weights, Gpu());
        var two = MemoryFit.Of(shape, weights, Gpu() with { Devices = 2 });
        Assert.True(two.Device < one.Device && two.Total > one.Total);
        Assert.True(two.Device >= two.OtherDevices);
    }

    [Fact]
    public void A_longer_context_never_takes_less()
    {
        foreach (var synthetic in SyntheticGguf.Shapes)
        {
            var (shape, weights) = Model(synthetic.Name);
            foreach (var settings in AllKinds())
            {
                var before = MemoryFit.Of(shape, weights, settings with { Context = 256 });
                for (var context = 512; context <= shape.ContextMax; context *= 2)
                {
                    var need = MemoryFit.Of(shape, weights, settings with { Context = context });
                    Assert.True(need.Device >= before.Device && need.Host >= before.Host, $"{synthetic.Name} at {context}: {settings}");
                    before = need;
                }
            }
        }
    }

    [Fact]
    public void A_model_of_which_only_totals_are_known_has_the_right_cache_and_sane_buffers()
    {
        var (exact, weights) = Model("gqa-8b");
        var shape = ModelShape.Approximate("llama", 32, 128 << 10, 8_030_000_000, 8_030_000_000, 131072);
        Assert.Equal(exact.KvBytesPerToken, shape.KvBytesPerToken);
        foreach (var settings in AllKinds().Where(s => s.FlashAttention))
        {
            var (ours, theirs) = (MemoryFit.Of(shape, weights, settings), MemoryFit.Of(exact, weights, settings));
            Assert.InRange(ours.Total.Bytes / (double)theirs.Total.Bytes, 0.95, 1.15);
        }

        Assert.Equal(0.9, ModelShape.Approximate("qwen3moe", 48, 98304, 30_000_000_000, 3_000_000_000, 4096).ExpertShare, 0.01);
        Assert.True(ModelShape.Approximate("x", 0, 0, 0, 0, 1).Embedding > 0);
    }

    [Fact]
    public void Engines_with_compiled_graphs_take_more_before_the_first_token()
    {
        var (shape, weights) = Model("gqa-8b");
        var small = MemoryFit.Of(shape, weights, Gpu());
        var large = MemoryFit.Of(shape, weights, Gpu() with { Family = EngineFamily.VllmLike });
        Assert.True(large.Overhead > small.Overhead + ByteSize.GiB(2));
        Assert.Equal(large.Cache.Bytes / 2, MemoryFit.Of(shape, weights, Gpu() with { Family = EngineFamily.VllmLike, KvType = KvType.Q4 }).Cache.Bytes);
    }

    private static IEnumerable<FitSettings> AllKinds()
    {
        foreach (var parallel in new[] { 1, 4 })
        {
            yield return new FitSettings { Context = 4096, Parallel = parallel };
            yield return new FitSettings { Context = 5000, Parallel = parallel, FlashAttention = false, Unified = true };
            yield return Gpu() with { Parallel = parallel };
            yield return Gpu() with { Parallel = parallel, Devices = 3, KvType = KvType.Q8 };
            yield return Gpu() with { Parallel = parallel, GpuLayers = 3, Unified = true };
            yield return Gpu() with { Parallel = parallel, ExpertsOnHost = 2, PromptCache = ByteSize.MiB(512) };
            yield return Gpu() with { Parallel = parallel, Family = EngineFamily.VllmLike };
        }
    }

    private static FitSettings Gpu() => new() { Context = 8192, HasGpu = true };

    private static (ModelShape Shape, ByteSize Weights) Model(string name) => Models[name];

    private static readonly ImmutableDictionary<string, (ModelShape, ByteSize)> Models = SyntheticGguf.Shapes.ToImmutableDictionary(
        s => s.Name,
        s =>
        {
            var header = ModelHeader.Read(new MemoryStream(s.Header()), null);
            return (header.Shape!, header.Weights);
        },
        StringComparer.Ordinal);
}

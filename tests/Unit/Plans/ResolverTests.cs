using Medulla.Admin;
using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Tests.Unit.Plans;

public class ResolverTests
{
    private static readonly Medulla.Core.Knowledge.Catalog Catalog = EmbeddedCatalog.Read();

    private static readonly Workload Chat = new() { Name = new WorkloadName("chat"), Task = WorkloadTask.Chat };

    private static readonly Workload Code = Chat with { Name = new WorkloadName("code"), Skill = Skill.Code, Context = 65_536, Concurrency = 1, Service = new ServiceLevel(20, TimeSpan.FromSeconds(20), 4096) };

    private static readonly Workload AnySpeed = Chat with { Name = new WorkloadName("any"), Service = new ServiceLevel(null, null, 1) };

    private static readonly Workload Embedding = new() { Name = new WorkloadName("embedding"), Task = WorkloadTask.Embedding };

    [Theory]
    [InlineData("rtx-4090")]
    [InlineData("2x-rtx-3060")]
    [InlineData("rtx-4060-ti-16g")]
    [InlineData("gb10")]
    [InlineData("h200")]
    [InlineData("apple-m4-16g")]
    [InlineData("ascend-910b1")]
    [InlineData("cpu-x64-16g")]
    public void Short_cuts_lead_to_the_same_choice_as_looking_at_everything(string hardware)
    {
        var known = new Knowing { Policy = new Policy(), IsDefault = true, Machine = PlanCommand.Typical(hardware, Catalog).Machine!, Catalog = Catalog };
        var resolutions = new Resolutions();
        foreach (var workload in (Workload[])[Chat, Code, AnySpeed, Embedding])
        {
            foreach (var taken in (PoolUse[])[PoolUse.None, new PoolUse(ByteSize.GiB(4), [ByteSize.GiB(2)])])
            {
                var (quick, whole) = (resolutions.Of(workload, known, taken), Resolver.ResolveExhaustively(workload, known, taken));
                Assert.Equal(Text(whole.Best), Text(quick.Best));
                Assert.Equal(whole.Candidates.Select(Text), quick.Candidates.Select(Text));
                Assert.All(whole.Blocked.Where(b => quick.Blocked.All(q => Text(q) != Text(b))), b => Assert.True(IsNoGain(b, whole), $"{Text(b)} is left out on {hardware}, and would be a gain"));
                Assert.Empty(whole.Rejections.Except(quick.Rejections));
            }
        }
    }

    [Fact]
    public void Every_model_is_a_candidate_or_has_a_reason_why_not()
    {
        var known = new Knowing { Policy = new Policy(), IsDefault = true, Machine = PlanCommand.Typical("h200", Catalog).Machine!, Catalog = Catalog };
        var resolution = Resolver.Resolve(Chat, known, PoolUse.None);
        var told = resolution.Candidates.Concat(resolution.Blocked).Select(c => c.Model.Id).Concat(resolution.Rejections.Select(r => r.Model)).ToHashSet();
        Assert.Equal(Catalog.Models.Length, told.Count);
        Assert.Empty(resolution.Rejections.Select(r => r.Model).Intersect(resolution.Candidates.Concat(resolution.Blocked).Select(c => c.Model.Id)));
    }

    [Theory]
    [InlineData("rtx-4060-laptop", "qwen3.6-35b-a3b")]
    [InlineData("rtx-4090", "qwen3-coder-next")]
    [InlineData("h200", "deepseek-v4-flash")]
    [InlineData("rtx-4060-laptop", "qwen3-14b")]
    public void What_does_not_fit_whole_fills_the_accelerator_first(string hardware, string model)
    {
        var known = new Knowing { Policy = new Policy(), IsDefault = true, Machine = PlanCommand.Typical(hardware, Catalog).Machine!, Catalog = Catalog };
        var spread = Resolver.Resolve(AnySpeed with { Model = new ModelId(model) }, known, PoolUse.None).Candidates.Where(c => c.Place.Index == 0 && c.Spec.Settings is { ExpertsOnHost: > 0 } or { GpuLayers: not null }).ToList();
        Assert.NotEmpty(spread);
        Assert.All(spread, c =>
        {
            var planned = Budget.Device(c.Place.Memory!.Value);
            var layer = c.File.Size.Bytes / ModelShapes.Of(c.Model).Layers;
            Assert.InRange(c.Spec.DeviceMemory.Bytes, planned.Bytes - (5 * layer / 2), planned.Bytes - (layer / 2));
        });
    }

    [Fact]
    public void Half_the_speed_and_twice_the_wait_lose_to_a_decently_smaller_model_and_not_to_the_smallest()
    {
        var known = new Knowing { Policy = new Policy(), IsDefault = true, Machine = PlanCommand.Typical("cpu-x64-4g-vm", Catalog).Machine!, Catalog = Catalog };
        var best = Resolver.Resolve(Chat, known with { Machine = known.Machine with { Memory = known.Machine.Memory with { Total = ByteSize.GiB(24) } } }, PoolUse.None).Best!;
        Assert.InRange(best.Forecast!.TokensPerS, 6, 1000);
        Assert.InRange(best.Forecast.FirstToken.TotalSeconds, 0, 8);
        Assert.InRange(best.Model.Quality, 40, 100);
    }

    /// <summary>The same model can be run with no more memory, or something else that is as good can.</summary>
    private static bool IsNoGain(Candidate blocked, Resolution resolution) => resolution.Candidates.Any(c =>
        blocked.Spec.Merit < c.Spec.Merit + Merit.Noticeable &&
        c.Spec.Memory <= blocked.Spec.Memory &&
        c.Spec.DeviceMemory <= blocked.Spec.DeviceMemory &&
        (c.Spec.DeviceMemory == ByteSize.Zero || c.Place.Index == blocked.Place.Index));

    private static string Text(Candidate? candidate) =>
        candidate is null ? "nothing" : $"{candidate.Spec.Id} {candidate.File.Name} {candidate.Engine.Id}-{candidate.Build.Backend} {candidate.Place.Index} {candidate.Spec.Settings.Key} {candidate.Spec.Merit}";
}

using System.Globalization;
using System.Text;
using Medulla.Admin;
using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Machines;
using Medulla.Core.Units;
using Medulla.Core.Wire;
using Medulla.State;

namespace Medulla.Tests.Unit.Plans;

/// <summary>What the catalog would run on boxes that people have, as files to read. After a change that is meant: <c>MEDULLA_GOLDEN=write dotnet test …</c>, and look at the difference.</summary>
public class GoldenPlanTests
{
    private static readonly Medulla.Core.Knowledge.Catalog Catalog = EmbeddedCatalog.Read();

    [Theory]
    [InlineData("gb10")]
    [InlineData("strix-halo-395-128g")]
    [InlineData("strix-halo-395-64g")]
    [InlineData("rtx-4090")]
    [InlineData("rtx-4060-laptop")]
    [InlineData("2x-rtx-4090")]
    [InlineData("h200")]
    [InlineData("apple-m4-16g")]
    [InlineData("arc-b580")]
    [InlineData("ascend-910b1")]
    [InlineData("mthreads-m1000")]
    [InlineData("cpu-x64-16g")]
    [InlineData("cpu-x64-4g-vm")]
    [InlineData("riscv-k1-8g")]
    public void A_box_gets_the_plan_that_its_file_says(string hardware)
    {
        Check(hardware, PlanCommand.Typical(hardware, Catalog).Machine!);
    }

    [Fact]
    public void A_virtual_machine_with_more_memory_than_speed_gets_what_it_can_serve()
    {
        var small = PlanCommand.Typical("cpu-x64-4g-vm", Catalog).Machine!;
        Check("cpu-x64-24g-vm", small with { Memory = small.Memory with { Total = ByteSize.GiB(24) } });
    }

    [Fact]
    public void A_plan_is_the_same_whenever_it_is_made()
    {
        var known = new Knowing { Policy = new Policy(), IsDefault = false, Machine = PlanCommand.Typical("gb10", Catalog).Machine!, Catalog = Catalog };
        foreach (var profile in Catalog.Profiles)
        {
            Assert.Equal(Plan(), Plan());

            string Plan() => Render("gb10", PlanReport.Of(Sharing.Plan([.. profile.Workloads.Select(w => w.Workload)], known, new Resolutions()), known));
        }
    }

    [Fact]
    public void Workloads_of_one_application_fit_beside_each_other()
    {
        foreach (var hardware in (string[])["strix-halo-395-64g", "rtx-4090", "cpu-x64-16g", "apple-m4-16g"])
        {
            var known = new Knowing { Policy = new Policy(), IsDefault = false, Machine = PlanCommand.Typical(hardware, Catalog).Machine!, Catalog = Catalog };
            var plan = Sharing.Plan([.. Catalog.FindProfile(new EntryId("rag"))!.Workloads.Select(w => w.Workload)], known, new Resolutions());
            Assert.All(plan, p => Assert.True(p.Best is not null, $"nothing fits for {p.Workload.Name} on {hardware}"));
            Assert.All(plan, p => Assert.True(p.Now is not null, $"nothing can be run now for {p.Workload.Name} on {hardware}"));
            Assert.True(Budget.Holds(known.Machine, known.Policy, PoolUse.Of(plan.Select(p => p.Best!.Spec))), hardware);
        }
    }

    private static void Check(string hardware, Machine machine)
    {
        var known = new Knowing { Policy = new Policy(), IsDefault = true, Machine = machine, Catalog = Catalog };
        var text = Render(hardware, PlanReport.Of(Sharing.Plan(Intent.Default(new Policy()).Workloads, known, new Resolutions()), known));
        var file = Path.Combine(Repository.Root, "tests", "Unit", "Plans", hardware + ".txt");
        if (Environment.GetEnvironmentVariable("MEDULLA_GOLDEN") == "write") File.WriteAllText(file, text);
        Assert.Equal(File.ReadAllText(file), text);
    }

    private static string Render(string hardware, PlanReport report)
    {
        var text = new StringBuilder();
        Line($"{hardware}: {new ByteSize(report.MemoryPlannedBytes)} of {new ByteSize(report.MemoryBytes)} can be planned with");
        foreach (var place in report.Places) Line($"  {place}");
        foreach (var workload in report.Workloads)
        {
            Line("");
            Line($"{workload.Workload}: wanted {workload.Level ?? "any speed"}");
            if (workload.Best is { } best) Choice(best.Blocked is null ? "runs" : "best", best);
            else Line("  nothing can serve it");
            if (workload.Best?.Blocked is not null && workload.Now is { } now) Choice("until then", now);
            foreach (var other in workload.Alternatives.Take(4)) Line($"  instead    {other.Model} {other.Quant} with {other.Engine}-{other.Backend}: {other.Reason}");
        }

        return text.ToString();

        void Choice(string verb, ChoicePlan choice)
        {
            Line($"  {verb,-10} {choice.Model} {choice.Quant} with {choice.Engine}-{choice.Backend} ({choice.Runs}), {choice.Offload}");
            if (choice.Blocked is { } blocked) Line($"  blocked    {blocked}");
            Line($"  settings   {choice.Context} tokens for each of {choice.Parallel} requests, {choice.KvType} cache: {string.Join(' ', choice.Flags)}");
            Line($"  memory     {new ByteSize(choice.Memory.TotalBytes)}: weights {new ByteSize(choice.Memory.WeightsBytes)}, cache {new ByteSize(choice.Memory.CacheBytes)}, buffers {new ByteSize(choice.Memory.ComputeBytes)}, engine {new ByteSize(choice.Memory.OverheadBytes)}; {new ByteSize(choice.Memory.DeviceBytes)} on an accelerator of its own");
            if (choice.Speed is { } speed) Line($"  speed      {Two(speed.TokensPerS)} tokens/s ({Two(speed.Low)} to {Two(speed.High)}), first token after {Two(speed.FirstTokenS)} s; {speed.Basis}");
            Line($"  because    {choice.Reason}");
        }

        void Line(string line) => text.Append(line).Append('\n');

        // Two digits: the rest is noise of the fit.
        static string Two(double value) => value.ToString("G2", CultureInfo.InvariantCulture);
    }
}

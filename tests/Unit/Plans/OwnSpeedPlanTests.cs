using Medulla.Admin;
using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Tests.Unit.Plans;

public class OwnSpeedPlanTests
{
    [Fact]
    public void What_the_device_measured_moves_its_own_forecast_and_that_of_other_models()
    {
        var catalog = EmbeddedCatalog.Read();
        var known = new Knowing { Policy = new Policy(), IsDefault = true, Machine = PlanCommand.Typical("cpu-x64-16g", catalog).Machine!, Catalog = catalog };
        var workload = new Workload { Name = new WorkloadName("chat"), Task = WorkloadTask.Chat };
        var before = Resolver.ResolveExhaustively(workload, known, PoolUse.None);
        var best = before.Best!.Spec;
        var half = best.ExpectedTokensPerS!.Value / 2;
        var own = OwnSpeed.Of(best);
        for (var i = 0; i < OwnSpeed.Enough; i++) own = own.Take(half, null);
        var after = Resolver.ResolveExhaustively(workload, known with { Own = [own] }, PoolUse.None);
        var same = after.Candidates.First(c => c.Spec.Id == best.Id);
        Assert.InRange(same.Spec.ExpectedTokensPerS!.Value, half * 0.8, half * 1.2);
        var others = before.Candidates.Where(c => c.Spec.Model != best.Model && !c.Spec.Placeholder).Select(c => (Before: c, After: after.Candidates.FirstOrDefault(a => a.Spec.Id == c.Spec.Id))).Where(p => p.After is not null).ToList();
        Assert.NotEmpty(others);
        Assert.All(others, p => Assert.True(p.After!.Spec.ExpectedTokensPerS < p.Before.Spec.ExpectedTokensPerS * 0.9, $"{p.Before.Spec}: {p.Before.Spec.ExpectedTokensPerS} → {p.After.Spec.ExpectedTokensPerS}"));
    }
}

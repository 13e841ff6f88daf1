using System.Globalization;
using Medulla.Core.Incidents;

namespace Medulla.Tests.Simulation;

/// <summary>Seeded devices under the laws of the design; between them they meet every condition. <c>MEDULLA_LONG=1</c> plays 10,000 seeds, <c>MEDULLA_SEED=N</c> one, and with <c>MEDULLA_SEEDS=M</c> so many from it on.</summary>
public class SimulationTests
{
    [Fact]
    public void The_laws_hold_on_every_tick_of_every_seed_and_every_device_ends_serving()
    {
        var one = Environment.GetEnvironmentVariable("MEDULLA_SEED");
        var first = one is null ? 1 : int.Parse(one, CultureInfo.InvariantCulture);
        var count = Environment.GetEnvironmentVariable("MEDULLA_SEEDS") is { } many ? int.Parse(many, CultureInfo.InvariantCulture) : one is not null ? 1 : Environment.GetEnvironmentVariable("MEDULLA_LONG") == "1" ? 10_000 : 200;
        Parallel.ForEach(Enumerable.Range(first, count), seed =>
        {
            var run = new SimRun(seed);
            try
            {
                run.Play();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"replay: MEDULLA_SEED={seed} dotnet test --project tests/Simulation\n{e.Message}\n{string.Join('\n', run.Story)}", e);
            }
        });

        // What needs an accelerator to show cannot be met on machines that have none.
        var unmet = Conditions.All.Select(c => c.Code).Where(c => !SimRun.Met.ContainsKey(c)).Except([Conditions.SilentFallback.Code, Conditions.PartialOffload.Code]).ToList();
        if (one is null) Assert.True(unmet.Count == 0, $"never met: {string.Join(", ", unmet)}");
    }
}

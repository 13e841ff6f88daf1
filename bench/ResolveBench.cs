using System.Diagnostics;
using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.State;

namespace Medulla.Bench;

/// <summary>One workload resolved against the whole catalog, on every kind of hardware that the catalog describes.</summary>
internal static class ResolveBench
{
    private const int Rounds = 5;

    private const double TargetMs = 50;

    public static int Run()
    {
        var catalog = EmbeddedCatalog.Read();
        var workload = Intent.Default(new Policy()).Workloads[0];
        var times = new List<(double Ms, string Hardware, int Candidates)>();

        // The first hardware would pay for compiling the program.
        foreach (var hardware in catalog.Hardware) Resolver.Resolve(workload, Known(hardware), PoolUse.None);
        foreach (var hardware in catalog.Hardware)
        {
            var known = Known(hardware);
            var rounds = new List<double>();
            var candidates = 0;
            for (var round = 0; round < Rounds; round++)
            {
                var start = Stopwatch.GetTimestamp();
                var resolution = Resolver.Resolve(workload, known, PoolUse.None);
                rounds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                candidates = resolution.Candidates.Length + resolution.Blocked.Length;
            }

            times.Add((rounds.Median(), hardware.Id.Value, candidates));
        }

        var ordered = times.OrderBy(t => t.Ms).ToList();
        var worst = ordered[^1];
        Console.WriteLine($"resolve: {catalog.Models.Length} models, {catalog.Models.Sum(m => m.Files.Length)} files, {catalog.Engines.Sum(e => e.Builds.Length)} builds on each of {catalog.Hardware.Length} kinds of hardware: median {ordered[ordered.Count / 2].Ms:0.0} ms, worst {worst.Ms:0.0} ms ({worst.Hardware}, {worst.Candidates} candidates); target {TargetMs:0} ms");
        return worst.Ms <= TargetMs ? 0 : 1;

        Knowing Known(HardwareEntry hardware) => new() { Policy = new Policy(), IsDefault = true, Machine = TypicalMachine.Of(hardware, 1), Catalog = catalog };
    }
}

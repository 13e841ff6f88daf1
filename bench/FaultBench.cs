using System.Globalization;
using Medulla.Tests.Kit;
using Medulla.Tests.Kit.Battery;

namespace Medulla.Bench;

/// <summary>
/// The fault battery: provokes each fault for real and prints the matrix; with all of them it also writes <c>docs/faults.md</c>.
/// <c>MEDULLA_PACE</c> says how much faster the times of quiet pass (10 when not set), <c>MEDULLA_AT_ONCE</c> how many devices run beside each other.
/// </summary>
internal static class FaultBench
{
    public static async Task<int> RunAsync(string[] ids)
    {
        if (await RealEngine.MissingAsync() is { } missing)
        {
            Console.Error.WriteLine($"no real engine can be had here: {missing}");
            return 1;
        }

        var pace = Number("MEDULLA_PACE", 10);
        var faults = FaultTable.All.Where(f => ids.Length == 0 || ids.Contains(f.Id, StringComparer.Ordinal) || ids.Contains(f.Layer, StringComparer.Ordinal)).ToList();
        foreach (var skipped in faults.Where(f => FaultMatrix.WhyNot(f) is not null)) Console.WriteLine($"skipped: {skipped.Id}, {FaultMatrix.WhyNot(skipped)}");
        var results = await FaultMatrix.PlayAsync(faults.Where(f => FaultMatrix.WhyNot(f) is null), pace, (int)Number("MEDULLA_AT_ONCE", 2), r =>
        {
            Console.WriteLine(FaultMatrix.Line(r));
            if (r.Problem is { } problem) Console.Error.WriteLine($"--- {r.Fault.Id}: {problem}");
        });
        var good = results.Count(r => r.IsGood);
        var summary = string.Create(CultureInfo.InvariantCulture, $"{good} of {results.Count} faults ended as they have to ({100.0 * good / Math.Max(1, results.Count):0.0} %); times of quiet passed {pace} times faster; {results.Sum(r => r.Lost)} of {results.Sum(r => r.Asked)} requests were not answered");
        Console.WriteLine(summary);
        if (ids.Length == 0) await File.WriteAllTextAsync(Path.Combine(Places.Root, "docs", "faults.md"), $"# Faults\n\nWritten by `bench -- faults`: each fault was provoked for real, on a device of its own, with a client asking all the while.\n{summary}.\n\n{FaultMatrix.Table(results)}");
        return good == results.Count ? 0 : 1;
    }

    private static double Number(string variable, double usual) => double.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : usual;
}

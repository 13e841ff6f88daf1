using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;

namespace Medulla.Catalogs;

/// <param name="Choice">Model, quantisation, engine and backend; empty when nothing can serve.</param>
/// <param name="Speed">Decode speed of one request that is expected; null when none is.</param>
public sealed record Choice(string Hardware, string Workload, string Text, double? Speed, string Reason)
{
    public bool IsNone => Text.Length == 0;
}

/// <summary>What every kind of hardware would run for every workload, by one catalog.</summary>
public static class ChoiceTable
{
    /// <summary>In the catalog's order. Kinds of hardware have nothing in common, and are worked out on as many cores as there are.</summary>
    /// <param name="done">Told after each kind of hardware how many are done, from any thread.</param>
    public static ImmutableArray<Choice> Of(Catalog catalog, Action<int>? done = null)
    {
        var count = 0;
        return [.. catalog.Hardware.AsParallel().AsOrdered().SelectMany(h =>
        {
            var choices = Of(catalog, h);
            done?.Invoke(Interlocked.Increment(ref count));
            return choices;
        })];
    }

    /// <summary>Pairs whose choice differs, those that lost theirs first.</summary>
    public static ImmutableArray<(Choice? Before, Choice? After)> Differences(ImmutableArray<Choice> before, ImmutableArray<Choice> after)
    {
        var old = before.ToDictionary(c => (c.Hardware, c.Workload));
        var fresh = after.ToDictionary(c => (c.Hardware, c.Workload));
        return
        [
            .. old.Keys.Union(fresh.Keys)
                .Select(k => (Before: old.GetValueOrDefault(k), After: fresh.GetValueOrDefault(k)))
                .Where(d => d.Before?.Text != d.After?.Text)
                .OrderBy(d => d.After is { IsNone: false })
                .ThenBy(d => (d.After ?? d.Before)!.Hardware, StringComparer.Ordinal)
                .ThenBy(d => (d.After ?? d.Before)!.Workload, StringComparer.Ordinal),
        ];
    }

    private static List<Choice> Of(Catalog catalog, HardwareEntry hardware)
    {
        var known = new Knowing { Policy = new Policy(), IsDefault = false, Machine = TypicalMachine.Of(hardware, 1), Catalog = catalog };
        var resolutions = new Resolutions();
        var choices = new List<Choice>();
        foreach (var profile in catalog.Profiles)
        {
            choices.AddRange(Sharing.Plan([.. profile.Workloads.Select(w => w.Workload)], known, resolutions).Select(a => Of(hardware, profile, a)));
        }

        return choices;
    }

    private static Choice Of(HardwareEntry hardware, ProfileEntry profile, Allotment allotment)
    {
        var name = $"{profile.Id}/{allotment.Workload.Name}";
        if (allotment.Best is not { } best)
        {
            var why = allotment.Resolution.Rejections.GroupBy(r => r.Reason).OrderByDescending(g => g.Count()).FirstOrDefault()?.Key ?? "no model of the catalog does this";
            return new Choice(hardware.Id.Value, name, "", null, why);
        }

        var all = allotment.Resolution.Candidates.Concat(allotment.Resolution.Blocked).OrderByDescending(c => c.Spec.Merit).ToList();
        return new Choice(hardware.Id.Value, name, $"{best.Model.Id} {best.Spec.Quant} on {best.Engine.Id}-{best.Build.Backend}", best.Spec.ExpectedTokensPerS, Explaining.Why(best, all, allotment.Workload));
    }
}

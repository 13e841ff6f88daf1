using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Prediction;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>
/// Workload × machine × catalog → ranked specifications. Every model file is laid out on every place of the machine by every
/// build that can use the place; each gets the shape that gives up least and fits, and is ranked by its <see cref="Merit"/>.
/// Deterministic; the whole catalog on one machine takes some ten milliseconds.
/// </summary>
public static class Resolver
{
    /// <summary>Shorter contexts than this are not worth offering; a model made for less is served with what it has.</summary>
    public const int LeastContext = 2048;

    private const double ClearlyFaster = 1.3;

    /// <summary>Ranks every file of every eligible model.</summary>
    /// <param name="taken">Memory of the other workloads' instances.</param>
    public static Resolution Resolve(Workload workload, Knowing known, PoolUse taken)
    {
        var ways = Way.Of(known, workload.Task);
        var asked = InstanceSpec.AskedBy(workload, known.IsDefault);
        var (candidates, blocked) = (ImmutableArray.CreateBuilder<Candidate>(), ImmutableArray.CreateBuilder<Candidate>());
        var rejections = ImmutableArray.CreateBuilder<Rejection>();
        foreach (var model in known.Catalog.Models.Concat(known.OwnModels))
        {
            if (Unfit(workload, known, model) is { } reason)
            {
                rejections.Add(new Rejection(model.Id, reason));
                continue;
            }

            var fits = new List<Candidate>();
            var layout = new Layouts(workload, known, model, taken, asked);
            foreach (var file in model.Files)
            {
                fits.AddRange(ways.Where(w => w.Engine.Runs(file)).Select(w => layout.Best(w, file)).OfType<Candidate>());
            }

            foreach (var candidate in fits.GroupBy(c => (c.File.Name, c.Place.Index, c.Engine.Id)).Select(Preferred)) (candidate.Blocked is null ? candidates : blocked).Add(candidate);
            if (fits.Count == 0) rejections.Add(new Rejection(model.Id, layout.WhyNone(ways)));
        }

        candidates.Sort(Ranking);
        blocked.Sort(Ranking);
        return new Resolution(candidates.ToImmutable(), blocked.ToImmutable(), rejections.ToImmutable());
    }

    /// <summary>Backends of one engine on one place: the catalog's order counts, unless another is clearly faster. One that can be run comes before those that cannot.</summary>
    private static Candidate Preferred(IEnumerable<Candidate> backends)
    {
        Candidate? best = null;
        foreach (var candidate in backends.OrderBy(c => c.Blocked is not null))
        {
            if (best is null || (candidate.Blocked is null == best.Blocked is null && IsClearlyBetter(candidate, best))) best = candidate;
        }

        return best!;

        static bool IsClearlyBetter(Candidate a, Candidate b)
        {
            var ahead = a.Spec.Merit - b.Spec.Merit;
            return ahead >= Merit.Noticeable || (ahead > -Merit.Noticeable && (a.Forecast?.TokensPerS ?? 0) > (b.Forecast?.TokensPerS ?? 0) * ClearlyFaster);
        }
    }

    /// <summary>Merit, then speed with all slots at work, then the smaller file, then the name.</summary>
    private static int Ranking(Candidate a, Candidate b)
    {
        if (a.Spec.Merit != b.Spec.Merit) return b.Spec.Merit.CompareTo(a.Spec.Merit);
        var (fast, slow) = (Rounded(a.Forecast), Rounded(b.Forecast));
        if (fast != slow) return slow.CompareTo(fast);
        if (a.File.Size != b.File.Size) return a.File.Size.CompareTo(b.File.Size);
        return string.CompareOrdinal(a.Spec.Id.Value, b.Spec.Id.Value);

        static double Rounded(Forecast? forecast) => forecast is null ? 0 : Math.Round(forecast.TogetherTokensPerS, 1);
    }

    private static string? Unfit(Workload workload, Knowing known, ModelEntry model)
    {
        if (workload.Model is { } pinned)
        {
            if (model.Id != pinned) return $"{workload.Name} is pinned to {pinned}";
        }
        else
        {
            if (!model.Tasks.Contains(workload.Task)) return $"it is not made for {workload.Task.ToString().ToLowerInvariant()}";
            if (model.Placeholder && !known.IsDefault) return "it is a placeholder for devices that nobody has configured";
            if ((workload.Needs & ~model.Abilities) is not Abilities.None and var lacking) return $"it is not known to be able to do {lacking.ToString().ToLowerInvariant()}";
        }

        if (model.Quality < workload.FloorQuality) return $"its quality {model.Quality} is below the floor {workload.FloorQuality}";
        if (model.ContextMax < workload.FloorContext) return $"its context of {model.ContextMax} tokens is below the floor {workload.FloorContext}";
        return null;
    }
}

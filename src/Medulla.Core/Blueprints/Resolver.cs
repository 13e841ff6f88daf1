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
    public static Resolution Resolve(Workload workload, Knowing known, PoolUse taken) => Resolve(workload, known, taken, new Groundwork(known.Machine, known.Catalog));

    /// <summary>The same without short cuts, layout by layout: what they are held against.</summary>
    public static Resolution ResolveExhaustively(Workload workload, Knowing known, PoolUse taken) => Resolve(workload, known, taken, null);

    /// <param name="ground">Of this machine and this catalog; null makes another for each layout, and leaves out none.</param>
    internal static Resolution Resolve(Workload workload, Knowing known, PoolUse taken, Groundwork? ground)
    {
        var exhaustive = ground is null;
        ground ??= new Groundwork(known.Machine, known.Catalog);
        var ways = Way.Of(known, workload.Task, ground.Places);
        var rivals = ways.GroupBy(w => (w.Engine.Id, w.Place.Index)).Select(g => g.OrderBy(w => w.Blocked is not null).ToImmutableArray()).ToImmutableArray();
        var asked = InstanceSpec.AskedBy(workload, known.IsDefault);
        var (candidates, blocked) = (new List<Candidate>(), new List<Candidate>());
        var rejections = ImmutableArray.CreateBuilder<Rejection>();
        foreach (var model in known.Catalog.Models.Concat(known.OwnModels))
        {
            if (Unfit(workload, known, model) is { } reason)
            {
                rejections.Add(new Rejection(model.Id, reason));
                continue;
            }

            var before = candidates.Count + blocked.Count;
            var layouts = new Layouts(workload, known, model, taken, asked, exhaustive ? new Groundwork(known.Machine, known.Catalog) : ground, exhaustive);
            foreach (var files in model.Files.GroupBy(f => f.Name))
            {
                foreach (var backends in rivals)
                {
                    if (Preferred(layouts, files, backends, exhaustive) is { } candidate) (candidate.Blocked is null ? candidates : blocked).Add(candidate);
                }
            }

            if (candidates.Count + blocked.Count == before) rejections.Add(new Rejection(model.Id, layouts.WhyNone(ways)));
        }

        return new Resolution(Ranking.Ordered(candidates), Ranking.Ordered(blocked), rejections.ToImmutable());
    }

    /// <summary>Backends of one engine on one place: the catalog's order counts, unless another is clearly faster. One that can be run comes before those that cannot.</summary>
    /// <param name="files">Of one name.</param>
    private static Candidate? Preferred(Layouts layouts, IEnumerable<ModelFile> files, ImmutableArray<Way> backends, bool exhaustive)
    {
        Candidate? best = null;
        foreach (var file in files.Where(backends[0].Engine.Runs))
        {
            foreach (var way in backends)
            {
                // Whatever it could do, it would not be preferred.
                if (!exhaustive && best is { Blocked: null } && layouts.Blocked(way, file) is not null) continue;
                if (layouts.Best(way, file) is { } candidate && (best is null || IsPreferred(candidate, best))) best = candidate;
            }
        }

        return best;

        static bool IsPreferred(Candidate a, Candidate b)
        {
            if (a.Blocked is null != b.Blocked is null) return a.Blocked is null;
            var ahead = a.Spec.Merit - b.Spec.Merit;
            return ahead >= Merit.Noticeable || (ahead > -Merit.Noticeable && (a.Forecast?.TokensPerS ?? 0) > (b.Forecast?.TokensPerS ?? 0) * ClearlyFaster);
        }
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

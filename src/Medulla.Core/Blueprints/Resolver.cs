using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Prediction;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>
/// Workload × machine × catalog → ranked specifications. Every model file is laid out on every place of the machine by every
/// build that can use the place; each gets the shape that gives up least and fits, and is ranked by its <see cref="Merit"/>.
/// What can be run is ranked whole. What cannot is laid out after it, and predicted only where memory and bandwidth leave room for a gain.
/// Deterministic; the whole catalog on one machine takes some ten milliseconds.
/// </summary>
public static class Resolver
{
    /// <summary>Shorter contexts than this are not worth offering; a model made for less is served with what it has.</summary>
    public const int LeastContext = 2048;

    private const double ClearlyFaster = 1.3;

    /// <summary>Ranks every file of every eligible model.</summary>
    /// <param name="taken">Memory of the other workloads' instances.</param>
    public static Resolution Resolve(Workload workload, Knowing known, PoolUse taken) => Resolve(workload, known, taken, new Groundwork(known));

    /// <summary>The same without short cuts, every layout predicted, many times slower: what they are held against.</summary>
    public static Resolution ResolveExhaustively(Workload workload, Knowing known, PoolUse taken) => Resolve(workload, known, taken, null);

    /// <param name="ground">Of this machine and this catalog; null makes another for each model, and leaves out no layout.</param>
    internal static Resolution Resolve(Workload workload, Knowing known, PoolUse taken, Groundwork? ground)
    {
        var exhaustive = ground is null;
        ground ??= new Groundwork(known);
        var ways = Way.Of(known, workload.Task, ground.Places);
        var rivals = ways.GroupBy(w => (w.Engine.Id, w.Place.Index)).Select(g => g.ToImmutableArray()).ToList();
        var asked = InstanceSpec.AskedBy(workload, known.IsDefault);
        var (candidates, blocked) = (new List<Candidate>(), new List<Candidate>());
        var models = known.Catalog.Models.AddRange(known.OwnModels);
        var reasons = new string?[models.Length];

        // What can be run comes first: it shows what of the rest would be a gain.
        var runnable = new Runnable();
        var rest = new List<(int Model, Layouts Layouts, IEnumerable<ModelFile> Files, ImmutableArray<Way> Backends)>();
        var layouts = new Layouts?[models.Length];
        for (var i = 0; i < models.Length; i++)
        {
            reasons[i] = Unfit(workload, known, models[i]);
            if (reasons[i] is not null) continue;
            var layout = layouts[i] = new Layouts(workload, known, models[i], taken, asked, exhaustive ? new Groundwork(known) : ground, runnable, exhaustive);
            foreach (var files in models[i].Files.GroupBy(f => f.Name))
            {
                foreach (var backends in rivals)
                {
                    if (Preferred(layout, files, backends, runnable: true) is not { } candidate)
                    {
                        rest.Add((i, layout, files, backends));
                        continue;
                    }

                    candidates.Add(candidate);
                    runnable.Add(candidate);
                    layouts[i] = null;
                }
            }
        }

        foreach (var (model, layout, files, backends) in rest)
        {
            if (Preferred(layout, files, backends, runnable: false) is not { } candidate) continue;
            blocked.Add(candidate);
            layouts[model] = null;
        }

        for (var i = 0; i < models.Length; i++) reasons[i] ??= layouts[i]?.WhyNone(ways);
        ImmutableArray<Rejection> rejections = [.. models.Zip(reasons).Where(p => p.Second is not null).Select(p => new Rejection(p.First.Id, p.Second!))];
        return new Resolution(Ranking.Ordered(candidates), Ranking.Ordered(blocked), rejections);
    }

    /// <summary>Backends of one engine on one place: the catalog's order counts, unless another is clearly faster.</summary>
    /// <param name="files">Of one name.</param>
    /// <param name="runnable">Looks at what can be run, or at what cannot.</param>
    private static Candidate? Preferred(Layouts layouts, IEnumerable<ModelFile> files, ImmutableArray<Way> backends, bool runnable)
    {
        Candidate? best = null;
        foreach (var file in files.Where(backends[0].Engine.Runs))
        {
            foreach (var way in backends)
            {
                if (layouts.Blocked(way, file) is null == runnable && layouts.Best(way, file) is { } candidate && (best is null || IsClearlyBetter(candidate, best))) best = candidate;
            }
        }

        return best;

        static bool IsClearlyBetter(Candidate a, Candidate b)
        {
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

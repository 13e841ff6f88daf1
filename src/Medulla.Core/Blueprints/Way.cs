using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>A build of an engine on a place of the machine.</summary>
/// <param name="Identity">The build's content where it is here; a stand-in until then.</param>
/// <param name="Blocked">Why this release cannot run it; null when it can.</param>
internal sealed record Way(EngineEntry Engine, BuildEntry Build, Placement Place, EngineBuild Identity, string? Blocked)
{
    /// <summary>Recipes of the catalog for this engine, backend and hardware, some of them for certain models only.</summary>
    public ImmutableArray<RecipeEntry> Recipes { get; private init; } = [];

    /// <summary>What the recipes say of a model that none of them names.</summary>
    public Told Told { get; private init; } = Told.Nothing;

    private static readonly Digest NotHere = Digest.Of("not here yet");

    /// <summary>Every way that this machine's hardware allows, in the catalog's order. A server of the owner's is no way: whether there is one is not looked for.</summary>
    public static ImmutableArray<Way> Of(Knowing known, WorkloadTask task, ImmutableArray<Placement> places)
    {
        var platform = $"{known.Machine.Os.Family}-{known.Machine.Os.Architecture}";
        var ways = ImmutableArray.CreateBuilder<Way>();
        foreach (var engine in known.Catalog.Engines.Where(e => e.Tasks.Contains(task)))
        {
            foreach (var build in engine.Builds.Where(b => b.Runs != Mechanism.Service).Where(b => b.Platforms.IsEmpty || known.Machine.Os.Family.Length == 0 || b.Platforms.Contains(platform, StringComparer.Ordinal)))
            {
                foreach (var place in places.Where(p => CanUse(build, p)))
                {
                    var here = Here(known, engine, build);
                    ways.Add(new Way(engine, build, place, here ?? new EngineBuild(engine.Id, NotHere, "") { Backend = build.Backend }, here is null ? WhyNot(engine, build, platform) : null));
                }
            }
        }

        // A native build and an image of one backend are as fast and as large as each other: the one that can be run stands for both.
        return [.. ways.GroupBy(w => (w.Engine.Id, w.Build.Backend, w.Place.Index)).Select(g => (g.FirstOrDefault(w => w.Blocked is null) ?? g.First()).With(known.Catalog.Recipes))];
    }

    public Told ToldOf(ModelEntry model) =>
        Recipes.Any(r => r.Models.Contains(model.Id)) ? Told.By([.. Recipes.Where(r => r.Models.IsEmpty || r.Models.Contains(model.Id))]) : Told;

    private Way With(ImmutableArray<RecipeEntry> recipes)
    {
        ImmutableArray<RecipeEntry> mine = [.. recipes.Where(r => r.IsFor(Engine.Id, Build.Backend, Place.Hardware))];
        return this with { Recipes = mine, Told = Told.By([.. mine.Where(r => r.Models.IsEmpty)]) };
    }

    /// <summary>The newest build of this kind on the device; null when there is none.</summary>
    private static EngineBuild? Here(Knowing known, EngineEntry engine, BuildEntry build) =>
        known.Builds.Where(b => b.Engine == engine.Id && b.Backend == build.Backend).OrderByDescending(b => b.Number).ThenBy(b => b.Digest.Hex, StringComparer.Ordinal).FirstOrDefault();

    private static bool CanUse(BuildEntry build, Placement place)
    {
        if (place.IsProcessor) return build.OnProcessor;
        if (!build.Needs.Any(n => place.Interfaces.Contains(n, StringComparer.Ordinal))) return false;
        return build.ComputeFrom is not { } least || place.Compute is not { } compute || compute >= least;
    }

    private static string? WhyNot(EngineEntry engine, BuildEntry build, string platform)
    {
        var name = new EngineBuild(engine.Id, NotHere, "") { Backend = build.Backend };
        if (build.Runs == Mechanism.Container) return $"{name} comes as a container, and this release starts none";
        if (engine.Binary != "llama-server") return $"this release does not know how to start {engine.Binary}";
        return build.Sources.Any(s => IsPinned(s, platform)) ? null : $"nobody has recorded a sha256 for {name} on {platform}, and nothing unverified is run";
    }

    private static bool IsPinned(EngineSource source, string platform) => source switch
    {
        EngineSource.GitHubRelease release => release.Assets.Any(a => a.Digest is not null && $"{a.Os}-{a.Architecture}" == platform),
        EngineSource.DebianClosure => platform is "linux-x64" or "linux-arm64" or "linux-riscv64" or "-",
        _ => false,
    };
}

using System.Globalization;
using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Wire;

/// <summary>What would run on a machine, what else could, and why the rest could not.</summary>
public sealed record PlanReport
{
    public const int MaxAlternatives = 8;

    /// <summary>Places of the machine that were planned with, in words.</summary>
    public required ImmutableArray<string> Places { get; init; }

    public required long MemoryBytes { get; init; }

    /// <summary>What plans may count on of it.</summary>
    public required long MemoryPlannedBytes { get; init; }

    public required ImmutableArray<WorkloadPlan> Workloads { get; init; }

    public static PlanReport Of(ImmutableArray<Allotment> allotments, Knowing known) => new()
    {
        Places = [.. Placement.Of(known.Machine, known.Catalog).Select(Describe)],
        MemoryBytes = known.Machine.Memory.Usable.Bytes,
        MemoryPlannedBytes = Budget.Host(known.Machine, known.Policy).Bytes,
        Workloads = [.. allotments.Select(a => WorkloadPlan.Of(a, known))],
    };

    private static string Describe(Placement place)
    {
        var text = place.Title;
        if (place.Memory is { } memory) text += $", {(place.Count > 1 ? $"{place.Count} × " : "")}{memory}{(place.Unified ? " of the one pool" : "")}";
        text += place.BandwidthGBs is { } speed ? string.Create(CultureInfo.InvariantCulture, $", {speed:0.#} GB/s") : ", bandwidth not known";
        return place.IsProcessor ? $"processor: {text}" : $"accelerator: {text}{(place.Hardware is null ? " (not in the catalog)" : "")}";
    }
}

public sealed record WorkloadPlan
{
    public required string Workload { get; init; }

    public required string Task { get; init; }

    /// <summary><c>resident</c> or <c>on-demand</c>.</summary>
    public required string Residency { get; init; }

    /// <summary>Why, with figures; empty for a workload that shares the machine with none.</summary>
    public required string ResidencyReason { get; init; }

    /// <summary>The speed that choices were measured by; null when any will do.</summary>
    public required string? Level { get; init; }

    /// <summary>What an expert would run here; null when nothing fits.</summary>
    public required ChoicePlan? Best { get; init; }

    /// <summary>What this release runs here; null when nothing can. The same as <see cref="Best"/> where nothing stands in the way.</summary>
    public required ChoicePlan? Now { get; init; }

    /// <summary>One per model, best first, with why it is not the choice; at most <see cref="PlanReport.MaxAlternatives"/>.</summary>
    public required ImmutableArray<ChoicePlan> Alternatives { get; init; }

    /// <summary>Models that cannot serve it here, by reason.</summary>
    public required ImmutableArray<RefusalPlan> Refused { get; init; }

    internal static WorkloadPlan Of(Allotment allotment, Knowing known)
    {
        var resolution = allotment.Resolution;
        var workload = allotment.Workload;
        var all = resolution.Candidates.Concat(resolution.Blocked).OrderByDescending(c => c.Spec.Merit).ToList();
        var others = all.Where(c => c.Model.Id != allotment.Best?.Model.Id).DistinctBy(c => c.Model.Id).Take(PlanReport.MaxAlternatives);
        return new WorkloadPlan
        {
            Workload = workload.Name.Value,
            Task = workload.Task.ToString().ToLowerInvariant(),
            Residency = allotment.Residence.Residency == Intents.Residency.OnDemand ? "on-demand" : "resident",
            ResidencyReason = allotment.Residence.Reason,
            Level = LevelText(workload.Level),
            Best = allotment.Best is { } best ? ChoicePlan.Of(best, workload, known, Explaining.Why(best, all, workload)) : null,
            Now = allotment.Now is { } now ? ChoicePlan.Of(now, workload, known, Explaining.Why(now, all, workload)) : null,
            Alternatives = [.. others.Select(c => ChoicePlan.Of(c, workload, known, Explaining.Against(allotment.Best!, c, workload)))],
            Refused = [.. resolution.Rejections.GroupBy(r => r.Reason).Select(g => new RefusalPlan(g.Key, [.. g.Select(r => r.Model.Value)]))],
        };
    }

    private static string? LevelText(ServiceLevel? level)
    {
        if (level is null) return null;
        var parts = new List<string>();
        if (level.TokensPerS is { } speed) parts.Add(string.Create(CultureInfo.InvariantCulture, $"{speed:0.#} tokens/s"));
        if (level.FirstToken is { } wait) parts.Add(string.Create(CultureInfo.InvariantCulture, $"first token of a {level.PromptTokens}-token prompt within {wait.TotalSeconds:0.#} s"));
        return parts.Count == 0 ? null : string.Join(", ", parts);
    }
}

public sealed record RefusalPlan(string Reason, ImmutableArray<string> Models);

public sealed record ChoicePlan
{
    public required string Model { get; init; }

    public required string Quant { get; init; }

    public required string File { get; init; }

    public required string Engine { get; init; }

    public required string Backend { get; init; }

    /// <summary><c>native</c>, <c>container</c> or <c>service</c>.</summary>
    public required string Runs { get; init; }

    public required string Place { get; init; }

    public required int Devices { get; init; }

    /// <summary>Tokens of one request.</summary>
    public required int Context { get; init; }

    public required int Parallel { get; init; }

    public required string KvType { get; init; }

    /// <summary>Where the layers lie.</summary>
    public required string Offload { get; init; }

    public required ImmutableArray<string> Flags { get; init; }

    public required ImmutableArray<string> Recipes { get; init; }

    public required int Quality { get; init; }

    public required double Merit { get; init; }

    public required MemoryPlan Memory { get; init; }

    public required SpeedPlan? Speed { get; init; }

    /// <summary>Why it cannot be run or fetched yet; null when it can.</summary>
    public required string? Blocked { get; init; }

    /// <summary>Why it is the choice, or is not.</summary>
    public required string Reason { get; init; }

    internal static ChoicePlan Of(Candidate candidate, Workload workload, Knowing known, string reason)
    {
        var (spec, need) = (candidate.Spec, candidate.Need);
        var recipe = known.Catalog.Recipes.LastOrDefault(r => candidate.Recipes.Contains(r.Id))?.Settings;
        return new ChoicePlan
        {
            Model = spec.Model.Value,
            Quant = spec.Quant,
            File = candidate.File.Name,
            Engine = candidate.Engine.Id.Value,
            Backend = candidate.Build.Backend,
            Runs = candidate.Build.Runs.ToString().ToLowerInvariant(),
            Place = candidate.Place.Title,
            Devices = spec.Settings.Devices,
            Context = spec.Context,
            Parallel = spec.Parallel,
            KvType = spec.Settings.Kv.ToString().ToLowerInvariant(),
            Offload = OffloadText(spec.Settings),
            Flags = [.. EngineFlags.Of(candidate, recipe).Select(f => f.ToString())],
            Recipes = [.. candidate.Recipes.Select(r => r.Value)],
            Quality = candidate.Model.QualityAt(workload.Skill),
            Merit = spec.Merit,
            Memory = new MemoryPlan(need.Total.Bytes, need.Weights.Bytes, need.Cache.Bytes, need.Compute.Bytes, need.Overhead.Bytes, spec.Memory.Bytes, spec.DeviceMemory.Bytes),
            Speed = candidate.Forecast is { } f ? SpeedPlan.Of(f, workload.Level) : null,
            Blocked = candidate.Blocked,
            Reason = reason,
        };
    }

    private static string OffloadText(EngineSettings settings)
    {
        if (settings.Accelerator < 0) return "everything on the processor";
        if (settings.ExpertsOnHost > 0) return $"all layers on the accelerator, {(settings.ExpertsOnHost == int.MaxValue ? "experts" : $"experts of {settings.ExpertsOnHost} layers")} in host memory";
        return settings.GpuLayers is { } layers ? $"{layers} layers on the accelerator, the rest on the processor" : "all layers on the accelerator";
    }
}

/// <param name="HostBytes">Of the host's memory, or of the one pool.</param>
/// <param name="DeviceBytes">Of the accelerator's own, all devices together.</param>
public sealed record MemoryPlan(long TotalBytes, long WeightsBytes, long CacheBytes, long ComputeBytes, long OverheadBytes, long HostBytes, long DeviceBytes);

/// <param name="TokensPerS">Of one request alone.</param>
/// <param name="TogetherTokensPerS">Of all slots at work.</param>
/// <param name="Basis"><c>own</c>, <c>community</c> or <c>estimate</c>.</param>
public sealed record SpeedPlan(double TokensPerS, double Low, double High, double TogetherTokensPerS, double PromptTokensPerS, double FirstTokenS, bool MeetsLevel, string Basis, string Reason)
{
    internal static SpeedPlan Of(Forecast f, ServiceLevel? level) => new(
        Round(f.TokensPerS), Round(f.Low), Round(f.High), Round(f.TogetherTokensPerS), Round(f.PromptTokensPerS), Round(f.FirstToken.TotalSeconds), f.Meets(level), f.Basis.ToString().ToLowerInvariant(), f.Reason);

    private static double Round(double value) => Math.Round(value, value < 10 ? 2 : 1);
}

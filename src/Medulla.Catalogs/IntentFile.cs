using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Catalogs;

/// <summary>Reads the owner's intent: what is wrong is told all at once, with lines.</summary>
public static class IntentFile
{
    public static readonly ImmutableDictionary<string, WorkloadTask> Tasks = Words<WorkloadTask>();

    private static readonly ImmutableDictionary<string, Residency> Residencies = new Dictionary<string, Residency> { ["resident"] = Residency.Resident, ["on-demand"] = Residency.OnDemand }.ToImmutableDictionary(StringComparer.Ordinal);

    /// <summary>The cases of an enumeration by their lower-case names.</summary>
    internal static ImmutableDictionary<string, T> Words<T>()
        where T : struct, Enum => Enum.GetValues<T>().ToImmutableDictionary(t => t.ToString().ToLowerInvariant(), t => t, StringComparer.Ordinal);

    /// <returns>The intent, or null with at least one problem.</returns>
    public static (Intent? Intent, IReadOnlyList<string> Problems) Read(string path)
    {
        var problems = new YamlProblems(path);
        if (YamlMap.Read(path, problems) is not { } root) return (null, problems.All);
        var workloads = root.Maps("workloads", required: true).Select(Finished).ToImmutableArray();
        var policy = root.Map("policy") is { } map ? ReadPolicy(map) : new Policy();
        root.Finish();
        if (workloads.IsEmpty && problems.All.Count == 0) root.Problem("'workloads' is empty; name at least one, or leave the file away for the default");
        foreach (var twice in workloads.GroupBy(w => w.Name).Where(g => g.Count() > 1)) root.Problem($"the workload '{twice.Key}' is there {twice.Count()} times");
        if (problems.All.Count > 0) return (null, problems.All);
        return (new Intent { Generation = 1, IsDefault = false, Workloads = workloads, Policy = policy }, []);
    }

    private static Workload Finished(YamlMap map)
    {
        var workload = ReadWorkload(map);
        map.Finish();
        return workload;
    }

    /// <summary>One workload, as an intent and a profile of the catalog write it.</summary>
    public static Workload ReadWorkload(YamlMap map)
    {
        var floor = map.Map("floor");
        var service = map.Map("service");
        var workload = new Workload
        {
            Name = map.Parsed<WorkloadName>("name", "a name (letters, digits, '.', '_', '-', ':')", required: true) ?? default,
            Task = map.Choice("task", Tasks) ?? WorkloadTask.Chat,
            Skill = map.Choice("skill", Words<Skill>()) ?? Skill.General,
            Needs = map.Choices("needs", Words<Abilities>()).Aggregate(Abilities.None, static (all, one) => all | one),
            Context = map.Number("context", 256, 1 << 20) ?? 8192,
            Concurrency = map.Number("concurrency", 1, 64) ?? 4,
            Service = ReadService(service, map.Number("prompt_tokens", 1, 1 << 20)),
            Residency = map.Choice("residency", Residencies) ?? Residency.Resident,
            Model = map.Parsed<ModelId>("model", "the id of a model"),
            FloorQuality = floor?.Number("quality", 0, 100) ?? 0,
            FloorContext = floor?.Number("context", 0, 1 << 20) ?? 0,
        };
        floor?.Finish();
        service?.Finish();
        if (workload.FloorContext > workload.Context) map.Problem($"the workload '{workload.Name}' wants {workload.Context} tokens and accepts no fewer than {workload.FloorContext}: raise 'context' or lower 'floor.context'");
        return workload;
    }

    /// <summary>A mapping without keys asks for nothing; no mapping leaves the usual level.</summary>
    private static ServiceLevel? ReadService(YamlMap? map, int? prompt)
    {
        var usual = ServiceLevel.Readable;
        if (map is null) return prompt is { } tokens ? usual with { PromptTokens = tokens } : null;
        return new ServiceLevel(
            map.Real("tokens_per_s", 0.1, 100_000),
            map.Number("first_token_ms", 1, 3_600_000) is { } wait ? TimeSpan.FromMilliseconds(wait) : null,
            prompt ?? usual.PromptTokens);
    }

    private static Policy ReadPolicy(YamlMap map)
    {
        var usual = new Policy();
        var policy = new Policy
        {
            Climb = map.Flag("climb") ?? usual.Climb,
            DiskCap = map.Size("disk_cap"),
            DiskReserve = map.Size("disk_reserve") ?? usual.DiskReserve,
            MemoryReserve = map.Size("memory_reserve") ?? usual.MemoryReserve,
        };
        map.Finish();
        return policy;
    }
}

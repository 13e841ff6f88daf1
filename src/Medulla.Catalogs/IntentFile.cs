using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Catalogs;

/// <summary>Reads the owner's intent: what is wrong is told all at once, with lines.</summary>
public static class IntentFile
{
    public static readonly ImmutableDictionary<string, WorkloadTask> Tasks = Words<WorkloadTask>();

    /// <summary>How long an incident stays open before somebody is told, unless the intent says otherwise.</summary>
    private const double UsualAfterMinutes = 10;

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
        var map = root.Map("policy");
        var policy = map is null ? new Policy() : ReadPolicy(map);
        var reporting = map is null ? Reporting.None : ReadReporting(map);
        map?.Finish();
        root.Finish();
        if (workloads.IsEmpty && problems.All.Count == 0) root.Problem("'workloads' is empty; name at least one, or leave the file away for the default");
        foreach (var twice in workloads.GroupBy(w => w.Name).Where(g => g.Count() > 1)) root.Problem($"the workload '{twice.Key}' is there {twice.Count()} times");
        if (problems.All.Count > 0) return (null, problems.All);
        return (new Intent { Generation = 1, IsDefault = false, Workloads = workloads, Policy = policy, Reporting = reporting }, []);
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
            Residency = map.Choice("residency", Residencies),
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
        return new Policy
        {
            Climb = map.Flag("climb") ?? usual.Climb,
            Reboot = map.Flag("reboot") ?? usual.Reboot,
            DiskCap = map.Size("disk_cap"),
            DiskReserve = map.Size("disk_reserve") ?? usual.DiskReserve,
            MemoryReserve = map.Size("memory_reserve") ?? usual.MemoryReserve,
            UnloadAfter = map.Real("unload_after_minutes", 0.1, 7 * 24 * 60) is { } minutes ? TimeSpan.FromMinutes(minutes) : usual.UnloadAfter,
        };
    }

    /// <summary>Whom to tell. An address is never repeated in a problem: it may carry secrets.</summary>
    private static Reporting ReadReporting(YamlMap map)
    {
        var webhook = map.Map("webhook");
        var after = webhook?.Real("after_minutes", 0, 7 * 24 * 60) ?? UsualAfterMinutes;
        var reporting = new Reporting
        {
            Webhook = webhook is not null && ReadAddress(webhook, "url", plainAnywhere: false) is { } address
                ? new Webhook(address, TimeSpan.FromMinutes(after))
                : null,
            Otlp = map.Has("otlp") ? ReadAddress(map, "otlp", plainAnywhere: true) : null,
        };
        webhook?.Finish();
        return reporting;
    }

    /// <param name="plainAnywhere">False to allow plain HTTP to this machine only.</param>
    private static SecretAddress? ReadAddress(YamlMap map, string key, bool plainAnywhere)
    {
        var before = map.Problems;
        if (map.Text(key, required: true) is not { } text)
        {
            if (map.Problems == before) map.Problem($"'{key}' is empty, and an address is needed");
            return null;
        }

        var known = Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address.Host.Length > 0;
        if (known && (plainAnywhere || address!.Scheme == "https" || address.IsLoopback)) return new SecretAddress(address!);
        map.Problem(known ? $"'{key}' is an http address: what it is told could be read on the way; use https (http only to this machine)" : $"'{key}' is not an address such as https://example.org/path");
        return null;
    }
}

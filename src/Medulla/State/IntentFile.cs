using System.Collections.Immutable;
using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.State;

/// <summary>Reads the owner's intent: what is wrong is told all at once, with lines.</summary>
internal static class IntentFile
{
    public static readonly ImmutableDictionary<string, WorkloadTask> Tasks =
        Enum.GetValues<WorkloadTask>().ToImmutableDictionary(t => t.ToString().ToLowerInvariant(), t => t, StringComparer.Ordinal);

    /// <returns>The intent, or null with at least one problem.</returns>
    public static (Intent? Intent, IReadOnlyList<string> Problems) Read(string path)
    {
        var problems = new YamlProblems(path);
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add(0, $"cannot be read: {e.Message}");
            return (null, problems.All);
        }

        if (YamlMap.Parse(text, problems) is not { } root) return (null, problems.All);
        var workloads = root.Maps("workloads", required: true).Select(ReadWorkload).ToImmutableArray();
        var policy = root.Map("policy") is { } map ? ReadPolicy(map) : new Policy();
        root.Finish();
        if (workloads.IsEmpty && problems.All.Count == 0) root.Problem("'workloads' is empty; name at least one, or leave the file away for the default");
        foreach (var twice in workloads.GroupBy(w => w.Name).Where(g => g.Count() > 1)) root.Problem($"the workload '{twice.Key}' is there {twice.Count()} times");
        if (problems.All.Count > 0) return (null, problems.All);
        return (new Intent { Generation = 1, IsDefault = false, Workloads = workloads, Policy = policy }, []);
    }

    private static Workload ReadWorkload(YamlMap map)
    {
        var floor = map.Map("floor");
        var workload = new Workload
        {
            Name = map.Parsed<WorkloadName>("name", "a name (letters, digits, '.', '_', '-', ':')", required: true) ?? default,
            Task = map.Choice("task", Tasks) ?? WorkloadTask.Chat,
            Context = map.Number("context", 256, 1 << 20) ?? 8192,
            Concurrency = map.Number("concurrency", 1, 64) ?? 4,
            Model = map.Parsed<ModelId>("model", "the id of a model"),
            FloorQuality = floor?.Number("quality", 0, 100) ?? 0,
            FloorContext = floor?.Number("context", 0, 1 << 20) ?? 0,
        };
        floor?.Finish();
        map.Finish();
        if (workload.FloorContext > workload.Context) map.Problem($"the workload '{workload.Name}' wants {workload.Context} tokens and accepts no fewer than {workload.FloorContext}: raise 'context' or lower 'floor.context'");
        return workload;
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

using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Wire;

/// <summary>What <c>medulla why --json</c> and <c>/api/v1/why</c> answer: the present state of each subject in sentences.</summary>
public sealed record WhyReport(ImmutableArray<WhyEntry> Entries)
{
    /// <param name="about">Only subjects, workloads or models that contain this; null for all.</param>
    public static WhyReport Of(Intent intent, Observation world, Decision then, string? about)
    {
        var entries = ImmutableArray.CreateBuilder<WhyEntry>();
        foreach (var workload in intent.Workloads) entries.Add(OfWorkload(workload, world, then));
        foreach (var move in then.Plan.Moves) entries.Add(new WhyEntry(move.Subject, [$"{Capital(move.Title)}: {move.Reason}."]));
        foreach (var hold in then.Plan.Holds) entries.Add(new WhyEntry(hold.Subject, [$"Waits: {hold.Reason}. {NextLook(hold.Until, hold.Event, world.Now)}"]));
        if (!world.Findings.IsEmpty) entries.Add(new WhyEntry("models", [.. world.Findings.Select(f => f + ".")]));
        return Filter(entries, about);
    }

    /// <summary>What can be said from the data directory alone.</summary>
    public static WhyReport Stopped(Memory memory, string? about)
    {
        var entries = ImmutableArray.CreateBuilder<WhyEntry>();
        foreach (var target in memory.Target.Instances) entries.Add(new WhyEntry($"workload/{target.Workload}", [$"The target is {target}; no daemon runs.", .. Story(memory, $"workload/{target.Workload}")]));
        return Filter(entries, about);
    }

    private static WhyEntry OfWorkload(Workload workload, Observation world, Decision then)
    {
        var route = then.Routes.First(r => r.Workload == workload.Name);
        var memory = then.Memory;
        var sentences = ImmutableArray.CreateBuilder<string>();
        sentences.Add(route.Instance is { } id && world.Instances.FirstOrDefault(i => i.Id == id) is { } fact
            ? $"{workload.Name} is answered by {fact.Model} (pid {fact.Pid}), with {route.Context} tokens for each request."
            : route.IsServed ? $"{workload.Name} is not loaded now: {route.Reason}." : $"{workload.Name} is not answered now: {route.Reason}.");
        if (then.Residences.FirstOrDefault(r => r.Workload == workload.Name) is { Reason.Length: > 0 } residence) sentences.Add($"It is {residence.Text}: {residence.Reason}.");
        if (memory.TrialOf(workload.Name) is { } trial)
        {
            sentences.Add($"On trial: {trial.Change.Text}, because {trial.Reason}.");
            sentences.Add(trial.ProvedAt is null ? $"It has given no proof yet; without one it is taken back in {Spans.Text(trial.Deadline - world.Now.Boot)}." : "It gave its proof and is watched.");
        }

        sentences.AddRange(Story(memory, $"workload/{workload.Name}"));
        return new WhyEntry($"workload/{workload.Name}", sentences.ToImmutable());
    }

    private static IEnumerable<string> Story(Memory memory, string subject)
    {
        foreach (var incident in memory.Incidents.Where(i => i.IsOpen && i.Subject == subject))
        {
            yield return Wire.Story.Brief(incident);
        }

        foreach (var lesson in Wire.Story.About(subject, memory.Lessons)) yield return Wire.Story.Learned(lesson);
    }

    private static WhyReport Filter(IEnumerable<WhyEntry> entries, string? about) =>
        new([.. entries.Where(e => about is null || e.Subject.Contains(about, StringComparison.OrdinalIgnoreCase) || e.Sentences.Any(s => s.Contains(about, StringComparison.OrdinalIgnoreCase)))]);

    private static string NextLook(TimeSpan? until, string ends, Instant now) =>
        until is { } at ? $"Next look in {Spans.Text(at - now.Boot)}, or at {ends}." : $"Until {ends}.";

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}

public sealed record WhyEntry(string Subject, ImmutableArray<string> Sentences);

/// <summary>What a client of the local API must know to talk to the daemon.</summary>
/// <param name="Address">Such as <c>http://127.0.0.1:8642</c>.</param>
/// <param name="Token">Lets the command line in, whatever key applications need. The file that holds it is readable by its owner only.</param>
public sealed record DaemonCard(int Pid, string Address, string Token, string Version, DateTimeOffset StartedAt)
{
    /// <summary>The boot of the machine in which it was written; empty when that is not known.</summary>
    public string BootId { get; init; } = "";
}

using System.Globalization;
using Medulla.Core.Incidents;
using Medulla.Core.Trials;

namespace Medulla.Core.Wire;

/// <summary>
/// What <c>medulla incidents --json</c> and <c>/api/v1/incidents</c> answer: the story of each incident, open ones first, then
/// the latest closed. Fields are added, never renamed.
/// </summary>
public sealed record IncidentReport(ImmutableArray<IncidentEntry> Incidents)
{
    /// <summary>Closed incidents that are told unless all are asked for.</summary>
    public const int FewClosed = 5;

    /// <summary>Closed incidents that are remembered and not told here.</summary>
    public int MoreClosed { get; init; }

    /// <param name="about">Only incidents whose subject, code or story contains this; null for all.</param>
    /// <param name="all">False for the latest <see cref="FewClosed"/> of the closed ones.</param>
    public static IncidentReport Of(Memory memory, DateTimeOffset now, string? about = null, bool all = true)
    {
        var told = memory.Incidents.Reverse()
            .OrderBy(i => !i.IsOpen).ThenByDescending(i => i.IsOpen ? Conditions.Of(i.Code).Severity : default)
            .Select(i => IncidentEntry.Of(i, memory, now)).Where(e => e.Concerns(about)).ToList();
        var open = told.Count(e => e.Incident.IsOpen);
        var count = all ? told.Count : Math.Min(told.Count, open + FewClosed);
        return new IncidentReport([.. told.Take(count)]) { MoreClosed = told.Count - count };
    }
}

/// <param name="Title">A few words.</param>
public sealed record IncidentEntry(Incident Incident, string Title, Severity Severity)
{
    /// <summary>What the condition means and what the device does about it.</summary>
    public required string Meaning { get; init; }

    /// <summary>Seconds from its opening, the last one if it came again, to its end or until now.</summary>
    public required double LastedS { get; init; }

    /// <summary>What was seen, what was tried, what proved it over, what was learned; in this order.</summary>
    public required ImmutableArray<string> Story { get; init; }

    internal static IncidentEntry Of(Incident incident, Memory memory, DateTimeOffset now)
    {
        var condition = Conditions.Of(incident.Code);
        return new IncidentEntry(incident, condition.Title, condition.Severity)
        {
            Meaning = condition.Text,
            LastedS = Math.Round(Wire.Story.Lasted(incident, now).TotalSeconds, 1),
            Story = Wire.Story.Of(incident, memory.Lessons, now),
        };
    }

    internal bool Concerns(string? about) =>
        about is null || Story.Append(Incident.Subject).Append(Incident.Code).Append(Title).Any(t => t.Contains(about, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Incidents and lessons in sentences: the one place that words them, for every report.</summary>
public static class Story
{
    /// <summary>From its opening, the last one if it came again, to its end or until now; never negative, whatever the clock did.</summary>
    public static TimeSpan Lasted(Incident incident, DateTimeOffset now)
    {
        var lasted = (incident.ClosedAt ?? now) - incident.OpenSince;
        return lasted < TimeSpan.Zero ? TimeSpan.Zero : lasted;
    }

    public static ImmutableArray<string> Of(Incident incident, ImmutableArray<Lesson> lessons, DateTimeOffset now)
    {
        var story = ImmutableArray.CreateBuilder<string>();
        var lasted = Lasted(incident, now);
        story.Add(incident.Count == 1
            ? $"Seen once, at {Moment(incident.OpenedAt)}: {Sentence(incident.Evidence)}"
            : $"Seen {incident.Count} times since {Moment(incident.OpenedAt)}, last {Spans.Text(incident.LastAt - incident.OpenedAt)} after the first: {Sentence(incident.Evidence)}");
        story.Add(incident.Attempts.IsEmpty ? incident.IsOpen ? "Nothing has been tried yet." : "Nothing had to be tried." : $"Tried: {string.Join("; then ", incident.Attempts)}.");
        story.Add(incident.IsOpen
            ? $"It {(incident.ReopenedAt is null ? "is" : "came again and is")} open for {Spans.Text(lasted)}; only proof closes it."
            : $"Over {(incident.ReopenedAt is null ? "" : "again ")}after {Spans.Text(lasted)}: {End(incident.Proof ?? "no proof is recorded")}");
        story.AddRange(Touching(incident, lessons).Select(Learned));
        return story.ToImmutable();
    }

    /// <summary>One sentence, for reports on something else.</summary>
    public static string Brief(Incident incident) => $"Open incident {incident.Id} ({Conditions.Of(incident.Code).Title}), seen {incident.Count} times: {End(incident.Evidence[^1])}";

    public static string Learned(Lesson lesson) =>
        $"Learned{(lesson.Times > 1 ? $" {lesson.Times} times" : "")}: {lesson.Change} does not hold ({lesson.Evidence}){(lesson.Until is null ? ", until the file or the engine is another" : "")}.";

    /// <summary>Lessons about the incident's workload.</summary>
    public static IEnumerable<Lesson> About(string subject, ImmutableArray<Lesson> lessons) => lessons.Where(l => $"workload/{l.Key.Split('|')[0]}" == subject);

    /// <summary>Lessons that were learned while the incident was open.</summary>
    private static IEnumerable<Lesson> Touching(Incident incident, ImmutableArray<Lesson> lessons) =>
        About(incident.Subject, lessons).Where(l => l.LearnedAt >= incident.OpenedAt && (incident.ClosedAt is not { } closed || l.LearnedAt <= closed));

    /// <summary>The first evidence, what came between, and the latest.</summary>
    private static string Sentence(ImmutableArray<string> evidence) => evidence.Length == 1 ? End(evidence[0]) : End(string.Join("; then ", evidence));

    private static string End(string text) => text.EndsWith('.') || text.EndsWith('…') ? text : text + ".";

    private static string Moment(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
}

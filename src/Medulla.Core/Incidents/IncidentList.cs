using Medulla.Core.Units;

namespace Medulla.Core.Incidents;

/// <summary>The incidents of a device: one open per condition and subject, and the latest closed ones; in the order in which each was opened last.</summary>
public static class IncidentList
{
    /// <summary>Closed incidents beyond this are dropped, the oldest first; open ones never are.</summary>
    public const int MaxClosed = 32;

    /// <summary>
    /// Opens an incident, or counts it once more where it is open already or was until lately. A mere symptom of one that is open is
    /// evidence of that one. What is only worth knowing is told each time.
    /// </summary>
    public static ImmutableArray<Incident> See(this ImmutableArray<Incident> list, Condition condition, string subject, string evidence, Instant now)
    {
        var open = list.FirstOrDefault(i => i.IsOpen && i.Code == condition.Code && i.Subject == subject);
        if (open is null && !condition.SymptomOf.IsEmpty && list.FirstOrDefault(i => i.IsOpen && condition.SymptomOf.Contains(i.Code) && (i.Subject == subject || !i.Subject.StartsWith("workload/", StringComparison.Ordinal))) is { } cause)
        {
            return list.Replace(cause, cause with { LastAt = now.Wall, Evidence = Keep(cause.Evidence, $"{condition.Code} ({subject}): {evidence}") });
        }

        if (open is not null)
        {
            return list.Replace(open, open with { Count = open.Count + 1, LastAt = now.Wall, Evidence = Keep(open.Evidence, evidence) });
        }

        if (condition.Severity > Severity.Notice && list.LastOrDefault(i => i.Code == condition.Code && i.Subject == subject) is { ClosedAt: { } closed } back && (now.Wall - closed).Duration() < Incident.Returns)
        {
            return list.Remove(back).Add(back with { ClosedAt = null, Proof = null, ReopenedAt = now.Wall, LastAt = now.Wall, Count = back.Count + 1, Evidence = Keep(back.Evidence, evidence) });
        }

        return list.Add(new Incident
        {
            Id = list.IsEmpty ? 1 : list.Max(i => i.Id) + 1,
            Code = condition.Code,
            Subject = subject,
            OpenedAt = now.Wall,
            LastAt = now.Wall,
            Count = 1,
            Evidence = [evidence],
        });
    }

    /// <summary>Notes what is being done about an open incident; without one, nothing changes.</summary>
    public static ImmutableArray<Incident> Try(this ImmutableArray<Incident> list, Condition condition, string subject, string attempt)
    {
        var open = list.FirstOrDefault(i => i.IsOpen && i.Code == condition.Code && i.Subject == subject);
        if (open is null || open.Attempts.Contains(attempt)) return list;
        return list.Replace(open, open with { Attempts = Keep(open.Attempts, attempt) });
    }

    /// <summary>Closes by proof; without an open incident, nothing changes.</summary>
    public static ImmutableArray<Incident> Close(this ImmutableArray<Incident> list, string code, string subject, string proof, Instant now)
    {
        var open = list.FirstOrDefault(i => i.IsOpen && i.Code == code && i.Subject == subject);
        if (open is null) return list;
        list = list.Replace(open, open with { ClosedAt = now.Wall, Proof = proof });
        while (list.Count(i => !i.IsOpen) > MaxClosed) list = list.Remove(list.First(i => !i.IsOpen));
        return list;
    }

    public static bool HasOpen(this ImmutableArray<Incident> list, Condition condition, string subject) =>
        list.Any(i => i.IsOpen && i.Code == condition.Code && i.Subject == subject);

    /// <summary>The first and the latest sentences say most; the middle goes.</summary>
    private static ImmutableArray<string> Keep(ImmutableArray<string> sentences, string next)
    {
        if (sentences.Length > 0 && sentences[^1] == next) return sentences;
        return sentences.Length < Incident.MaxSentences ? sentences.Add(next) : sentences.RemoveAt(1).Add(next);
    }
}

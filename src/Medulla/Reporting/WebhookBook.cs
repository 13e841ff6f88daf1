using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Medulla.Core.Incidents;
using Medulla.Core.Units;
using Medulla.Core.Wire;

namespace Medulla.Reporting;

/// <summary>What is to be told now.</summary>
/// <param name="Closed">False for an incident that stays open, true for the end of one that was told of.</param>
internal sealed record Letter(Incident Incident, bool Closed);

/// <summary>
/// Who must be told of what: incidents of some weight that stay open, each once, and once more when they are over. Pure but for
/// its own state; one caller. What was told and not yet taken back survives a restart. Bound: <see cref="MaxEntries"/>.
/// </summary>
/// <param name="after">How long an incident stays open before somebody is told.</param>
internal sealed class WebhookBook(TimeSpan after)
{
    public const int MaxEntries = 128;

    private readonly Dictionary<Key, Entry> _entries = [];

    /// <summary>Told and not over: what must be remembered.</summary>
    public ImmutableArray<Incident> Told => [.. _entries.Values.Where(e => e.OpenTold && !e.ClosedTold).Select(e => e.Latest)];

    public void Recall(IEnumerable<Incident> told)
    {
        foreach (var incident in told.Take(MaxEntries)) _entries[Key.Of(incident)] = new Entry(incident, TimeSpan.Zero) { OpenTold = true };
    }

    /// <param name="now">Time of a clock that never jumps.</param>
    public void See(ImmutableArray<Incident> incidents, Instant now)
    {
        var weighty = incidents.Where(i => Conditions.Of(i.Code).Severity >= Severity.Warning).ToDictionary(Key.Of);
        foreach (var (key, incident) in weighty)
        {
            if (_entries.TryGetValue(key, out var entry)) entry.Take(incident, now.Boot);
            else if (incident.IsOpen && _entries.Count < MaxEntries) _entries.Add(key, new Entry(incident, now.Boot - Age(incident, now)));
        }

        foreach (var (key, entry) in _entries.ToList())
        {
            if (!weighty.ContainsKey(key) && entry.Latest.IsOpen) entry.Latest = entry.Latest with { ClosedAt = now.Wall, Proof = "the device no longer remembers this incident" };
            var over = !entry.Latest.IsOpen;
            if (over && (!entry.OpenTold || entry.ClosedTold)) _entries.Remove(key);
        }
    }

    public ImmutableArray<Letter> Due(TimeSpan now) =>
    [
        .. _entries.Values.Where(e => e.Latest.IsOpen && !e.OpenTold && now - e.Since >= after).Select(e => new Letter(e.Latest, Closed: false)),
        .. _entries.Values.Where(e => !e.Latest.IsOpen && e.OpenTold && !e.ClosedTold).Select(e => new Letter(e.Latest, Closed: true)),
    ];

    /// <summary>Until the next is due; null when none will be.</summary>
    public TimeSpan? Wait(TimeSpan now) => _entries.Values.Where(e => e.Latest.IsOpen && !e.OpenTold).Select(e => (TimeSpan?)(e.Since + after - now)).Min();

    public void Delivered(Letter letter)
    {
        if (!_entries.TryGetValue(Key.Of(letter.Incident), out var entry)) return;
        if (letter.Closed) _entries.Remove(Key.Of(letter.Incident));
        else entry.OpenTold = true;
    }

    /// <summary>How long it has been open, as far as the wall clock can be believed: no longer than it takes to be told.</summary>
    private TimeSpan Age(Incident incident, Instant now)
    {
        var age = now.Wall - incident.OpenSince;
        return age < TimeSpan.Zero ? TimeSpan.Zero : age > after ? after : age;
    }

    /// <summary>Numbers begin anew where a memory was lost, so a number alone is no name.</summary>
    private readonly record struct Key(long Id, DateTimeOffset OpenedAt, string Code)
    {
        public static Key Of(Incident incident) => new(incident.Id, incident.OpenedAt, incident.Code);
    }

    private sealed class Entry(Incident incident, TimeSpan since)
    {
        public Incident Latest { get; set; } = incident;

        /// <summary>It has been open from then on without a break.</summary>
        public TimeSpan Since { get; private set; } = since;

        public bool OpenTold { get; set; }

        public bool ClosedTold { get; set; }

        public void Take(Incident incident, TimeSpan now)
        {
            if (incident.OpenSince != Latest.OpenSince) Since = now;
            Latest = incident;
        }
    }
}

/// <summary>What the webhook receives. Fields are added, never renamed.</summary>
internal sealed record WebhookMessage
{
    /// <summary><c>incident_open</c> or <c>incident_closed</c>.</summary>
    public required string Event { get; init; }

    /// <summary>The same for each repetition of one message.</summary>
    public required string Key { get; init; }

    public required WebhookDevice Device { get; init; }

    public required long Incident { get; init; }

    public required string Condition { get; init; }

    public required string Severity { get; init; }

    public required string Title { get; init; }

    public required string Subject { get; init; }

    public required ImmutableArray<string> Evidence { get; init; }

    public required ImmutableArray<string> Attempts { get; init; }

    public required DateTimeOffset OpenedAt { get; init; }

    public required DateTimeOffset LastAt { get; init; }

    public required int Count { get; init; }

    /// <summary>Null while it is open.</summary>
    public required DateTimeOffset? ClosedAt { get; init; }

    /// <summary>What proved it over; null while it is open.</summary>
    public required string? Proof { get; init; }

    public static WebhookMessage Of(Letter letter, WebhookDevice device)
    {
        var (incident, condition) = (letter.Incident, Conditions.Of(letter.Incident.Code));
        return new WebhookMessage
        {
            Event = letter.Closed ? "incident_closed" : "incident_open",
            Key = $"{device.Identity}-{incident.OpenSince.ToUnixTimeMilliseconds()}-{incident.Id}-{(letter.Closed ? "closed" : "open")}",
            Device = device,
            Incident = incident.Id,
            Condition = incident.Code,
            Severity = condition.Severity.ToString().ToLowerInvariant(),
            Title = condition.Title,
            Subject = incident.Subject,
            Evidence = [.. incident.Evidence.Select(EngineLine.InSentence)],
            Attempts = incident.Attempts,
            OpenedAt = incident.OpenedAt,
            LastAt = incident.LastAt,
            Count = incident.Count,
            ClosedAt = incident.ClosedAt,
            Proof = incident.Proof,
        };
    }
}

/// <param name="Identity">Of the data directory.</param>
/// <param name="Name">Of the machine.</param>
internal sealed record WebhookDevice(string Identity, string Name, string Version);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(WebhookMessage))]
[JsonSerializable(typeof(ImmutableArray<Incident>))]
internal sealed partial class WebhookJson : JsonSerializerContext;

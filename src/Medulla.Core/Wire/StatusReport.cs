using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Wire;

/// <summary>What <c>medulla status --json</c> and <c>/api/v1/status</c> answer. Fields are added, never renamed.</summary>
public sealed record StatusReport
{
    /// <summary>No trial, no move, no preparation that could still succeed now.</summary>
    public required bool Settled { get; init; }

    /// <summary><c>ok</c>, <c>degraded</c>, <c>unavailable</c>, or <c>stopped</c> when no daemon runs.</summary>
    public required string State { get; init; }

    /// <summary>Why less is served than should be; null when nothing is missing.</summary>
    public required string? Degraded { get; init; }

    public required string Version { get; init; }

    /// <summary>Of the daemon; null when none runs.</summary>
    public required int? Pid { get; init; }

    /// <summary>Where applications reach it, such as <c>http://127.0.0.1:8642/v1</c>; null when none runs.</summary>
    public required string? Endpoint { get; init; }

    public required string Data { get; init; }

    public required long IntentGeneration { get; init; }

    public required ImmutableArray<WorkloadReport> Workloads { get; init; }

    public required ImmutableArray<InstanceReport> Instances { get; init; }

    public required ImmutableArray<TrialReport> Trials { get; init; }

    public required ImmutableArray<MoveReport> Moves { get; init; }

    public required ImmutableArray<HoldReport> Holds { get; init; }

    public required int OpenIncidents { get; init; }

    public static StatusReport Of(Intent intent, Observation world, Decision then, string version, int pid, string endpoint, string data) => new()
    {
        Settled = then.Settled,
        State = then.Routes.All(r => !r.IsServed) ? "unavailable" : then.Degraded is null ? "ok" : "degraded",
        Degraded = then.Degraded,
        Version = version,
        Pid = pid,
        Endpoint = endpoint,
        Data = data,
        IntentGeneration = then.Memory.IntentGeneration,
        Workloads = [.. then.Routes.Select(r => new WorkloadReport(r.Workload.Value, r.Task.ToString().ToLowerInvariant(), r.Model?.Value, r.Instance is not null, r.Reason, r.Context, r.OnDemand ? "on-demand" : "resident", r.IsServed))],
        Instances = [.. world.Instances.Select(i => InstanceReport.Of(i, then, world.Now))],
        Trials = [.. then.Memory.Trials.Select(t => TrialReport.Of(t, world.Now))],
        Moves = [.. then.Plan.Moves.Select(m => MoveReport.Of(m, world))],
        Holds = [.. then.Plan.Holds.Select(h => HoldReport.Of(h, world.Now))],
        OpenIncidents = then.Memory.Incidents.Count(i => i.IsOpen),
    };

    /// <summary>What can be said from the data directory alone.</summary>
    public static StatusReport Stopped(Memory memory, string version, string data) => new()
    {
        Settled = false,
        State = "stopped",
        Degraded = "no daemon runs on this data directory",
        Version = version,
        Pid = null,
        Endpoint = null,
        Data = data,
        IntentGeneration = memory.IntentGeneration,
        Workloads = [.. memory.Target.Instances.Select(i => new WorkloadReport(i.Workload.Value, i.Task.ToString().ToLowerInvariant(), i.Model.Value, false, "no daemon runs", i.Context, i.Residency == Residency.OnDemand ? "on-demand" : "resident", false))],
        Instances = [],
        Trials = [],
        Moves = [],
        Holds = [],
        OpenIncidents = memory.Incidents.Count(i => i.IsOpen),
    };
}

/// <param name="Model">The model that answers, or will; null when none has been chosen.</param>
/// <param name="Reason">Why it is not ready; null when it is.</param>
/// <param name="Context">Tokens per request; 0 when unknown.</param>
/// <param name="Residency"><c>resident</c> or <c>on-demand</c>.</param>
/// <param name="Served">True when it is ready, or is loaded by the next request.</param>
public sealed record WorkloadReport(string Name, string Task, string? Model, bool Ready, string? Reason, int Context, string Residency, bool Served);

public sealed record InstanceReport
{
    public required string Workload { get; init; }

    public required string Model { get; init; }

    public required string Id { get; init; }

    public required int Pid { get; init; }

    public required string ModelPath { get; init; }

    /// <summary><c>starting</c>, <c>ready</c>, <c>stopping</c> or <c>orphan</c>.</summary>
    public required string State { get; init; }

    /// <summary><c>serving</c>, <c>candidate</c>, <c>fallback</c> or <c>idle</c>.</summary>
    public required string Role { get; init; }

    public required string? Engine { get; init; }

    public required string? Quant { get; init; }

    public required int Context { get; init; }

    public required int Parallel { get; init; }

    /// <summary>True when an earlier daemon started it.</summary>
    public required bool Adopted { get; init; }

    public required int Requests { get; init; }

    public required double UptimeS { get; init; }

    /// <summary>Decode speed of one request as this device measured it; null before it has.</summary>
    public double? TokensPerS { get; init; }

    /// <summary>How many measurements that speed is the median of: later ones are held against it once there are <see cref="Blueprints.OwnSpeed.Enough"/>.</summary>
    public int SpeedMeasurements { get; init; }

    /// <summary>Decode speed of one request that was expected; null when nothing was.</summary>
    public double? ExpectedTokensPerS { get; init; }

    internal static InstanceReport Of(InstanceFact fact, Decision then, Instant now)
    {
        var trial = then.Memory.TrialOf(fact.Workload);
        var spec = Specs(then).FirstOrDefault(s => s.Id == fact.Spec);
        var own = then.Memory.SpeedOf(fact.Spec);
        var serving = then.Routes.Any(r => r.Instance == fact.Id);
        return new InstanceReport
        {
            Workload = fact.Workload.Value,
            Model = fact.Model.Value,
            Id = fact.Id.Value,
            Pid = fact.Pid,
            ModelPath = fact.ModelPath,
            State = fact.State.ToString().ToLowerInvariant(),
            Role = serving ? "serving" : trial?.Candidate.Id == fact.Spec ? "candidate" : trial?.Fallback?.Id == fact.Spec ? "fallback" : "idle",
            Engine = spec?.Engine.ToString(),
            Quant = spec?.Quant,
            Context = spec?.Context ?? 0,
            Parallel = spec?.Parallel ?? 0,
            Adopted = fact.Adopted,
            Requests = fact.Requests,
            UptimeS = Math.Round((now.Boot - fact.StartedAt).TotalSeconds, 1),
            TokensPerS = own is { First.IsEmpty: false } ? Math.Round(own.TokensPerS, 1) : null,
            SpeedMeasurements = own?.First.Length ?? 0,
            ExpectedTokensPerS = spec?.ExpectedTokensPerS,
        };
    }

    private static IEnumerable<InstanceSpec> Specs(Decision then) =>
        then.Memory.Target.Instances.Concat(then.Memory.Good.Instances).Concat(then.Memory.Trials.SelectMany(t => t.Fallback is { } f ? new[] { t.Candidate, f } : [t.Candidate]));
}

/// <param name="Phase"><c>proving</c> or <c>watching</c>.</param>
/// <param name="DeadlineS">Seconds until an unproven candidate is refuted.</param>
public sealed record TrialReport(string Workload, string Change, string Rank, string Reason, string Phase, double DeadlineS)
{
    internal static TrialReport Of(Trial trial, Instant now) => new(
        trial.Workload.Value,
        trial.Change.Text,
        trial.Rank.ToString().ToLowerInvariant(),
        trial.Reason,
        trial.ProvedAt is null ? "proving" : "watching",
        Math.Round((trial.Deadline - now.Boot).TotalSeconds, 1));
}

/// <param name="DoneBytes">Null when it does not count bytes.</param>
/// <param name="TotalBytes">Null when unknown.</param>
/// <param name="BytesPerS">Null when unknown.</param>
public sealed record MoveReport(string Subject, string Title, string Reason, string Detail, long? DoneBytes, long? TotalBytes, double? BytesPerS)
{
    internal static MoveReport Of(Move move, Observation world)
    {
        var operation = world.Operations.FirstOrDefault(o => o.Subject == move.Subject);
        return new MoveReport(move.Subject, move.Title, move.Reason, operation?.Detail ?? "", operation?.Done?.Bytes, operation?.Total?.Bytes, operation?.Rate);
    }
}

/// <param name="NextTryS">Seconds until the next look; null when only the event ends it.</param>
/// <param name="Until">What ends it.</param>
public sealed record HoldReport(string Subject, string Reason, double? NextTryS, string Until)
{
    internal static HoldReport Of(Hold hold, Instant now) =>
        new(hold.Subject, hold.Reason, hold.Until is { } until ? Math.Max(0, Math.Round((until - now.Boot).TotalSeconds, 1)) : null, hold.Event);
}

using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Medulla.Core.Deciding;
using Medulla.Core.Incidents;
using Medulla.Core.Observing;
using Medulla.Core.Units;
using Medulla.Core.Wire;
using Medulla.Network;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Medulla.Reporting;

/// <summary>
/// Exports to an OpenTelemetry collector: incidents opened and closed, trials, verdicts and moves as log events, the main
/// figures as metrics. The exporter's own threads send; its queue is bounded and drops, so a collector that is gone costs
/// nothing. Texts are as in the journal, without what an engine quoted.
/// </summary>
internal sealed partial class Telemetry : IAsyncDisposable
{
    private const string Source = "medulla";
    private const int PostLimitMs = 5000;
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(3);

    private readonly Meter _meter = new(Source);
    private readonly MeterProvider _metrics;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private volatile Latest? _latest;
    private ImmutableArray<Incident> _incidents = [];
    private HashSet<string> _moves = [];

    public Telemetry(Uri collector, WebhookDevice device, Func<long> answered)
    {
        var resource = ResourceBuilder.CreateEmpty().AddService(Source, serviceVersion: device.Version, serviceInstanceId: device.Identity);
        Measure(answered);
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Source).AddOtlpExporter(o => Address(o, collector, "v1/metrics")).Build();
        _logs = LoggerFactory.Create(builder => builder.AddOpenTelemetry(options =>
        {
            options.SetResourceBuilder(resource);
            options.IncludeFormattedMessage = true;
            options.AddOtlpExporter(o => Address(o, collector, "v1/logs"));
        }));
        _log = _logs.CreateLogger(Source);
    }

    /// <summary>The loop's thread: compares, and puts what is new into the exporter's queue.</summary>
    public void See(Observation seen, Decision then)
    {
        _latest = new Latest(seen, then);
        var incidents = then.Memory.Incidents;
        if (incidents != _incidents)
        {
            foreach (var incident in incidents)
            {
                var before = _incidents.FirstOrDefault(i => i.Id == incident.Id && i.OpenedAt == incident.OpenedAt);
                var severity = Conditions.Of(incident.Code).Severity.ToString().ToLowerInvariant();
                if (before?.IsOpen != true && incident.IsOpen) LogOpened(_log, incident.Code, severity, incident.Subject, incident.Id, EngineLine.InSentence(incident.Evidence[^1]));
                if (before?.IsOpen != false && !incident.IsOpen && (before is not null || incident.ClosedAt >= seen.Now.Wall)) LogClosed(_log, incident.Code, severity, incident.Subject, incident.Id, incident.Proof ?? "", Story.Lasted(incident, seen.Now.Wall).TotalSeconds);
            }

            _incidents = incidents;
        }

        foreach (var note in then.Notes)
        {
            if (note.Kind == "verdict") LogVerdict(_log, note.Subject, EngineLine.InSentence(note.Text));
            else if (note.Kind == "trial") LogTrial(_log, note.Subject, EngineLine.InSentence(note.Text));
        }

        foreach (var move in then.Plan.Moves.Where(m => !_moves.Contains(m.Subject))) LogMove(_log, move.Subject, move.Title, move.Reason);
        if (!then.Plan.Moves.IsEmpty || _moves.Count > 0) _moves = then.Plan.Moves.Select(m => m.Subject).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Sends what waits, within a bound: a collector that is gone holds nobody up.</summary>
    public async ValueTask DisposeAsync()
    {
        var end = Task.Run(() =>
        {
            _metrics.Shutdown((int)EndLimit.TotalMilliseconds);
            _logs.Dispose();
            _metrics.Dispose();
        });
        await Task.WhenAny(end, Task.Delay(EndLimit));
        _meter.Dispose();
    }

    private void Measure(Func<long> answered)
    {
        _meter.CreateObservableGauge("medulla.instances", () => Each(l => l.Seen.Instances.GroupBy(i => (i.Workload, i.State)).Select(g => new Measurement<long>(g.Count(), new("workload", g.Key.Workload.Value), new("state", g.Key.State.ToString().ToLowerInvariant())))), description: "Engine processes by workload and state.");
        _meter.CreateObservableGauge("medulla.incidents.open", () => Each(l => l.Then.Memory.Incidents.Where(i => i.IsOpen).GroupBy(i => i.Code).Select(g => new Measurement<long>(g.Count(), new KeyValuePair<string, object?>("condition", g.Key)))), description: "Open incidents by condition.");
        _meter.CreateObservableGauge("medulla.settled", () => Each(l => [new Measurement<long>(l.Then.Settled ? 1 : 0)]), description: "1 when no trial and no move is under way.");
        _meter.CreateObservableGauge("medulla.degraded", () => Each(l => [new Measurement<long>(l.Then.Degraded is null ? 0 : 1)]), description: "1 when less is served than should be.");
        _meter.CreateObservableGauge("medulla.memory.available", () => Each(l => Bytes(l.Seen.MemoryAvailable)), "By", "Memory that could be taken now.");
        _meter.CreateObservableGauge("medulla.disk.free", () => Each(l => Bytes(l.Seen.Host?.DiskFree)), "By", "Space for artifacts.");
        _meter.CreateObservableGauge("medulla.daemon.resident", () => Environment.WorkingSet, "By", "Resident memory of the daemon.");
        _meter.CreateObservableCounter("medulla.requests", answered, description: "Requests that have ended.");

        static IEnumerable<Measurement<long>> Bytes(ByteSize? size) => size is { } known ? [new Measurement<long>(known.Bytes)] : [];
    }

    private IEnumerable<Measurement<long>> Each(Func<Latest, IEnumerable<Measurement<long>>> read) => _latest is { } latest ? read(latest) : [];

    /// <summary>What the environment says of protocol and headers holds; by itself, port 4317 means gRPC and any other HTTP.</summary>
    private static void Address(OtlpExporterOptions options, Uri collector, string path)
    {
        var said = Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL");
        options.Protocol = said == "grpc" || (string.IsNullOrEmpty(said) && collector.Port == 4317) ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        options.Endpoint = options.Protocol == OtlpExportProtocol.Grpc ? collector : new Uri(collector.AbsoluteUri.TrimEnd('/') + "/" + path);
        options.TimeoutMilliseconds = PostLimitMs;
        if (options.Protocol == OtlpExportProtocol.HttpProtobuf) options.HttpClientFactory = Client;

        HttpClient Client()
        {
            var limit = TimeSpan.FromMilliseconds(PostLimitMs);
            var handler = Outbound.CreateHandler(limit);
            handler.UseProxy = !collector.IsLoopback;
            return new HttpClient(handler) { Timeout = limit };
        }
    }

    [LoggerMessage(1201, LogLevel.Warning, "incident {Incident} opened: {Condition} ({Severity}) {Subject}: {Evidence}", EventName = "medulla.incident.opened")]
    private static partial void LogOpened(ILogger log, string condition, string severity, string subject, long incident, string evidence);

    [LoggerMessage(1202, LogLevel.Information, "incident {Incident} closed after {LastedS} s: {Condition} ({Severity}) {Subject}: {Proof}", EventName = "medulla.incident.closed")]
    private static partial void LogClosed(ILogger log, string condition, string severity, string subject, long incident, string proof, double lastedS);

    [LoggerMessage(1203, LogLevel.Information, "verdict on {Subject}: {Text}", EventName = "medulla.trial.verdict")]
    private static partial void LogVerdict(ILogger log, string subject, string text);

    [LoggerMessage(1204, LogLevel.Information, "trial of {Subject}: {Text}", EventName = "medulla.trial")]
    private static partial void LogTrial(ILogger log, string subject, string text);

    [LoggerMessage(1205, LogLevel.Information, "move {Subject}: {Title}, because {Reason}", EventName = "medulla.move")]
    private static partial void LogMove(ILogger log, string subject, string title, string reason);

    private sealed record Latest(Observation Seen, Decision Then);
}

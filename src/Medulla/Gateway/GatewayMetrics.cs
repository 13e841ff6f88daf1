using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Medulla.Core.Units;

namespace Medulla.Gateway;

/// <summary>
/// What the gateway counts, in Prometheus text. Labels come from the route table only, so their number is bounded by what
/// this device has served; nothing of a request's content is in them.
/// </summary>
internal sealed class GatewayMetrics
{
    private static readonly double[] Seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
    private static readonly double[] Gaps = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

    private readonly ConcurrentDictionary<(WorkloadName Workload, ModelId Model), Series> _series = new();
    private readonly ConcurrentDictionary<(string Workload, int Status), long> _turnedAway = new();
    private readonly ConcurrentDictionary<string, long> _shed = new(StringComparer.Ordinal);
    private long _waiting;
    private long _retries;

    /// <summary>Requests that have ended, well or badly.</summary>
    public long Answered => _series.Values.Sum(s => s.Whole.Count) + _turnedAway.Values.Sum();

    public Series For(WorkloadName workload, ModelId model) => _series.GetOrAdd((workload, model), static _ => new Series());

    /// <summary>A request that reached no engine.</summary>
    public void TurnedAway(string workload, int status) => _turnedAway.AddOrUpdate((workload, status), 1, static (_, n) => n + 1);

    /// <summary>One of those, because too many came at once.</summary>
    public void Shed(string workload) => _shed.AddOrUpdate(workload, 1, static (_, n) => n + 1);

    public void Waits(int change) => Interlocked.Add(ref _waiting, change);

    public void Retried() => Interlocked.Increment(ref _retries);

    public void Write(StringBuilder page)
    {
        Head(page, "medulla_requests_total", "counter", "Requests by workload, model and status.");
        foreach (var ((workload, model), series) in _series)
        {
            foreach (var (status, count) in series.Statuses) Line(page, "medulla_requests_total", $"workload=\"{workload}\",model=\"{model}\",code=\"{status}\"", count);
        }

        foreach (var ((workload, status), count) in _turnedAway) Line(page, "medulla_requests_total", $"workload=\"{workload}\",model=\"\",code=\"{status}\"", count);
        Head(page, "medulla_tokens_total", "counter", "Tokens by workload, model and kind.");
        foreach (var ((workload, model), series) in _series)
        {
            Line(page, "medulla_tokens_total", $"workload=\"{workload}\",model=\"{model}\",kind=\"prompt\"", series.PromptTokens);
            Line(page, "medulla_tokens_total", $"workload=\"{workload}\",model=\"{model}\",kind=\"completion\"", series.CompletionTokens);
        }

        Histograms(page, "medulla_request_seconds", "Time from request to end of answer.", static s => s.Whole);
        Histograms(page, "medulla_ttft_seconds", "Time from request to first byte of the answer: of streams, to the first token.", static s => s.First);
        Histograms(page, "medulla_inter_token_seconds", "Time between the events of streams.", static s => s.Gap);
        Head(page, "medulla_requests_waiting", "gauge", "Requests that wait for an instance.");
        page.Append(CultureInfo.InvariantCulture, $"medulla_requests_waiting {Interlocked.Read(ref _waiting)}\n");
        Head(page, "medulla_requests_shed_total", "counter", "Requests turned away because too many came at once.");
        foreach (var (workload, count) in _shed) Line(page, "medulla_requests_shed_total", $"workload=\"{workload}\"", count);
        Head(page, "medulla_retries_total", "counter", "Requests sent to an engine once more.");
        page.Append(CultureInfo.InvariantCulture, $"medulla_retries_total {Interlocked.Read(ref _retries)}\n");
    }

    private void Histograms(StringBuilder page, string name, string help, Func<Series, Histogram> pick)
    {
        Head(page, name, "histogram", help);
        foreach (var ((workload, model), series) in _series) pick(series).Write(page, name, $"workload=\"{workload}\",model=\"{model}\"");
    }

    public static void Head(StringBuilder page, string name, string type, string help) => page.Append($"# HELP {name} {help}\n# TYPE {name} {type}\n");

    public static void Line(StringBuilder page, string name, string labels, long value) => page.Append(CultureInfo.InvariantCulture, $"{name}{{{labels}}} {value}\n");

    /// <summary>What is counted for one model under one workload.</summary>
    internal sealed class Series
    {
        private long _promptTokens;
        private long _completionTokens;

        public ConcurrentDictionary<int, long> Statuses { get; } = new();

        public Histogram Whole { get; } = new(Seconds);

        public Histogram First { get; } = new(Seconds);

        public Histogram Gap { get; } = new(Gaps);

        public long PromptTokens => Interlocked.Read(ref _promptTokens);

        public long CompletionTokens => Interlocked.Read(ref _completionTokens);

        public void Ended(int status, TimeSpan took)
        {
            Statuses.AddOrUpdate(status, 1, static (_, n) => n + 1);
            Whole.Add(took);
        }

        public void Tokens(long prompt, long completion)
        {
            Interlocked.Add(ref _promptTokens, prompt);
            Interlocked.Add(ref _completionTokens, completion);
        }
    }
}

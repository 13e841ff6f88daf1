using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Medulla.Core.Deciding;
using Medulla.Core.Incidents;
using Medulla.Core.Observing;
using Medulla.Core.Units;
using Medulla.Gateway;
using Medulla.Loop;
using Medulla.Reporting;
using Medulla.State;

namespace Medulla.Admin;

/// <summary>The page <c>/metrics</c>: what the gateway counted, and what the loop saw and decided last.</summary>
internal sealed class MetricsPage(GatewayMetrics gateway, Journal journal, Signals signals, WebhookCourier? webhook)
{
    private readonly ConcurrentDictionary<WorkloadName, long> _exits = new();
    private readonly ConcurrentDictionary<WorkloadName, long> _starts = new();
    private readonly ConcurrentDictionary<string, long> _incidents = new(StringComparer.Ordinal);
    private long _lastIncident;

    /// <summary>Counts what just happened; at the first look, the incidents that are remembered. The loop's thread.</summary>
    public void Count(Observation seen, Decision then)
    {
        foreach (var incident in then.Memory.Incidents.Where(i => i.Id > _lastIncident).OrderBy(i => i.Id))
        {
            _lastIncident = incident.Id;
            _incidents.AddOrUpdate(incident.Code, 1, static (_, n) => n + 1);
        }

        foreach (var ready in seen.Signals.OfType<Signal.InstanceReady>()) _starts.AddOrUpdate(ready.Workload, 1, static (_, n) => n + 1);
        foreach (var exit in seen.Signals.OfType<Signal.InstanceExited>().Where(e => !e.Asked)) _exits.AddOrUpdate(exit.Workload, 1, static (_, n) => n + 1);
    }

    public string Write(Observation seen, Decision then)
    {
        var page = new StringBuilder();
        gateway.Write(page);
        GatewayMetrics.Head(page, "medulla_instances", "gauge", "Engine processes by workload and state.");
        foreach (var group in seen.Instances.GroupBy(i => (i.Workload, i.State)))
        {
            GatewayMetrics.Line(page, "medulla_instances", $"workload=\"{group.Key.Workload}\",state=\"{group.Key.State.ToString().ToLowerInvariant()}\"", group.Count());
        }

        GatewayMetrics.Head(page, "medulla_restarts_total", "counter", "Unasked exits of engines, each followed by a restart, by workload.");
        foreach (var (workload, count) in _exits) GatewayMetrics.Line(page, "medulla_restarts_total", $"workload=\"{workload}\"", count);
        GatewayMetrics.Head(page, "medulla_engine_starts_total", "counter", "Engines that came up, or were adopted, and gave a token, by workload.");
        foreach (var (workload, count) in _starts) GatewayMetrics.Line(page, "medulla_engine_starts_total", $"workload=\"{workload}\"", count);
        GatewayMetrics.Head(page, "medulla_trial", "gauge", "1 for each change of target on probation.");
        foreach (var trial in then.Memory.Trials)
        {
            GatewayMetrics.Line(page, "medulla_trial", $"workload=\"{trial.Workload}\",rank=\"{trial.Rank.ToString().ToLowerInvariant()}\",phase=\"{(trial.ProvedAt is null ? "proving" : "watching")}\"", 1);
        }

        GatewayMetrics.Head(page, "medulla_incidents_open", "gauge", "Open incidents by condition.");
        foreach (var code in Conditions.All.Select(c => c.Code).Union(_incidents.Keys, StringComparer.Ordinal)) GatewayMetrics.Line(page, "medulla_incidents_open", $"condition=\"{code}\"", then.Memory.Incidents.Count(i => i.IsOpen && i.Code == code));
        GatewayMetrics.Head(page, "medulla_incidents_total", "counter", "Incidents that were opened, remembered ones included, by condition.");
        foreach (var (code, count) in _incidents) GatewayMetrics.Line(page, "medulla_incidents_total", $"condition=\"{code}\"", count);
        One("medulla_settled", "gauge", "1 when no trial and no move is under way.", then.Settled ? 1 : 0);
        One("medulla_degraded", "gauge", "1 when less is served than should be.", then.Degraded is null ? 0 : 1);
        One("medulla_daemon_resident_bytes", "gauge", "Resident memory of the daemon.", Environment.WorkingSet);
        One("medulla_signals_dropped_total", "counter", "Signals lost at their bound.", signals.Dropped);
        One("medulla_journal_lost_total", "counter", "Journal lines that could not be written.", journal.Lost);
        if (webhook is not null)
        {
            One("medulla_webhook_told_total", "counter", "Messages that the webhook took.", webhook.Told);
            One("medulla_webhook_failed_total", "counter", "Posts to the webhook that failed; each is tried again.", webhook.Failed);
        }

        return page.ToString();

        void One(string name, string type, string help, long value)
        {
            GatewayMetrics.Head(page, name, type, help);
            page.Append(CultureInfo.InvariantCulture, $"{name} {value}\n");
        }
    }
}

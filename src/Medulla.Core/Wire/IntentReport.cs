using Medulla.Core.Intents;

namespace Medulla.Core.Wire;

/// <summary>What <c>/api/v1/intent</c> answers: what is wanted of this device, as the daemon took it. Addresses are shown without their secrets.</summary>
/// <param name="Generation">Counts up on this device each time the content changes.</param>
/// <param name="IsDefault">True when nobody has configured anything.</param>
/// <param name="Webhook">Null for none.</param>
/// <param name="Otlp">Null for none in the intent.</param>
public sealed record IntentReport(long Generation, bool IsDefault, ImmutableArray<Workload> Workloads, Policy Policy, string? Webhook, string? Otlp)
{
    public static IntentReport Of(Intent intent, long generation) => new(
        generation,
        intent.IsDefault,
        intent.Workloads,
        intent.Policy,
        intent.Reporting.Webhook is { } webhook ? $"{webhook.Address} after {Spans.Text(webhook.After)}" : null,
        intent.Reporting.Otlp?.ToString());
}

using System.Runtime.CompilerServices;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Observing;

namespace Medulla.Reporting;

/// <summary>
/// Observers of the loop that tell others: each takes what was decided, and returns. What they do with it is their own affair
/// and no state of the loop: a report that fails undoes nothing. None that was not asked for exists.
/// </summary>
internal sealed class Reporters : IAsyncDisposable
{
    private Reporters(WebhookCourier? webhook, Telemetry? telemetry) => (Webhook, Telemetry) = (webhook, telemetry);

    /// <summary>Null for none.</summary>
    public WebhookCourier? Webhook { get; }

    private Telemetry? Telemetry { get; }

    /// <param name="told">Where what was told is kept.</param>
    /// <param name="answered">Requests that have ended.</param>
    public static Reporters Start(Core.Intents.Reporting wanted, string told, WebhookDevice device, Func<long> answered, TimeProvider time, ILogger<WebhookCourier> log)
    {
        var courier = wanted.Webhook is { } webhook ? new WebhookCourier(webhook, told, device, time, log) : null;
        var collector = wanted.Otlp?.Reveal() ?? Collector();
        return new Reporters(courier, collector is null ? null : Export(collector, device, answered));
    }

    /// <summary>The loop's thread.</summary>
    public void See(Observation seen, Decision then)
    {
        Webhook?.See(then.Memory.Incidents, seen.Now);
        Telemetry?.See(seen, then);
    }

    public async ValueTask DisposeAsync()
    {
        if (Webhook is not null) await Webhook.DisposeAsync();
        if (Telemetry is not null) await Telemetry.DisposeAsync();
    }

    /// <summary>The collector that the environment names; null for none, or for a name that is no address.</summary>
    private static Uri? Collector()
    {
        if (Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is not { Length: > 0 } text || Environment.GetEnvironmentVariable("OTEL_SDK_DISABLED") == "true") return null;
        if (Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https") return address;
        Console.Error.WriteLine("medulla: OTEL_EXPORTER_OTLP_ENDPOINT is no http or https address, and nothing is exported");
        return null;
    }

    /// <summary>On its own, so that nothing of the exporter is loaded where nobody asked for it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Telemetry Export(Uri collector, WebhookDevice device, Func<long> answered) => new(collector, device, answered);
}

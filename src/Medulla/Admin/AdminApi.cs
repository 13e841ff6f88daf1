using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Medulla.Core.Wire;
using Medulla.Gateway;
using Medulla.Loop;
using Medulla.Probing;
using Medulla.State;

namespace Medulla.Admin;

/// <summary>
/// The local API: <c>/api/v1/status|why|incidents|intent|journal|machine</c>, <c>POST /api/v1/stop</c>, and <c>/metrics</c>. Reads
/// what the loop told last and what the rooms observe now; the only thing it can do is to stop the daemon, and only for
/// the command line of this machine.
/// </summary>
internal sealed class AdminApi(
    UpOptions options,
    GatewayOptions gateway,
    DeviceWorld world,
    Func<string> endpoint,
    Func<Told?> told,
    MetricsPage page,
    MachineProbe probe,
    Action<bool> stop)
{
    private const int MaxJournal = 1000;

    public static bool Handles(PathString path) => path.StartsWithSegments("/api", StringComparison.Ordinal) || path == "/metrics";

    public async Task HandleAsync(HttpContext context)
    {
        if (Guard.Check(context, gateway) is { } refused)
        {
            await refused.Error.WriteAsync(context, refused.Status);
            return;
        }

        if (told() is not { } latest)
        {
            await OpenAiError.Unavailable("the device is starting").WriteAsync(context, 503, TimeSpan.FromSeconds(1));
            return;
        }

        var seen = world.Facts();
        var about = context.Request.Query["about"].FirstOrDefault();
        switch (context.Request.Method, context.Request.Path.Value)
        {
            case ("GET", "/api/v1/status"):
                await WriteAsync(context, StatusReport.Of(options.Intent, seen, latest.Then, Product.Version, Environment.ProcessId, endpoint(), options.Data.Root), CoreJson.Default.StatusReport);
                break;
            case ("GET", "/api/v1/why"):
                await WriteAsync(context, WhyReport.Of(options.Intent, seen, latest.Then, about), CoreJson.Default.WhyReport);
                break;
            case ("GET", "/api/v1/incidents"):
                await WriteAsync(context, IncidentReport.Of(latest.Then.Memory, seen.Now.Wall, about, context.Request.Query["all"] != "false"), CoreJson.Default.IncidentReport);
                break;
            case ("GET", "/api/v1/intent"):
                await WriteAsync(context, IntentReport.Of(options.Intent, latest.Then.Memory.IntentGeneration), CoreJson.Default.IntentReport);
                break;
            case ("GET", "/api/v1/machine"):
                await WriteAsync(context, await Task.Run(() => probe.Recent(options.Data.Root)), CoreJson.Default.Machine);
                break;
            case ("GET", "/api/v1/journal"):
                _ = int.TryParse(context.Request.Query["last"].FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var last);
                var (entries, _) = Journal.Read(options.Data.Journal, last is > 0 and <= MaxJournal ? last : 100, about);
                await WriteAsync(context, entries.ToImmutableArray(), JournalJson.Default.ImmutableArrayJournalEntry);
                break;
            case ("GET", "/metrics"):
                context.Response.ContentType = "text/plain; version=0.0.4";
                await context.Response.WriteAsync(page.Write(seen, latest.Then), context.RequestAborted);
                break;
            case ("POST", "/api/v1/stop") when Guard.IsLocalCommand(context, gateway):
                context.Response.StatusCode = 202;
                stop(true);
                break;
            default:
                await OpenAiError.Invalid($"there is no {context.Request.Method} {context.Request.Path}", code: "not_found").WriteAsync(context, 404);
                break;
        }
    }

    private static async Task WriteAsync<T>(HttpContext context, T report, JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, report, type, context.RequestAborted);
    }
}

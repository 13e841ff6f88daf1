using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>Those whom the device tells, and those who do not listen.</summary>
public class ReportingTests
{
    [Fact]
    public async Task An_incident_that_stays_open_is_posted_and_its_end_too_across_a_restart()
    {
        using var receiver = new Receiver();
        await using var device = new Device("webhook");
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, $"workloads: [ {{ name: chat, model: tinychat-s }} ]\npolicy: {{ webhook: {{ url: 'http://bob:pa55@127.0.0.1:{receiver.Port}/hook', after_minutes: 0.01 }} }}\n", TestContext.Current.CancellationToken);
        var engine = SurvivalTests.CopyOfFake(device, "boot-says=arch-unknown");
        device.Start("--engines", engine, "--intent", intent);
        await receiver.UntilAsync("the refusal is told", all => Messages(all, "incident_open").Any(m => (string?)m["condition"] == "arch-unknown"), TestContext.Current.CancellationToken);
        await device.UntilAsync("it is kept that somebody was told", () => Task.FromResult(File.Exists(Path.Combine(device.Data, "told.json")) && File.ReadAllText(Path.Combine(device.Data, "told.json")).Contains("arch-unknown", StringComparison.Ordinal)));
        await device.KillDaemonAsync();
        var told = Messages(receiver.All, "incident_open").Select(m => (string?)m["key"]).ToList();
        Assert.Equal(told.Distinct(StringComparer.Ordinal), told);

        await File.WriteAllTextAsync(Path.Combine(engine, "faults"), "", TestContext.Current.CancellationToken);
        Directory.Delete(Path.Combine(device.Data, "run"), recursive: true);
        foreach (var slot in new[] { "memory.a", "memory.b" }) File.Delete(Path.Combine(device.Data, slot));
        await device.Start("--engines", engine, "--intent", intent).ServesAsync();
        var all = await receiver.UntilAsync("its end is told", all => Messages(all, "incident_closed").Any(m => (string?)m["condition"] == "arch-unknown"), TestContext.Current.CancellationToken);
        var keys = Messages(all, "incident_open").Select(m => (string?)m["key"]).ToList();
        Assert.Equal(keys.Distinct(StringComparer.Ordinal), keys);
        Assert.Contains("medulla_webhook_told_total", await device.Http.GetStringAsync($"{device.Address}/metrics", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        var wanted = await device.Http.GetStringAsync($"{device.Address}/api/v1/intent", TestContext.Current.CancellationToken);
        Assert.Contains("***@127.0.0.1", wanted, StringComparison.Ordinal);
        Assert.DoesNotContain("pa55", wanted + device.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_collector_gets_figures_and_events_of_what_happened()
    {
        using var receiver = new Receiver();
        await using var device = new Device("otlp");
        device.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.Address;
        device.Environment["OTEL_METRIC_EXPORT_INTERVAL"] = "500";
        device.Environment["OTEL_BLRP_SCHEDULE_DELAY"] = "200";
        await device.Start("--engines", SurvivalTests.CopyOfFake(device, "crash-on=die-zebra,log-prompts"), "--no-climb").ServesAsync();
        using (await device.PostAsync("/v1/chat/completions", JsonNode.Parse("""{"model":"chat","messages":[{"role":"user","content":"die-zebra"}]}""")!))
        {
            await receiver.UntilAsync("the incident is an event", all => Says(all, "/v1/logs", "medulla.incident.opened") && Says(all, "/v1/logs", "medulla.incident.closed"), TestContext.Current.CancellationToken);
        }

        var all = await receiver.UntilAsync("figures arrive", all => Says(all, "/v1/metrics", "medulla.instances") && Says(all, "/v1/metrics", "medulla.requests"), TestContext.Current.CancellationToken);
        Assert.All(all, r => Assert.Equal("application/x-protobuf", r.ContentType));
        Assert.True(Says(all, "/v1/logs", "engine-exited"));
        Assert.True(Says(all, "/v1/logs", "medulla.move"));
        Assert.True(Says(all, "/v1/logs", "medulla.trial.verdict"));
        Assert.False(Says(all, "/v1/logs", "zebra"), "an event holds a prompt");
    }

    [Fact]
    public async Task Without_a_collector_nothing_of_it_is_loaded_and_a_dead_one_holds_nobody_up()
    {
        await using (var device = new Device("noexport"))
        {
            await device.Start("--engines", SurvivalTests.CopyOfFake(device, ""), "--no-climb").ServesAsync();
            Assert.DoesNotContain("OpenTelemetry", await File.ReadAllTextAsync($"/proc/{device.Pid}/maps", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        // Takes connections and never answers.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var held = new Device("silent");
        held.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}";
        held.Environment["OTEL_METRIC_EXPORT_INTERVAL"] = "200";
        await held.Start("--engines", SurvivalTests.CopyOfFake(held, ""), "--no-climb").ServesAsync();
        Assert.Contains("OpenTelemetry", await File.ReadAllTextAsync($"/proc/{held.Pid}/maps", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains("Paris", await held.AskAsync("What is the capital of France?"), StringComparison.Ordinal);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal(0, await held.TerminateAsync());
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"the end took {clock.Elapsed.TotalSeconds:0.0} s");
    }

    private static List<JsonNode> Messages(IReadOnlyList<Received> all, string kind) => [.. all.Select(r => JsonNode.Parse(r.Body)!).Where(m => (string?)m["event"] == kind)];

    private static bool Says(IReadOnlyList<Received> all, string path, string text) => all.Any(r => r.Path == path && r.Body.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);
}

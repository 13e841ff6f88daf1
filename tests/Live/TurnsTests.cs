using System.Globalization;
using System.Text.Json.Nodes;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>Two workloads that do not fit together: the built program, engines of which one at a time is a process.</summary>
public class TurnsTests
{
    private const long GiB = 1L << 30;

    /// <summary>128 KiB of cache for each token: models without knowledge or size that want much memory all the same.</summary>
    private static readonly SyntheticGguf Model = new() { Name = "one", Width = 64, Layers = 32, Heads = 8, KvHeads = 8, HeadWidth = 128, FeedForward = 128, Vocabulary = 512, Context = 1 << 20 };

    [Fact]
    public async Task Workloads_that_do_not_fit_together_are_both_served_one_process_at_a_time()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var device = new Device("turns");
        var models = Directory.CreateDirectory(Path.Combine(device.Folder, "models")).FullName;
        Model.WriteSparse(Path.Combine(models, "one.gguf"));
        (Model with { Name = "two", FeedForward = 256 }).WriteSparse(Path.Combine(models, "two.gguf"));
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, await IntentAsync(), cancel);

        device.Start("--intent", intent, "--models", models, "--engines", SurvivalTests.CopyOfFake(device, ""));
        await device.OpenAsync();
        await device.UntilAsync("both are proven", async () => (await device.StatusAsync())?["workloads"]?.AsArray() is { Count: 2 } all && all.All(w => (bool)w!["served"]! && (string?)w["residency"] == "on-demand"));
        await device.SettlesAsync();

        var most = 0;
        using var end = new CancellationTokenSource();
        var watch = Task.Run(
            async () =>
            {
                while (!end.IsCancellationRequested)
                {
                    most = Math.Max(most, device.EnginePids().Count);
                    await Task.Delay(10, CancellationToken.None);
                }
            },
            cancel);
        for (var turn = 0; turn < 3; turn++)
        {
            foreach (var workload in (string[])["chat", "code"])
            {
                Assert.Contains("Paris", await device.AskAsync("What is the capital of France?", workload), StringComparison.Ordinal);
                Assert.Equal(workload, (string?)(await device.InstanceAsync())["workload"]);
            }
        }

        var both = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => device.AskAsync("What day comes after Monday?", i % 2 == 0 ? "chat" : "code")));
        Assert.All(both, a => Assert.Contains("Tuesday", a, StringComparison.Ordinal));
        await end.CancelAsync();
        await watch;
        Assert.Equal(1, most);

        // Nobody asks: it is unloaded, and nothing is missing.
        await device.UntilAsync("nothing is loaded", async () => (await device.StatusAsync())?["instances"]?.AsArray() is { Count: 0 });
        await device.SettlesAsync();
        Assert.Empty(device.EnginePids());
        using var health = await device.Http.GetAsync($"{device.Address}/health", cancel);
        Assert.Equal(200, (int)health.StatusCode);
        Assert.Equal("ok", (string?)JsonNode.Parse(await health.Content.ReadAsStringAsync(cancel))!["status"]);
        Assert.Contains("\"id\":\"code\"", await device.Http.GetStringAsync($"{device.Address}/v1/models", cancel), StringComparison.Ordinal);
        var why = (await device.RunAsync("why", "code")).Output.ReplaceLineEndings(" ");
        Assert.Contains("on demand", why, StringComparison.Ordinal);
        Assert.Contains("can be planned with", string.Join(' ', why.Split(' ', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Contains("Paris", await device.AskAsync("What is the capital of France?", "code"), StringComparison.Ordinal);
        await device.RunAsync("stop");
        Assert.Equal(0, await device.ExitAsync());
        Assert.Empty(device.EnginePids());
    }

    /// <summary>Each takes three fifths of what the owner leaves.</summary>
    private static async Task<string> IntentAsync()
    {
        var (_, plan) = await Device.RunProgramAsync("plan", "--json");
        var usable = (long)JsonNode.Parse(plan[plan.IndexOf('{', StringComparison.Ordinal)..])!["memory_bytes"]!;
        var planned = Math.Max(usable / 4, Math.Min(usable / 2, 8 * GiB));
        var tokens = (planned * 6 / 10 / (128 << 10)).ToString(CultureInfo.InvariantCulture);
        return $$"""
            workloads:
              - { name: chat, model: one, context: {{tokens}}, floor: { context: {{tokens}} }, concurrency: 1, service: {} }
              - { name: code, model: two, context: {{tokens}}, floor: { context: {{tokens}} }, concurrency: 1, service: {} }
            policy: { memory_reserve: {{(usable - planned) >> 20}} MiB, unload_after_minutes: 0.1 }
            """;
    }
}

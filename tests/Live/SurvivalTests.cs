using System.Diagnostics;
using Medulla.Admin;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>Deaths, of daemon, engine or both, at any moment.</summary>
public class SurvivalTests
{
    private static readonly bool Long = Environment.GetEnvironmentVariable("MEDULLA_LONG") == "1";

    [Fact]
    public async Task A_killed_daemon_leaves_its_engine_to_the_next_which_serves_at_once()
    {
        await Engine.NeededAsync();
        await using var device = new Device("adopt").Start();
        await device.ServesAsync();
        await device.ServesModelAsync("tinychat-m");
        await device.SettlesAsync();
        var pid = (int)(await device.InstanceAsync())["pid"]!;
        await device.KillDaemonAsync();
        var clock = Stopwatch.StartNew();
        await device.Start().ServesAsync();
        Assert.Contains("Tuesday", await device.AskAsync("What day comes after Monday?"), StringComparison.Ordinal);
        var took = clock.Elapsed;
        var instance = await device.InstanceAsync();
        Assert.Equal(pid, (int)instance["pid"]!);
        Assert.True((bool)instance["adopted"]!);
        TestContext.Current.TestOutputHelper!.WriteLine($"serving again {took.TotalSeconds:0.00} s after the new daemon's start");
    }

    [Fact]
    public async Task A_terminated_daemon_leaves_its_engine_and_a_stopped_one_does_not()
    {
        await Engine.NeededAsync();
        await using var device = new Device("ends").Start("--no-climb");
        await device.ServesAsync();
        Assert.Equal(0, await device.TerminateAsync());
        Assert.Single(device.EnginePids());
        await device.Start("--no-climb").ServesAsync();
        Assert.Single(device.EnginePids());
        var (code, output) = await device.RunAsync("stop");
        Assert.Equal((0, "stopped\n"), (code, output));
        Assert.Empty(device.EnginePids());
        Assert.Equal(0, await device.ExitAsync());
    }

    [Fact]
    public async Task No_request_is_lost_while_the_daemon_begins_anew_with_another_intent()
    {
        await Engine.NeededAsync();
        await using var device = new Device("anew");
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads: [ { name: chat, model: tinychat-s, context: 512 } ]\n", TestContext.Current.CancellationToken);
        await device.Start("--intent", intent).ServesAsync();
        var address = device.Address;
        using var end = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            var answers = 0;
            while (!end.IsCancellationRequested)
            {
                // Each with a connection of its own: those are what a closed door refuses.
                using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
                using var answer = await http.PostAsync($"{address}/v1/chat/completions", new StringContent("""{"model":"chat","max_tokens":4,"messages":[{"role":"user","content":"What is 3 plus 4?"}]}"""));
                Assert.Equal(200, (int)answer.StatusCode);
                answers++;
            }

            return answers;
        })).ToList();
        await Task.Delay(IntentWatch.Settled, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(intent, "workloads: [ { name: chat, model: tinychat-s, context: 512 }, { name: second, model: tinychat-s, context: 256 } ]\n", TestContext.Current.CancellationToken);
        await device.UntilAsync("the second workload serves", async () => (await device.StatusAsync())?["instances"]!.AsArray().Any(i => (string?)i!["workload"] == "second" && (string?)i["state"] == "ready") == true);
        await end.CancelAsync();
        Assert.All(await Task.WhenAll(clients), answers => Assert.True(answers > 10, $"{answers} answers"));
        Assert.Equal(address, device.Address);
    }

    [Fact]
    public async Task No_request_is_lost_while_engines_are_killed_under_load()
    {
        await Engine.NeededAsync();
        await using var device = new Device("load").Start();
        await device.ServesAsync();
        await device.ServesModelAsync("tinychat-m");
        await device.SettlesAsync();
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(Long ? 300 : 60));
        var (answered, wrong) = (0, new List<string>());
        var clients = Enumerable.Range(0, 4).Select(async _ =>
        {
            while (!end.IsCancellationRequested)
            {
                try
                {
                    var answer = await device.AskAsync("How many legs does a spider have?");
                    if (answer.Contains("eight", StringComparison.Ordinal)) Interlocked.Increment(ref answered);
                    else lock (wrong) wrong.Add(answer);
                }
                catch (HttpRequestException e)
                {
                    lock (wrong) wrong.Add(e.Message);
                }
            }
        }).ToList();
        var kills = 0;
        while (!end.IsCancellationRequested)
        {
            foreach (var pid in device.EnginePids()) Device.Signal(pid, "KILL");
            kills++;
            await Task.WhenAny(Task.Delay(Long ? 2000 : 5000, end.Token));
        }

        await Task.WhenAll(clients);
        TestContext.Current.TestOutputHelper!.WriteLine($"{answered} answered through {kills} kills, {wrong.Count} lost");
        Assert.Empty(wrong);
        Assert.True(answered > 100, $"only {answered} requests were answered");
    }

    [Fact]
    public async Task It_always_ends_serving_when_daemon_and_engine_are_killed_at_random_moments()
    {
        await Engine.NeededAsync();
        var random = new Random(20261124);
        var kills = Long ? 200 : 20;
        await using var device = new Device("random");
        for (var kill = 0; kill < kills; kill++)
        {
            device.Start();
            await Task.Delay(random.Next(kill % 4 == 0 ? 400 : 3000), TestContext.Current.CancellationToken);
            if (random.Next(3) != 0) foreach (var pid in device.EnginePids()) Device.Signal(pid, "KILL");
            await device.KillDaemonAsync();
            if (kill % 7 != 6) continue;
            await device.Start().ServesAsync();
            Assert.Contains("Paris", await device.AskAsync("What is the capital of France?"), StringComparison.Ordinal);
            await device.KillDaemonAsync();
        }

        await device.Start().ServesAsync();
        await device.ServesModelAsync("tinychat-m");
        Assert.Contains("Tuesday", await device.AskAsync("What day comes after Monday?"), StringComparison.Ordinal);
        Assert.Single(device.EnginePids());
        Assert.False(Directory.Exists(Path.Combine(device.Data, "aside")), "something was found damaged");
    }

    [Fact]
    public async Task An_engine_that_keeps_crashing_ends_in_a_stated_place_and_another_request_is_still_answered()
    {
        await using var device = new Device("loop");
        var engine = CopyOfFake(device, "crash-on=kill-me-now");
        await device.Start("--engines", engine, "--no-climb").ServesAsync();
        using var answer = await device.PostAsync("/v1/chat/completions", System.Text.Json.Nodes.JsonNode.Parse("""{"model":"chat","messages":[{"role":"user","content":"kill-me-now"}]}""")!);
        Assert.Equal(502, (int)answer.StatusCode);
        await device.ServesAsync();
        Assert.Contains("Paris", await device.AskAsync("What is the capital of France?"), StringComparison.Ordinal);
        Assert.Contains("engine-exited", (await device.RunAsync("incidents")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_engine_that_refuses_to_boot_refutes_at_once_and_says_so()
    {
        await using var device = new Device("refuse");
        var engine = CopyOfFake(device, "boot-says=arch-unknown");
        await device.Start("--engines", engine).OpenAsync();
        await device.UntilAsync("it is refuted", () => Task.FromResult(device.Output.Contains("refuted: serve chat with tinychat-s", StringComparison.Ordinal)));
        await device.UntilAsync("every placeholder is refuted", async () => (await device.RunAsync("why", "chat")).Output.Contains("refuted", StringComparison.Ordinal) || device.Output.Contains("refuted: serve chat with tinychat-m", StringComparison.Ordinal));
        using var answer = await device.Http.GetAsync($"{device.Address}/health", TestContext.Current.CancellationToken);
        Assert.Equal(503, (int)answer.StatusCode);
    }

    internal static string CopyOfFake(Device device, string faults)
    {
        var folder = Directory.CreateDirectory(Path.Combine(device.Folder, "fake")).FullName;
        foreach (var file in Directory.EnumerateFiles(Places.FakeEngine)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        File.WriteAllText(Path.Combine(folder, "faults"), faults);
        return folder;
    }
}

using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Medulla.Tests.Kit.Battery;

/// <summary>Provokes one fault, with a client asking all the while, and says how it went.</summary>
public static class FaultRun
{
    private const string Question = "What is the capital of France?";
    private const string Answer = "Paris";
    private const string NotPlayed = "it could not be played";

    public static async Task<FaultResult> OfAsync(Fault fault, double pace)
    {
        var (result, tries) = (await TryAsync(fault, pace), 1);
        while (result.Problem?.StartsWith(NotPlayed, StringComparison.Ordinal) == true && tries++ < fault.Tries) result = await TryAsync(fault, pace);
        return result;
    }

    private static async Task<FaultResult> TryAsync(Fault fault, double pace)
    {
        await using var scene = new Scene(fault, pace);
        try
        {
            if (fault.Prepare is { } prepare) await prepare(scene);
            await scene.StartAsync();
            return await PlayAsync(fault, scene);
        }
        catch (Exception e)
        {
            return new FaultResult(fault, null, "", "", "", null, 0, 0, 0, $"{NotPlayed}: {e}\n{scene.Device.Output}");
        }
    }

    private static async Task<FaultResult> PlayAsync(Fault fault, Scene scene)
    {
        using var end = new CancellationTokenSource();
        var client = new Client(scene.Device);
        var asking = client.RunAsync(end.Token);
        var before = await StartsAsync(scene.Device);
        await fault.Provoke(scene);
        var clock = Stopwatch.StartNew();
        var (noticed, ended) = ((double?)null, (double?)null);
        JsonNode? incident = null;
        string? problem = null;
        if (fault.Ending == Ending.Untouched)
        {
            await Task.Delay(TimeSpan.FromSeconds(fault.WatchFor));
            ended = clock.Elapsed.TotalSeconds;
        }
        else
        {
            await UntilAsync(clock, fault.NoticeWithin, async () => (incident = await IncidentAsync(scene.Device, fault.Codes)) is not null || fault.Codes.Length == 0);
            if (incident is null && fault.Codes.Length > 0) problem = $"not noticed within {fault.NoticeWithin:0} s";
            else noticed = clock.Elapsed.TotalSeconds;
            if (problem is null && fault.Relent is { } relent) await relent(scene);
            if (problem is null && !await UntilAsync(clock, fault.EndWithin, async () => await EndedAsync(fault, scene.Device, incident = await IncidentAsync(scene.Device, fault.Codes) ?? incident))) problem = $"did not end as it has to within {fault.EndWithin:0} s";
            else if (problem is null) ended = clock.Elapsed.TotalSeconds;
        }

        await end.CancelAsync();
        await asking;
        var starts = await StartsAsync(scene.Device) - before;
        if (problem is null && fault.Check is { } check) problem = await check(scene);
        if (fault.Ending == Ending.Untouched && problem is null)
        {
            if (starts > 0) problem = $"{starts} restarts of what was healthy";
            else if (!await AnswersAsync(scene.Device)) problem = "it does not answer";
        }

        if (problem is not null) problem += $"\n{await scene.Device.Http.GetStringAsync($"{scene.Device.Address}/api/v1/incidents")}\n{Tail(scene.Device.Output)}";
        return new FaultResult(fault, noticed, Text(incident, "code"), Join(incident, "attempts"), Text(incident, "proof"), ended, client.Asked, client.Lost, starts, problem);
    }

    private static async Task<bool> EndedAsync(Fault fault, Device device, JsonNode? incident)
    {
        var closed = incident?["closed_at"] is not null || fault.Codes.Length == 0;
        if (fault.Ending == Ending.Healed) return closed && await AnswersAsync(device);
        return await AnswersAsync(device) || await SaysWhyNotAsync(device);
    }

    private static async Task<bool> AnswersAsync(Device device)
    {
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            return (await device.AskAsync(Question).WaitAsync(limit.Token)).Contains(Answer, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>An honest refusal: 503, with the reason.</summary>
    private static async Task<bool> SaysWhyNotAsync(Device device)
    {
        try
        {
            using var answer = await device.Http.GetAsync($"{device.Address}/health");
            return (int)answer.StatusCode == 503 && (await answer.Content.ReadAsStringAsync()).Contains("reason", StringComparison.Ordinal);
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<JsonNode?> IncidentAsync(Device device, string[] codes)
    {
        try
        {
            var all = JsonNode.Parse(await device.Http.GetStringAsync($"{device.Address}/api/v1/incidents"))!["incidents"]!.AsArray().Select(i => i!["incident"]!).Where(i => codes.Contains((string?)i["code"])).ToList();
            return all.FirstOrDefault(i => i["closed_at"] is null) ?? all.FirstOrDefault();
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return null;
        }
    }

    /// <summary>Starts of engines that were not the device's own wish: unasked exits and renewals, as the journal of the run counts them.</summary>
    private static async Task<int> StartsAsync(Device device)
    {
        try
        {
            var page = await device.Http.GetStringAsync($"{device.Address}/metrics");
            var lines = page.Split('\n').Where(l => l.StartsWith("medulla_engine_starts_total", StringComparison.Ordinal));
            return lines.Sum(l => int.Parse(l.AsSpan(l.LastIndexOf(' ') + 1), System.Globalization.CultureInfo.InvariantCulture));
        }
        catch (HttpRequestException)
        {
            return 0;
        }
    }

    private static async Task<bool> UntilAsync(Stopwatch clock, double seconds, Func<Task<bool>> holds)
    {
        while (!await holds())
        {
            if (clock.Elapsed.TotalSeconds > seconds) return false;
            await Task.Delay(50);
        }

        return true;
    }

    private static string Text(JsonNode? incident, string name) => (string?)incident?[name] ?? "";

    private static string Join(JsonNode? incident, string name) => string.Join(", ", incident?[name]?.AsArray().Select(n => (string?)n) ?? []);

    private static string Tail(string output) => output.Length <= 4000 ? output : output[^4000..];

    /// <summary>Asks the same question over and over, and counts what comes back.</summary>
    private sealed class Client(Device device)
    {
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

        public int Asked { get; private set; }

        public int Lost { get; private set; }

        public async Task RunAsync(CancellationToken end)
        {
            while (!end.IsCancellationRequested)
            {
                try
                {
                    var answer = await device.AskAsync(Question).WaitAsync(end);
                    Asked++;
                    if (!answer.Contains(Answer, StringComparison.Ordinal)) Lost++;
                    await Task.Delay(Pause, end);
                }
                catch (HttpRequestException)
                {
                    (Asked, Lost) = (Asked + 1, Lost + 1);
                    await Task.Delay(Pause, CancellationToken.None);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }
}

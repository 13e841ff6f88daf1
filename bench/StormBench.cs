using System.Diagnostics;
using System.Globalization;
using System.Text;
using Medulla.Tests.Kit;

namespace Medulla.Bench;

/// <summary>
/// A steady mixed load of eight clients, half of them streaming, and a random fault each twenty seconds: what is lost, what hangs, what leaks.
/// <c>MEDULLA_SECONDS</c> says how long (600 when not set).
/// </summary>
internal static class StormBench
{
    private const string Question = "What is the capital of France?";
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Hung = TimeSpan.FromSeconds(60);

    public static async Task<int> RunAsync()
    {
        var seconds = int.TryParse(Environment.GetEnvironmentVariable("MEDULLA_SECONDS"), CultureInfo.InvariantCulture, out var given) ? given : 600;
        var random = new Random(20261124);
        await using var device = new Device("storm");
        await device.Start("--no-climb").ServesAsync();
        await device.SettlesAsync();
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var tally = new Tally();
        var clients = Enumerable.Range(0, 8).Select(i => i % 2 == 0 ? AskAsync(device, tally, end.Token) : StreamAsync(device, tally, end.Token)).ToList();
        var faults = new List<string>();
        var (first, clock) = (Footprint(device.Pid), Stopwatch.StartNew());
        while (!end.IsCancellationRequested)
        {
            await Task.WhenAny(Task.Delay(Every, end.Token));
            if (end.IsCancellationRequested) break;
            if (clock.Elapsed < TimeSpan.FromSeconds(45)) first = Footprint(device.Pid);
            faults.Add(await HarmAsync(device, random.Next(6)));
        }

        await Task.WhenAll(clients);
        await device.ServesAsync();
        await device.SettlesAsync();
        var last = Footprint(device.Pid);
        var engines = device.EnginePids().Count;
        Console.WriteLine($"storm: {seconds} s, {faults.Count} faults ({string.Join(", ", faults.GroupBy(f => f).Select(g => $"{g.Key} {g.Count()}"))})");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  non-streaming: {tally.Answered} answered, {tally.Wrong} not ({100.0 * tally.Answered / Math.Max(1, tally.Answered + tally.Wrong):0.000} %, target 99.9 %); streams: {tally.Whole} whole, {tally.Refused} refused, {tally.Broken} ended by an error event, {tally.Silent} ended without a word, {tally.Hanging} hung"));
        Console.WriteLine($"  afterwards {engines} engine, daemon {first.Files} → {last.Files} files open, {first.Resident >> 20} → {last.Resident >> 20} MiB resident");
        foreach (var reason in tally.Reasons.Distinct().Take(5)) Console.WriteLine($"  lost: {reason}");
        return tally.Wrong <= (tally.Answered + tally.Wrong) * 0.001 && tally.Hanging + tally.Silent == 0 && engines == 1 ? 0 : 1;
    }

    private static async Task<string> HarmAsync(Device device, int which)
    {
        var instance = (await device.StatusAsync())?["instances"]?.AsArray().FirstOrDefault();
        if (instance is null) return "none, it was being mended";
        var (pid, model) = ((int)instance["pid"]!, (string)instance["model_path"]!);
        switch (which)
        {
            case 0:
                Device.Signal(pid, "KILL");
                return "kill";
            case 1:
                Device.Signal(pid, "SEGV");
                return "crash";
            case 2:
                Device.Signal(pid, "STOP");
                return "stop";
            case 3:
                Device.Signal(pid, "KILL");
                await using (var file = File.OpenWrite(model)) file.SetLength(file.Length / 2);
                return "model cut";
            case 4:
                Device.Signal(pid, "KILL");
                File.Delete(Directory.EnumerateFiles(Path.Combine(device.Data, "engines"), "libggml-base.so*", SearchOption.AllDirectories).First());
                return "library deleted";
            default:
                Device.Signal(pid, "KILL");
                await Task.Delay(300);
                foreach (var successor in device.EnginePids()) Device.Signal(successor, "KILL");
                return "kill twice";
        }
    }

    private static async Task AskAsync(Device device, Tally tally, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                var answer = await device.AskAsync(Question).WaitAsync(Hung, CancellationToken.None);
                if (answer.Contains("Paris", StringComparison.Ordinal)) Interlocked.Increment(ref tally.Answered);
                else tally.Lose($"wrong: {answer}");
            }
            catch (HttpRequestException e)
            {
                tally.Lose(e.Message);
            }
            catch (TimeoutException)
            {
                Interlocked.Increment(ref tally.Hanging);
            }
        }
    }

    private static async Task StreamAsync(Device device, Tally tally, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                using var limit = new CancellationTokenSource(Hung);
                using var request = new HttpRequestMessage(HttpMethod.Post, $"{device.Address}/v1/chat/completions")
                {
                    Content = new StringContent($$"""{"model":"chat","stream":true,"temperature":0,"max_tokens":64,"messages":[{"role":"user","content":"{{Question}}"}]}""", Encoding.UTF8, "application/json"),
                };
                using var answer = await device.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
                var text = await answer.Content.ReadAsStringAsync(limit.Token);
                if (text.Contains("[DONE]", StringComparison.Ordinal)) Interlocked.Increment(ref tally.Whole);
                else if (!answer.IsSuccessStatusCode) tally.Refuse($"{(int)answer.StatusCode}: {text}");
                else if (text.Contains("\"error\"", StringComparison.Ordinal)) Interlocked.Increment(ref tally.Broken);
                else Interlocked.Increment(ref tally.Silent);
            }
            catch (HttpRequestException)
            {
                Interlocked.Increment(ref tally.Silent);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref tally.Hanging);
            }
        }
    }

    private static (int Files, long Resident) Footprint(int pid)
    {
        var resident = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return (Directory.EnumerateFileSystemEntries($"/proc/{pid}/fd").Count(), long.Parse(resident["VmRSS:".Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) << 10);
    }

    private sealed class Tally
    {
        public long Answered;
        public long Wrong;
        public long Whole;
        public long Broken;
        public long Silent;
        public long Hanging;

        public long Refused;

        public List<string> Reasons { get; } = [];

        public void Lose(string reason)
        {
            Interlocked.Increment(ref Wrong);
            lock (Reasons) Reasons.Add(reason);
        }

        public void Refuse(string reason)
        {
            Interlocked.Increment(ref Refused);
            lock (Reasons) Reasons.Add("stream: " + reason);
        }
    }
}

using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Medulla.Tests.Kit;

namespace Medulla.Bench;

/// <summary>
/// kill -9 of the engine: from the kill to the next token through the gateway, beside the engine's own time from start to
/// first token (the same command line, started by hand in the same run).
/// </summary>
internal static class RecoveryBench
{
    private const int Rounds = 15;

    public static async Task<int> RunAsync()
    {
        await using var device = new Device("recovery");
        await device.Start("--no-climb").ServesAsync();
        await device.SettlesAsync();
        var (own, recovered) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            var pid = (int)(await device.InstanceAsync())["pid"]!;
            own.Add(await OwnAsync(device, pid));
            await Task.Delay(1500);
            var clock = Stopwatch.StartNew();
            Device.Signal(pid, "KILL");
            await device.AskAsync("Hello!");
            recovered.Add(clock.Elapsed.TotalMilliseconds);
            await device.SettlesAsync();
        }

        var limit = (own.Median() * 1.3) + 100;
        Console.WriteLine($"recovery: {Rounds} rounds: the engine's own start to first token {own.Spread("0")} ms, from kill to next answer {recovered.Spread("0")} ms (target {limit:0} ms)");

        var restart = new List<double>();
        for (var round = 0; round < 5; round++)
        {
            await device.KillDaemonAsync();
            var clock = Stopwatch.StartNew();
            await device.Start("--no-climb").OpenAsync();
            await device.AskAsync("Hello!");
            restart.Add(clock.Elapsed.TotalMilliseconds);
        }

        Console.WriteLine($"adoption: {restart.Count} rounds: from the start of a new daemon after kill -9 to the next answer {restart.Spread("0")} ms (target 2000 ms)");
        return recovered.Median() <= limit && restart.Median() <= 2000 ? 0 : 1;
    }

    private static async Task<double> OwnAsync(Device device, int pid)
    {
        var arguments = (await File.ReadAllTextAsync($"/proc/{pid}/cmdline")).TrimEnd('\0').Split('\0');
        var socket = Path.Combine(device.Folder, $"own-{Guid.NewGuid():N}.sock");
        arguments[Array.IndexOf(arguments, "--host") + 1] = socket;
        var clock = Stopwatch.StartNew();
        using var engine = Process.Start(new ProcessStartInfo(arguments[0], arguments[1..]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true })!;
        engine.BeginErrorReadLine();
        engine.BeginOutputReadLine();
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
                return new NetworkStream(connection, ownsSocket: true);
            },
        });
        while (true)
        {
            try
            {
                using var content = new StringContent("""{"messages":[{"role":"user","content":"Hello!"}],"max_tokens":64,"temperature":0}""", Encoding.UTF8, "application/json");
                using var answer = await client.PostAsync("http://engine/v1/chat/completions", content);
                if (answer.IsSuccessStatusCode) break;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await Task.Delay(1);
        }

        var took = clock.Elapsed.TotalMilliseconds;
        Device.Signal(engine.Id, "KILL");
        await engine.WaitForExitAsync();
        return took;
    }
}

using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Medulla.Tests.Kit;

namespace Medulla.Bench;

/// <summary>Eight parallel streams from the real engine with a generated model of about 220 MB: through the gateway, and on the same instance directly.</summary>
internal static class StreamBench
{
    private const int Streams = 8;
    private const int Tokens = 48;
    private const int Rounds = 5;

    public static async Task<int> RunAsync()
    {
        await using var device = new Device("streams");
        var models = Directory.CreateDirectory(Path.Combine(device.Folder, "models")).FullName;
        SyntheticGguf.Bench.WriteRandom(Path.Combine(models, "synthetic.gguf"));
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads: [ { name: chat, model: synthetic, context: 512, concurrency: 8 } ]\n");
        await device.Start("--intent", intent, "--models", models).ServesAsync();
        await device.SettlesAsync();
        var id = (string)(await device.InstanceAsync())["id"]!;
        var run = Path.Combine(device.Data, "run", id);
        var key = (string)JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(run, "instance.json")))!["key"]!;
        using var direct = Client(Path.Combine(run, "engine.sock"), key);
        using var through = new HttpClient { BaseAddress = new Uri(device.Address), Timeout = TimeSpan.FromMinutes(5) };
        await RoundAsync(direct);
        await RoundAsync(through);
        var (directly, gateway) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            directly.Add(await RoundAsync(direct));
            gateway.Add(await RoundAsync(through));
            gateway.Add(await RoundAsync(through));
            directly.Add(await RoundAsync(direct));
        }

        var ratio = gateway.Median() / directly.Median();
        Console.WriteLine($"streams: {Streams} at once, {directly.Count} interleaved rounds: direct {directly.Spread("0.0")} tokens/s, medulla {gateway.Spread("0.0")} tokens/s, ratio {ratio:0.000} (target 0.95)");
        return ratio >= 0.95 ? 0 : 1;
    }

    /// <returns>Tokens per second of all streams together.</returns>
    private static async Task<double> RoundAsync(HttpClient client)
    {
        var clock = Stopwatch.StartNew();
        var events = await Task.WhenAll(Enumerable.Range(0, Streams).Select(async i =>
        {
            var body = $$"""{"model":"chat","prompt":"w{{300 + i}}","stream":true,"ignore_eos":true,"max_tokens":{{Tokens}},"temperature":0}""";
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            answer.EnsureSuccessStatusCode();
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
            var count = 0;
            while (await reader.ReadLineAsync() is { } line)
            {
                if (line.StartsWith("data: {", StringComparison.Ordinal)) count++;
            }

            return count;
        }));
        return events.Sum() / clock.Elapsed.TotalSeconds;
    }

    private static HttpClient Client(string socket, string key)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            PooledConnectionLifetime = TimeSpan.Zero, // the engine closes after each stream, and announces keep-alive
            ConnectCallback = async (_, cancel) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
                return new NetworkStream(connection, ownsSocket: true);
            },
        };
        var client = new HttpClient(handler) { BaseAddress = new Uri("http://engine"), Timeout = TimeSpan.FromMinutes(5) };
        client.DefaultRequestHeaders.Add("Authorization", "Bearer " + key);
        return client;
    }
}

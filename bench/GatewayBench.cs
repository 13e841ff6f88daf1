using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Units;
using Medulla.Gateway;
using Medulla.Loop;
using Medulla.Tests.Kit;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Route = Medulla.Core.Deciding.Route;

namespace Medulla.Bench;

/// <summary>
/// The gateway, nginx with and without kept upstream connections, and no proxy at all, before one throw-away native
/// upstream (nginx returning a fixed answer), loaded by wrk.
/// </summary>
internal static partial class GatewayBench
{
    private const int Rounds = 7;
    private const string Body = """{"model":"chat","messages":[{"role":"user","content":"How many legs does a spider have?"}],"temperature":0}""";
    private const string Answer = """{"id":"x","object":"chat.completion","model":"tiny","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"A spider has eight legs."}}],"usage":{"prompt_tokens":12,"completion_tokens":8,"total_tokens":20}}""";

    public static async Task<int> RunAsync()
    {
        foreach (var tool in new[] { "wrk", "nginx" })
        {
            if ((Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin").Split(':').Any(d => File.Exists(Path.Combine(d, tool)))) continue;
            Console.Error.WriteLine($"gateway: {tool} is missing; apt-get install wrk nginx-light");
            return 1;
        }

        var folder = Places.NewFolder("gw");
        var ports = new { Direct = 18701, Kept = 18702, Unkept = 18703, Medulla = 18704 };
        var lua = Path.Combine(folder, "post.lua");
        await File.WriteAllTextAsync(lua, $"wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = [[{Body}]]\n");
        var socket = Path.Combine(folder, "up.sock");
        await File.WriteAllTextAsync(Path.Combine(folder, "nginx.conf"), $$"""
            worker_processes 2;
            pid {{folder}}/nginx.pid;
            error_log {{folder}}/error.log crit;
            events { worker_connections 1024; }
            http {
              access_log off;
              keepalive_requests 100000000;
              client_body_temp_path {{folder}}/b; proxy_temp_path {{folder}}/p; fastcgi_temp_path {{folder}}/f; uwsgi_temp_path {{folder}}/u; scgi_temp_path {{folder}}/s;
              upstream kept { server unix:{{socket}}; keepalive 64; keepalive_requests 100000000; }
              upstream unkept { server unix:{{socket}}; }
              server { listen unix:{{socket}}; listen 127.0.0.1:{{ports.Direct}}; location / { default_type application/json; return 200 '{{Answer}}'; } }
              server { listen 127.0.0.1:{{ports.Kept}}; location / { proxy_pass http://kept; proxy_http_version 1.1; proxy_set_header Connection ""; } }
              server { listen 127.0.0.1:{{ports.Unkept}}; location / { proxy_pass http://unkept; } }
            }
            """);
        using var nginx = Process.Start(new ProcessStartInfo("/usr/sbin/nginx", ["-c", Path.Combine(folder, "nginx.conf"), "-p", folder, "-g", "daemon off;"]) { UseShellExecute = false })!;
        using var gateway = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["serve", socket, ports.Medulla.ToString(CultureInfo.InvariantCulture)]) { UseShellExecute = false })!;
        try
        {
            await Task.Delay(1500);
            var targets = new (string Name, int Port)[] { ("direct", ports.Direct), ("nginx, kept", ports.Kept), ("nginx, not kept", ports.Unkept), ("medulla", ports.Medulla) };
            var one = targets.ToDictionary(t => t.Name, _ => new List<double>(), StringComparer.Ordinal);
            var eight = targets.ToDictionary(t => t.Name, _ => new List<double>(), StringComparer.Ordinal);
            foreach (var (_, port) in targets) await LoadAsync(port, 8, 3, lua);
            for (var round = 0; round < Rounds; round++)
            {
                foreach (var (name, port) in targets) one[name].Add((await LoadAsync(port, 1, 2, lua)).MedianMs);
                foreach (var (name, port) in targets) eight[name].Add((await LoadAsync(port, 8, 3, lua)).PerSecond);
            }

            Console.WriteLine($"gateway: {Rounds} interleaved rounds, medians (range)");
            foreach (var (name, _) in targets) Console.WriteLine($"  {name,-16} p50 at 1: {one[name].Spread("0.000")} ms   requests/s at 8: {eight[name].Spread("0")}");
            var added = one["medulla"].Median() - one["direct"].Median();
            var kept = eight["medulla"].Median() / eight["nginx, kept"].Median();
            var unkept = eight["medulla"].Median() / eight["nginx, not kept"].Median();
            Console.WriteLine($"  added p50 {added:0.000} ms (target 0.1); requests/s {kept:0.00} x nginx kept (target 0.45), {unkept:0.00} x not kept (target 1.2)");
            return added <= 0.1 && kept >= 0.45 && unkept >= 1.2 ? 0 : 1;
        }
        finally
        {
            Device.Signal(gateway.Id, "KILL");
            Device.Signal(nginx.Id, "TERM");
            await nginx.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The gateway as the daemon runs it, with one route to a socket.</summary>
    public static async Task<int> ServeAsync(string socket, string port)
    {
        GatewayKestrel.PreferInline();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        GatewayKestrel.Configure(builder.WebHost, new IPEndPoint(IPAddress.Loopback, int.Parse(port, CultureInfo.InvariantCulture)), SocketTransportOptions.CreateDefaultBoundListenSocket, files: null);
        await using var app = builder.Build();
        var options = new GatewayOptions { Key = null, LocalToken = new Secret("bench") };
        var routes = new Routes();
        var upstream = new Upstream(new InstanceId("up"), socket, new Secret("bench"), 1024);
        var route = new Route { Workload = new("chat"), Task = WorkloadTask.Chat, Instance = upstream.Id, Model = new ModelId("tiny"), Expected = false, Reason = null, Context = 1024 };
        routes.Publish(new RouteTable(1, [route], null), ImmutableDictionary<InstanceId, Upstream>.Empty.Add(upstream.Id, upstream));
        using var forwarder = new Forwarder(options, TimeProvider.System);
        var gateway = new OpenAiGateway(options, routes, new Signals(new Wake(TimeProvider.System)), new Demand(), forwarder, new GatewayMetrics(), TimeProvider.System);
        app.Run(gateway.HandleAsync);
        await app.RunAsync();
        return 0;
    }

    private static async Task<(double PerSecond, double MedianMs)> LoadAsync(int port, int connections, int seconds, string lua)
    {
        var start = new ProcessStartInfo("wrk", ["-t1", $"-c{connections}", $"-d{seconds}s", "--latency", "-s", lua, $"http://127.0.0.1:{port}/v1/chat/completions"]) { RedirectStandardOutput = true, UseShellExecute = false };
        using var wrk = Process.Start(start)!;
        var output = await wrk.StandardOutput.ReadToEndAsync();
        await wrk.WaitForExitAsync();
        if (output.Contains("Non-2xx", StringComparison.Ordinal)) throw new InvalidOperationException($"port {port} answered with errors:\n{output}");
        var latency = HalfLatency().Match(output);
        var unit = latency.Groups["unit"].Value switch { "us" => 0.001, "ms" => 1, _ => 1000 };
        return (double.Parse(PerSecond().Match(output).Groups["n"].Value, CultureInfo.InvariantCulture), double.Parse(latency.Groups["n"].Value, CultureInfo.InvariantCulture) * unit);
    }

    [GeneratedRegex(@"50%\s+(?<n>[\d.]+)(?<unit>us|ms|s)", RegexOptions.ExplicitCapture)]
    private static partial Regex HalfLatency();

    [GeneratedRegex(@"Requests/sec:\s+(?<n>[\d.]+)", RegexOptions.ExplicitCapture)]
    private static partial Regex PerSecond();
}

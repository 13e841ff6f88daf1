using System.Collections.Immutable;
using System.Net;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Units;
using Medulla.Gateway;
using Medulla.Loop;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Route = Medulla.Core.Deciding.Route;

namespace Medulla.Tests.Unit.Gateway;

/// <summary>A real gateway on loopback, and real engines on Unix sockets that behave as a test says.</summary>
internal sealed class Stage : IAsyncDisposable
{
    private readonly List<WebApplication> _engines = [];
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"mg{Guid.NewGuid():N}"[..12]);
    private readonly WebApplication _gateway;
    private readonly Forwarder _forwarder;
    private long _version;

    private Stage(GatewayOptions options)
    {
        Directory.CreateDirectory(_folder);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrel(k =>
        {
            k.Listen(IPAddress.Loopback, 0);
            k.Limits.MaxRequestBodySize = null;
        });
        _gateway = builder.Build();
        _forwarder = new Forwarder(options, TimeProvider.System);
        var gateway = new OpenAiGateway(options, Routes, new Signals(new Wake(TimeProvider.System)), new Demand(), _forwarder, Metrics, TimeProvider.System);
        _gateway.Run(c => c.Request.Path == "/health" ? gateway.HealthAsync(c) : gateway.HandleAsync(c));
    }

    public Routes Routes { get; } = new();

    public GatewayMetrics Metrics { get; } = new();

    public HttpClient Client { get; } = new() { Timeout = TimeSpan.FromSeconds(20) };

    public static async Task<Stage> OpenAsync(Func<GatewayOptions, GatewayOptions>? with = null)
    {
        var options = new GatewayOptions { Key = null, LocalToken = new Secret("local-token"), WaitLimit = TimeSpan.FromSeconds(5) };
        var stage = new Stage(with?.Invoke(options) ?? options);
        await stage._gateway.StartAsync();
        stage.Client.BaseAddress = new Uri(stage._gateway.Urls.First());
        return stage;
    }

    /// <summary>An engine, not yet routed to.</summary>
    public async Task<Upstream> EngineAsync(string id, RequestDelegate behave, int slots = 4)
    {
        var socket = Path.Combine(_folder, id + ".sock");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrel(k =>
        {
            k.ListenUnixSocket(socket);
            k.Limits.MaxRequestBodySize = null;
        });
        var engine = builder.Build();
        engine.Run(behave);
        await engine.StartAsync();
        _engines.Add(engine);
        return new Upstream(new InstanceId(id), socket, new Secret("engine-key"), slots);
    }

    public Stage Route(Upstream? upstream, bool expected = false, string? reason = null)
    {
        var route = new Route
        {
            Workload = new WorkloadName("chat"),
            Task = WorkloadTask.Chat,
            Instance = upstream?.Id,
            Model = new ModelId("tiny"),
            Expected = expected,
            Reason = upstream is null ? reason ?? "nothing serves" : null,
            Context = 1024,
        };
        var upstreams = upstream is null ? ImmutableDictionary<InstanceId, Upstream>.Empty : ImmutableDictionary<InstanceId, Upstream>.Empty.Add(upstream.Id, upstream);
        Routes.Publish(new RouteTable(++_version, [route], null), upstreams);
        return this;
    }

    public Task<HttpResponseMessage> ChatAsync(string body = """{"model":"chat","messages":[]}""") =>
        Client.PostAsync("/v1/chat/completions", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _gateway.DisposeAsync();
        foreach (var engine in _engines) await engine.DisposeAsync();
        _forwarder.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

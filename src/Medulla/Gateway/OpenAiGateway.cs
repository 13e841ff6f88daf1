using System.Buffers;
using System.Text.Json;
using Medulla.Core.Deciding;
using Medulla.Core.Observing;
using Medulla.Core.Units;
using Medulla.Loop;
using Microsoft.Net.Http.Headers;
using Route = Medulla.Core.Deciding.Route;

namespace Medulla.Gateway;

/// <summary>
/// Answers <c>/v1/*</c> and <c>/health</c>: finds the workload, waits for an instance where one is expected, forwards, and
/// sends once more when the engine died and the client has seen nothing; a stale connection blames nobody. Reads the published routes; emits demand; cannot
/// start, stop or see a process, and keeps serving when the loop stalls.
/// Bounds: a body and all bodies together, held answer, waiting requests and their time, as <see cref="GatewayOptions"/> says; requests in one
/// engine, as <see cref="Backlog"/> says.
/// </summary>
internal sealed class OpenAiGateway(GatewayOptions options, Routes routes, Signals signals, Demand demand, Forwarder forwarder, GatewayMetrics metrics, TimeProvider time)
{
    /// <summary>A request under which this many engines died is not sent to a third.</summary>
    private const int MaxDeaths = 2;

    /// <summary>Connections that broke while their engine lives: kept ones that it had closed behind our back.</summary>
    private const int MaxStale = 8;

    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly Suspects _suspects = new(time);
    private int _waiting;
    private long _held;

    public async Task HandleAsync(HttpContext context)
    {
        if (Guard.Check(context, options) is { } refused)
        {
            await refused.Error.WriteAsync(context, refused.Status);
            return;
        }

        if (routes.Current.Table.Version == 0) await StartedAsync(context);
        var path = context.Request.Path.Value!;
        if (HttpMethods.IsGet(context.Request.Method) && path == "/v1/models") await ListAsync(context);
        else if (HttpMethods.IsGet(context.Request.Method) && path.StartsWith("/v1/models/", StringComparison.Ordinal)) await DescribeAsync(context, path["/v1/models/".Length..]);
        else await ServeAsync(context);
    }

    public async Task HealthAsync(HttpContext context)
    {
        var table = routes.Current.Table;
        var workloads = table.Routes.Select(r => new WorkloadHealth(r.Workload.Value, r.Model?.Value, r.Instance is not null, r.OnDemand, r.Reason)).ToList();
        var served = table.Routes.Any(r => r.IsServed);
        var health = new Health(!served ? "unavailable" : table.Degraded is null ? "ok" : "degraded", table.Degraded, workloads);
        context.Response.StatusCode = served ? 200 : 503;
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, health, GatewayJson.Default.Health, context.RequestAborted);
    }

    /// <summary>The endpoint opens before the first tick: until then nobody knows what is served, and that is not "nothing".</summary>
    private async Task StartedAsync(HttpContext context)
    {
        var start = time.GetTimestamp();
        while (routes.Current is { Table.Version: 0 } snapshot && time.GetElapsedTime(start) < options.WaitLimit && !context.RequestAborted.IsCancellationRequested)
        {
            await Task.WhenAny(snapshot.Changed, Task.Delay(Look, time));
        }
    }

    private async Task ServeAsync(HttpContext context)
    {
        var start = time.GetTimestamp();
        if (Interlocked.Read(ref _held) + (context.Request.ContentLength ?? 0) > options.HeldBodiesLimit)
        {
            await ShedAsync(context, "", $"requests of {Interlocked.Read(ref _held) >> 20} MiB are held at once, and this one would be more than the {options.HeldBodiesLimit >> 20} MiB that are allowed; send it later, or fewer at once", RetryAfter);
            return;
        }

        var held = await ReadBodyAsync(context);
        if (held is not { } body)
        {
            metrics.TurnedAway("", 413);
            await OpenAiError.Invalid($"the body is longer than the {options.BodyLimit} bytes that are allowed", code: "body_too_large").WriteAsync(context, 413);
            return;
        }

        try
        {
            if (Choose(context, body.Memory[..body.Length], out var problem) is not { } route)
            {
                metrics.TurnedAway("", problem!.Value.Status);
                await problem.Value.Error.WriteAsync(context, problem.Value.Status);
                return;
            }

            await ForwardAsync(context, route, body.Memory[..body.Length], start);
        }
        finally
        {
            Return(body.Array);
        }
    }

    private async Task ForwardAsync(HttpContext context, Route route, ReadOnlyMemory<byte> body, long start)
    {
        var (deaths, stale) = (0, 0);
        if (!_suspects.IsEmpty && _suspects.DeathsOf(Suspects.Of(context.Request.Path, body)) is > 0 and var killed)
        {
            metrics.TurnedAway(route.Workload.Value, 400);
            await OpenAiError.Invalid($"this very request was at work in {killed} engines when they crashed; it is refused for {Suspects.Term.TotalMinutes:0} minutes, and others are served. Send another one, or the same without what is unusual about it", code: "request_of_death").WriteAsync(context, 400);
            return;
        }

        while (deaths < MaxDeaths && stale < MaxStale)
        {
            if (await EnterAsync(context, route, start) is not { } entered) return;
            var (upstream, series, ahead) = entered;
            var sent = time.GetTimestamp();
            ForwardOutcome outcome;
            try
            {
                outcome = await forwarder.SendAsync(context, upstream, body, series, start);
                if (outcome is ForwardOutcome.Broken or ForwardOutcome.Cut) upstream.Broke();
            }
            finally
            {
                upstream.Leave();
            }

            switch (outcome)
            {
                case ForwardOutcome.Answered:
                    series.Ended(context.Response.StatusCode, time.GetElapsedTime(start));
                    if (context.Response.StatusCode != 200 || body.IsEmpty) return;
                    upstream.Backlog.Took(time.GetElapsedTime(sent), ahead);
                    if (!_suspects.IsEmpty) _suspects.Acquit(Suspects.Of(context.Request.Path, body));
                    return;
                case ForwardOutcome.Cut:
                    series.Ended(context.Response.StatusCode, time.GetElapsedTime(start));
                    await Task.Delay(Breath, time);
                    if (upstream.IsClosed) Suspect(context, route, body, upstream);
                    return;
                case ForwardOutcome.ClientGone:
                    series.Ended(499, time.GetElapsedTime(start));
                    return;
                case ForwardOutcome.Broken:
                    metrics.Retried();
                    await Task.Delay(Breath, time);
                    if (upstream.IsClosed)
                    {
                        deaths++;
                        Suspect(context, route, body, upstream);
                    }
                    else
                    {
                        stale++;
                    }

                    break;
                default:
                    if (time.GetElapsedTime(start) >= options.WaitLimit) deaths = MaxDeaths;
                    else await Task.WhenAny(routes.Current.Changed, Task.Delay(Look, time));
                    break;
            }
        }

        await TurnAwayAsync(context, route, $"the engine of {route.Workload} did not answer, and neither did its successor", 502);
    }

    /// <summary>An engine of the workload ended by itself while nothing was at work in it: that clears whoever was suspected.</summary>
    public void DiedByItself(WorkloadName workload) => _suspects.Clear(workload);

    private void Suspect(HttpContext context, Route route, ReadOnlyMemory<byte> body, Upstream upstream)
    {
        if (_suspects.Witness(Suspects.Of(context.Request.Path, body), route.Workload, upstream) is > 0 and var refused) signals.Post(new Signal.RequestRefused(route.Workload, refused));
    }

    /// <summary>An upstream that counts this request in, and the requests that were at work in it before; null when the client has been told why there is none.</summary>
    private async Task<(Upstream Upstream, GatewayMetrics.Series Series, int Ahead)?> EnterAsync(HttpContext context, Route route, long start)
    {
        var waits = false;
        TimeSpan? since = null;
        try
        {
            while (true)
            {
                var snapshot = routes.Current;
                if (snapshot.Table.Find(route.Workload.Value) is not { } now)
                {
                    await TurnAwayAsync(context, route, $"{route.Workload} is no longer served here", 404);
                    return null;
                }

                if (now.Instance is { } id && snapshot.Upstreams.TryGetValue(id, out var upstream))
                {
                    var ahead = upstream.Requests;
                    if (upstream.Backlog.TooLong(ahead, options.WaitLimit) is { } wait)
                    {
                        await ShedAsync(context, route.Workload.Value, $"{ahead} requests are at work or queue in the engine of {route.Workload}, and this one would wait about {wait.TotalSeconds:0} s; send it later, or fewer at once", wait);
                        return null;
                    }

                    if (upstream.TryEnter()) return (upstream, metrics.For(now.Workload, now.Model!.Value), ahead);
                }

                var left = options.WaitLimit - time.GetElapsedTime(start);
                if ((now.Instance is null && !now.Expected) || left <= TimeSpan.Zero)
                {
                    await TurnAwayAsync(context, route, now.Reason ?? $"{route.Workload} is changing its instance", 503);
                    return null;
                }

                if (!waits)
                {
                    waits = true;
                    metrics.Waits(1);
                    if (Interlocked.Increment(ref _waiting) > options.MaxWaiting)
                    {
                        await TurnAwayAsync(context, route, $"{options.MaxWaiting} requests already wait", 503);
                        return null;
                    }

                    since = demand.Enter(route.Workload);
                    signals.Post(new Signal.Demanded(route.Workload));
                }

                await Task.WhenAny(snapshot.Changed, Task.Delay(left < Look ? left : Look, time, context.RequestAborted));
                if (context.RequestAborted.IsCancellationRequested) return null;
            }
        }
        finally
        {
            if (since is { } entered) demand.Leave(route.Workload, entered);
            if (waits)
            {
                Interlocked.Decrement(ref _waiting);
                metrics.Waits(-1);
            }
        }
    }

    private async Task TurnAwayAsync(HttpContext context, Route route, string reason, int status)
    {
        metrics.TurnedAway(route.Workload.Value, status);
        if (!context.RequestAborted.IsCancellationRequested) await OpenAiError.Unavailable(reason).WriteAsync(context, status, RetryAfter);
    }

    /// <summary>Better a word at once than a wait that nobody has the patience for.</summary>
    private async Task ShedAsync(HttpContext context, string workload, string reason, TimeSpan wait)
    {
        metrics.TurnedAway(workload, 503);
        metrics.Shed(workload);
        await OpenAiError.Overloaded(reason).WriteAsync(context, 503, wait < options.WaitLimit ? wait : options.WaitLimit);
    }

    /// <summary>The route that a request asks for; a request without a model has one only where there is just one.</summary>
    private Route? Choose(HttpContext context, ReadOnlyMemory<byte> body, out (int Status, OpenAiError Error)? problem)
    {
        var table = routes.Current.Table;
        var found = Model(context.Request, body);
        problem = null;
        if (found.Problem is { } unreadable) problem = (400, OpenAiError.Invalid(unreadable));
        else if (found.Model is null && table.Routes.Length == 1) return table.Routes[0];
        else if (found.Model is null) problem = (400, OpenAiError.Invalid($"you must say which model: {Names(table)}", "model"));
        else if (table.Find(found.Model) is { } route) return route;
        else problem = (404, OpenAiError.Invalid($"the model '{Clip(found.Model)}' is not served here; there are {Names(table)}", "model", "model_not_found"));
        return null;
    }

    private static RequestModel.Found Model(HttpRequest request, ReadOnlyMemory<byte> body)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || body.IsEmpty) return new RequestModel.Found(request.Query["model"].FirstOrDefault(), HttpMethods.IsPost(request.Method) ? "the body is empty" : null);
        return MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
            ? RequestModel.InForm(body.Span, type.Boundary.Value)
            : RequestModel.InJson(new ReadOnlySequence<byte>(body));
    }

    /// <summary>Null when it is longer than allowed. The array goes back to the pool.</summary>
    private async Task<(byte[] Array, ReadOnlyMemory<byte> Memory, int Length)?> ReadBodyAsync(HttpContext context)
    {
        var promised = context.Request.ContentLength;
        if (promised > options.BodyLimit) return null;
        var buffer = Rent((int)(promised ?? 16384) + 1);
        var length = 0;
        try
        {
            while (true)
            {
                var read = await context.Request.Body.ReadAsync(buffer.AsMemory(length), context.RequestAborted);
                if (read == 0)
                {
                    var whole = buffer;
                    buffer = null;
                    return (whole, whole, length);
                }

                length += read;
                if (length > options.BodyLimit) return null;
                if (length < buffer.Length) continue;
                var larger = Rent(buffer.Length * 2);
                buffer.AsSpan(0, length).CopyTo(larger);
                Return(buffer);
                buffer = larger;
            }
        }
        finally
        {
            if (buffer is not null) Return(buffer);
        }
    }

    private byte[] Rent(int length)
    {
        var array = ArrayPool<byte>.Shared.Rent(length);
        Interlocked.Add(ref _held, array.Length);
        return array;
    }

    private void Return(byte[] array)
    {
        Interlocked.Add(ref _held, -array.Length);
        ArrayPool<byte>.Shared.Return(array);
    }

    private async Task ListAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, new ModelList("list", Items()), GatewayJson.Default.ModelList, context.RequestAborted);
    }

    private async Task DescribeAsync(HttpContext context, string id)
    {
        if (Items().Find(i => i.Id == id) is not { } item)
        {
            await OpenAiError.Invalid($"the model '{Clip(id)}' is not served here; there are {Names(routes.Current.Table)}", "model", "model_not_found").WriteAsync(context, 404);
            return;
        }

        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, item, GatewayJson.Default.ModelItem, context.RequestAborted);
    }

    private List<ModelItem> Items()
    {
        var items = new List<ModelItem>();
        foreach (var route in routes.Current.Table.Routes)
        {
            var served = route.IsServed ? route.Model?.Value : null;
            items.Add(new ModelItem(route.Workload.Value, "model", 0, "medulla", served, route.Context));
            if (served is not null && !items.Exists(i => i.Id == served)) items.Add(new ModelItem(served, "model", 0, "medulla", served, route.Context));
        }

        return items;
    }

    private static string Names(RouteTable table) =>
        string.Join(", ", table.Routes.SelectMany(r => r.Model is { } model ? new[] { r.Workload.Value, model.Value } : [r.Workload.Value]).Distinct(StringComparer.Ordinal));

    private static string Clip(string text) => text.Length <= 100 ? text : text[..100] + "…";
}

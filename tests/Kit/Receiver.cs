using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Medulla.Tests.Kit;

/// <summary>What a receiver was sent.</summary>
public sealed record Received(string Path, string ContentType, string? Authorization, byte[] Body);

/// <summary>A small HTTP server on this machine that keeps what it is sent.</summary>
public sealed class Receiver : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<Received> _all = new();

    public Receiver()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        _listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
        _listener.Start();
        _ = Task.Run(TakeAsync);
    }

    public int Port { get; }

    public string Address => $"http://127.0.0.1:{Port}";

    /// <summary>What it answers; a redirection goes to itself.</summary>
    public int Status { get; set; } = 200;

    public IReadOnlyList<Received> All => [.. _all];

    /// <summary>Waits until what was sent fulfils something, and returns it.</summary>
    public async Task<IReadOnlyList<Received>> UntilAsync(string what, Func<IReadOnlyList<Received>, bool> holds, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while (!holds(All))
        {
            if (limit.IsCancellationRequested) throw new TimeoutException($"waited 60 s until {what}; there is: {string.Join(", ", All.Select(r => $"{r.Path} ({r.Body.Length} bytes)"))}");
            await Task.Delay(10, CancellationToken.None);
        }

        return All;
    }

    public void Dispose() => _listener.Close();

    private async Task TakeAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                _all.Enqueue(new Received(context.Request.Url!.PathAndQuery, context.Request.ContentType ?? "", context.Request.Headers["Authorization"], body.ToArray()));
                context.Response.StatusCode = Status;
                if (Status is > 300 and < 400) context.Response.RedirectLocation = Address + "/elsewhere";
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}

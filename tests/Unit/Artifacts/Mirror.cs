using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Medulla.Tests.Unit.Artifacts;

/// <summary>A web server on loopback that serves one file, and misbehaves as told.</summary>
internal sealed class Mirror : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Mirror(WebApplication app) => _app = app;

    /// <summary>Where each request began to read.</summary>
    public List<long> Asked { get; } = [];

    public Uri Address => new(_app.Urls.First());

    /// <param name="misbehave">Gets the context, the file from the asked byte on, and how many requests came before; false to be served honestly.</param>
    public static async Task<Mirror> StartAsync(byte[] content, Func<HttpContext, ReadOnlyMemory<byte>, int, Task<bool>>? misbehave = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var mirror = new Mirror(builder.Build());
        mirror._app.Run(async context =>
        {
            var from = context.Request.GetTypedHeaders().Range?.Ranges.Single().From ?? 0;
            int before;
            lock (mirror.Asked)
            {
                before = mirror.Asked.Count;
                mirror.Asked.Add(from);
            }

            var rest = content.AsMemory((int)Math.Min(from, content.Length));
            if (misbehave is not null && await misbehave(context, rest, before)) return;
            context.Response.StatusCode = from > 0 ? 206 : 200;
            if (from > 0) context.Response.Headers.ContentRange = $"bytes {from}-{content.Length - 1}/{content.Length}";
            context.Response.ContentLength = rest.Length;
            await context.Response.Body.WriteAsync(rest);
        });
        await mirror._app.StartAsync();
        return mirror;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}

using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Net;
using System.Net.Sockets;
using Medulla.Core.Units;
using Medulla.Loop;
using Microsoft.Extensions.Primitives;

namespace Medulla.Gateway;

/// <summary>How one attempt at one upstream ended.</summary>
internal enum ForwardOutcome
{
    /// <summary>The client has its answer, whole or with a stated end.</summary>
    Answered,

    /// <summary>The answer ended in the middle, and the client was told: it cannot be sent again.</summary>
    Cut,

    /// <summary>The client is gone.</summary>
    ClientGone,

    /// <summary>No connection came to be: nothing was sent.</summary>
    Unreachable,

    /// <summary>The engine is loading its model.</summary>
    Loading,

    /// <summary>The engine does not take our key; its successor will.</summary>
    Locked,

    /// <summary>The connection broke, and the client has seen nothing: it can be sent again.</summary>
    Broken,
}

/// <summary>
/// Sends one request to one engine and its answer to the client.
/// <code>
/// client ──► 1 request ──► engine          1. the body is in memory: it can be sent again
///        ◄── 4 answer  ◄── 2 headers       2. nothing reaches the client before the engine's headers are here
///                          3 body          3. an event stream is passed on read by read, and flushed;
///                                             any other answer is held until it is whole, up to a limit
///                                          4. a stream that breaks ends with an error event
/// </code>
/// A client that goes away cancels the request, so the engine stops generating. Reads no lock on the way.
/// </summary>
internal sealed class Forwarder(GatewayOptions options, TimeProvider time) : IDisposable
{
    private const int ChunkLength = 16 << 10;
    private const int TailLength = 2048;

    private static readonly FrozenDictionary<string, Uri> Usual = new[] { "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/rerank" }
        .ToFrozenDictionary(p => p, p => new Uri("http://engine" + p), StringComparer.Ordinal);

    private static readonly FrozenSet<string> NotForwarded = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Host", "Authorization", "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
        "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Content-Length", "Cookie", "Origin", "Referer", "Accept-Encoding");

    private static readonly FrozenSet<string> NotReturned = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Connection", "Keep-Alive", "Transfer-Encoding", "Trailer", "Upgrade", "Proxy-Authenticate", "Server", "Date", "Content-Length", "Set-Cookie", "Access-Control-Allow-Origin");

    private readonly ConcurrentDictionary<InstanceId, HttpMessageInvoker> _clients = new();

    public async Task<ForwardOutcome> SendAsync(HttpContext context, Upstream upstream, ReadOnlyMemory<byte> body, GatewayMetrics.Series series, long start)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, upstream.LetGo.Token);
        HttpResponseMessage answer;
        try
        {
            using var request = Request(context.Request, upstream, body);
            upstream.Await();
            answer = await ClientOf(upstream).SendAsync(request, cancel.Token);
            upstream.Came();
        }
        catch (OperationCanceledException)
        {
            upstream.GiveUp();
            return context.RequestAborted.IsCancellationRequested ? ForwardOutcome.ClientGone : ForwardOutcome.Broken;
        }
        catch (HttpRequestException e)
        {
            upstream.GiveUp();
            return e.HttpRequestError == HttpRequestError.ConnectionError ? ForwardOutcome.Unreachable : ForwardOutcome.Broken;
        }

        using (answer)
        {
            // Of its own errors the text says whose they are.
            if (answer.StatusCode != HttpStatusCode.InternalServerError) upstream.Said(answer.StatusCode);
            if (answer.StatusCode == HttpStatusCode.ServiceUnavailable) return ForwardOutcome.Loading;
            if (answer.StatusCode == HttpStatusCode.Unauthorized)
            {
                upstream.RefusesKey = true;
                return ForwardOutcome.Locked;
            }

            try
            {
                await using var content = new Awaited(await answer.Content.ReadAsStreamAsync(cancel.Token), upstream);
                return answer.Content.Headers.ContentType?.MediaType == "text/event-stream"
                    ? await StreamAsync(context, answer, content, series, start, cancel.Token)
                    : await HoldAsync(context, answer, content, upstream, series, start, cancel.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException)
            {
                if (context.RequestAborted.IsCancellationRequested) return ForwardOutcome.ClientGone;
                if (!context.Response.HasStarted) return ForwardOutcome.Broken;
                context.Abort();
                return ForwardOutcome.Cut;
            }
        }
    }

    /// <summary>The bytes of an answer; whoever reads them waits for the engine.</summary>
    private sealed class Awaited(Stream inner, Upstream upstream) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            upstream.Await();
            var came = false;
            try
            {
                var read = await inner.ReadAsync(buffer, cancellationToken);
                came = true;
                return read;
            }
            finally
            {
                if (came) upstream.Came();
                else upstream.GiveUp();
            }
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }

    /// <summary>Lets go of the connections to instances that are no more.</summary>
    public void Forget(ISet<InstanceId> living)
    {
        foreach (var id in _clients.Keys.Where(id => !living.Contains(id)))
        {
            if (_clients.TryRemove(id, out var client)) client.Dispose();
        }
    }

    public void Dispose() => Forget(new HashSet<InstanceId>());

    private static HttpRequestMessage Request(HttpRequest from, Upstream upstream, ReadOnlyMemory<byte> body)
    {
        var request = new HttpRequestMessage(HttpMethods.IsPost(from.Method) ? HttpMethod.Post : new HttpMethod(from.Method), AddressOf(from))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        if (!HttpMethods.IsGet(from.Method) && !HttpMethods.IsHead(from.Method)) request.Content = new ReadOnlyMemoryContent(body);
        foreach (var (name, values) in from.Headers)
        {
            if (NotForwarded.Contains(name) || name.StartsWith(':')) continue;
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values)) request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }

        request.Headers.TryAddWithoutValidation("Authorization", upstream.Authorization);
        return request;
    }

    /// <summary>The paths that nearly every request has are made once.</summary>
    private static Uri AddressOf(HttpRequest from) => !from.QueryString.HasValue && Usual.TryGetValue(from.Path.Value!, out var usual)
        ? usual
        : new Uri("http://engine" + from.Path.ToUriComponent() + from.QueryString.ToUriComponent());

    private static void Begin(HttpContext context, HttpResponseMessage answer)
    {
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.NonValidated)
        {
            if (!NotReturned.Contains(name)) context.Response.Headers[name] = Values(values);
        }

        foreach (var (name, values) in answer.Content.Headers.NonValidated)
        {
            if (!NotReturned.Contains(name)) context.Response.Headers[name] = Values(values);
        }

        static StringValues Values(System.Net.Http.Headers.HeaderStringValues values) => values.Count == 1 ? new StringValues(values.ToString()) : new StringValues([.. values]);
    }

    /// <summary>The first bytes are awaited before anything is sent, so that a death before them is not the client's.</summary>
    private async Task<ForwardOutcome> StreamAsync(HttpContext context, HttpResponseMessage answer, Stream content, GatewayMetrics.Series series, long start, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkLength);
        var tail = new byte[TailLength];
        var (tailLength, events) = (0, 0L);
        var last = start;
        var ended = false;
        try
        {
            while (true)
            {
                int read;
                try
                {
                    read = await content.ReadAsync(buffer, cancel);
                }
                catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException && context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
                {
                    read = 0;
                }

                if (read == 0) break;
                var now = time.GetTimestamp();
                if (!context.Response.HasStarted)
                {
                    Begin(context, answer);
                    series.First.Add(time.GetElapsedTime(start, now));
                }

                // What is read is the client's, whatever becomes of the engine meanwhile: a cut here would end the stream without a word.
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
                var count = buffer.AsSpan(0, read).Count("data: "u8);
                if (count > 0 && events > 0) series.Gap.Add(time.GetElapsedTime(last, now) / count, count);
                (events, last) = (events + count, now);
                tailLength = Append(tail, tailLength, buffer.AsSpan(0, read));
            }

            if (!context.Response.HasStarted) return ForwardOutcome.Broken;
            ended = tail.AsSpan(0, tailLength).IndexOf("[DONE]"u8) >= 0 || tail.AsSpan(0, tailLength).IndexOf("response.completed"u8) >= 0 || tail.AsSpan(0, tailLength).IndexOf("message_stop"u8) >= 0;
            if (!ended) await EndWithErrorAsync(context);
            var (prompt, completion) = Usage.In(tail.AsSpan(0, tailLength));
            series.Tokens(prompt, completion > 0 ? completion : Math.Max(0, events - 2));
            return ended ? ForwardOutcome.Answered : ForwardOutcome.Cut;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>A stream never ends silently in the middle.</summary>
    private static async Task EndWithErrorAsync(HttpContext context)
    {
        var error = new OpenAiError("the engine ended in the middle of the answer; send the request again", "server_error", null, "stream_broken");
        await context.Response.Body.WriteAsync("data: "u8.ToArray(), context.RequestAborted);
        await context.Response.Body.WriteAsync(error.Bytes(), context.RequestAborted);
        await context.Response.Body.WriteAsync("\n\n"u8.ToArray(), context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    private async Task<ForwardOutcome> HoldAsync(HttpContext context, HttpResponseMessage answer, Stream content, Upstream upstream, GatewayMetrics.Series series, long start, CancellationToken cancel)
    {
        var promised = answer.Content.Headers.ContentLength;
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(promised ?? ChunkLength, 256, options.HeldAnswerLimit));
        try
        {
            var length = 0;
            while (true)
            {
                if (length == buffer.Length)
                {
                    if (length >= options.HeldAnswerLimit && answer.StatusCode == HttpStatusCode.InternalServerError) return ForwardOutcome.Broken;
                    if (length >= options.HeldAnswerLimit) return await PassOnAsync(context, answer, content, buffer.AsMemory(0, length), cancel);
                    var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }

                var read = await content.ReadAsync(buffer.AsMemory(length), cancel);
                if (read == 0) break;
                length += read;
                if (length == promised) break;
            }

            if (promised > length) return ForwardOutcome.Broken;
            if (answer.StatusCode == HttpStatusCode.InternalServerError)
            {
                var theirs = Misblamed.In(buffer.AsSpan(0, length));
                upstream.Said(theirs is null ? HttpStatusCode.InternalServerError : HttpStatusCode.BadRequest);
                if (theirs is not null)
                {
                    await theirs.WriteAsync(context, StatusCodes.Status400BadRequest);
                    return ForwardOutcome.Answered;
                }
            }

            Begin(context, answer);
            context.Response.ContentLength = length;
            series.First.Add(time.GetElapsedTime(start));
            var (prompt, completion) = Usage.In(buffer.AsSpan(Math.Max(0, length - TailLength), Math.Min(length, TailLength)));
            series.Tokens(prompt, completion);
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, length), context.RequestAborted);
            return ForwardOutcome.Answered;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<ForwardOutcome> PassOnAsync(HttpContext context, HttpResponseMessage answer, Stream content, ReadOnlyMemory<byte> held, CancellationToken cancel)
    {
        Begin(context, answer);
        await context.Response.Body.WriteAsync(held, cancel);
        await content.CopyToAsync(context.Response.Body, cancel);
        return ForwardOutcome.Answered;
    }

    private static int Append(byte[] tail, int length, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= tail.Length)
        {
            bytes[^tail.Length..].CopyTo(tail);
            return tail.Length;
        }

        var keep = Math.Min(length, tail.Length - bytes.Length);
        tail.AsSpan(length - keep, keep).CopyTo(tail);
        bytes.CopyTo(tail.AsSpan(keep));
        return keep + bytes.Length;
    }

    private HttpMessageInvoker ClientOf(Upstream upstream) => _clients.GetOrAdd(upstream.Id, static (_, socket) => new HttpMessageInvoker(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        ConnectCallback = async (_, cancel) =>
        {
            var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
                return new NetworkStream(connection, ownsSocket: true);
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        },
    }), upstream.Socket);
}

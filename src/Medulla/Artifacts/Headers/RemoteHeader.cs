using System.Net;
using System.Net.Http.Headers;

namespace Medulla.Artifacts.Headers;

/// <summary>
/// Reads a model's header from a web server by ranges that grow, without the tensors. Never more than <see cref="MaxBytes"/>,
/// never longer than <see cref="Limit"/>; a server that does not know ranges is read from the start as far as is needed, one
/// that lies about them is refused. Fails with <see cref="HeaderException"/> and nothing else, but for cancellation.
/// </summary>
internal sealed class RemoteHeader(HttpClient http, TimeProvider time)
{
    /// <summary>Bytes of one file.</summary>
    public const long MaxBytes = HeaderBytes.MaxBytes;

    private const int FirstRange = 256 << 10;
    private const int MaxRange = 16 << 20;

    /// <summary>More answers than an honest server needs, however short its pieces.</summary>
    private const int MaxRequests = 64;

    /// <summary>For all files of a model together.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(60);

    /// <param name="address">Of a GGUF (the first part of a split one) or of safetensors.</param>
    public async Task<ModelHeader> ReadAsync(Uri address, CancellationToken cancel)
    {
        using var clock = new CancellationTokenSource(Limit, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(clock.Token, cancel);
        try
        {
            var first = await ReadPartAsync(address, limit.Token);
            if (first is not GgufHeader { Split: > 1 } gguf) return first.ToHeader();
            var parts = new List<GgufHeader> { gguf };
            foreach (var name in gguf.PartsOf(Uri.UnescapeDataString(address.Segments[^1])).Skip(1))
            {
                parts.Add(await ReadPartAsync(Beside(address, name), limit.Token) as GgufHeader ?? throw new HeaderException($"{name} is not GGUF"));
            }

            return GgufHeader.Join(parts);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new HeaderException($"cannot read the header of {Shown(address)}: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new HeaderException($"cannot read the header of {Shown(address)}: not done within {Limit.TotalSeconds:0.#} s");
        }
        catch (HeaderException e) when (!e.Message.StartsWith("cannot", StringComparison.Ordinal))
        {
            throw new HeaderException($"cannot read the header of {Shown(address)}: {e.Message}");
        }
    }

    /// <summary><c>config.json</c>, an index: a small file beside the tensors.</summary>
    public async Task<byte[]> ReadSmallAsync(Uri address, CancellationToken cancel)
    {
        using var clock = new CancellationTokenSource(Limit, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(clock.Token, cancel);
        try
        {
            using var answer = await http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (answer.StatusCode != HttpStatusCode.OK) throw new HeaderException($"cannot read {Shown(address)}: it answers {(int)answer.StatusCode}");
            using var content = new MemoryStream();
            await using var body = await answer.Content.ReadAsStreamAsync(limit.Token);
            await CopyAsync(body, content, ModelConfig.MaxBytes + 1, limit.Token);
            return content.Length <= ModelConfig.MaxBytes ? content.ToArray() : throw new HeaderException($"cannot read {Shown(address)}: it has more than {ModelConfig.MaxBytes >> 20} MiB");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new HeaderException($"cannot read {Shown(address)}: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new HeaderException($"cannot read {Shown(address)}: not done within {Limit.TotalSeconds:0.#} s");
        }
    }

    private async Task<HeaderPart> ReadPartAsync(Uri address, CancellationToken cancel)
    {
        using var known = new MemoryStream();
        var (range, length) = ((long)FirstRange, (long?)null);
        for (var requests = 0; ; requests++)
        {
            if (requests == MaxRequests) throw new HeaderException($"{requests} answers brought only {known.Length} bytes of it");
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.Range = new RangeHeaderValue(known.Length, known.Length + range - 1);
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
            if (answer.Content.Headers.ContentEncoding.Any(e => e != "identity")) throw new HeaderException($"the server sends it encoded as {answer.Content.Headers.ContentEncoding.First()}");
            await using var body = await answer.Content.ReadAsStreamAsync(cancel);
            if (answer.StatusCode == HttpStatusCode.OK) return await ReadWholeAsync(known, body, answer.Content.Headers.ContentLength, cancel);

            length = Checked(answer, known.Length, range, length);
            var got = await CopyAsync(body, known, answer.Content.Headers.ContentRange!.To!.Value - known.Length + 1, cancel);
            if (got == 0) throw new HeaderException("the server promises a range and sends nothing");
            if (TryParse(known, length, known.Length >= length) is { } part) return part;
            if (known.Length >= MaxBytes) throw new HeaderException($"its header is longer than {MaxBytes >> 20} MiB");
            range = Math.Min(Math.Min(range * 4, MaxRange), MaxBytes - known.Length);
        }
    }

    /// <summary>The server does not know ranges: its answer is read piece by piece until the header is whole, and then dropped.</summary>
    private static async Task<HeaderPart> ReadWholeAsync(MemoryStream known, Stream body, long? length, CancellationToken cancel)
    {
        if (known.Length > 0) throw new HeaderException("the server sent a range first and the whole file then: it may have changed meanwhile");
        for (var piece = (long)FirstRange; ; piece = Math.Min(piece * 4, MaxRange))
        {
            piece = Math.Min(piece, MaxBytes - known.Length);
            if (piece == 0) throw new HeaderException($"its header is longer than {MaxBytes >> 20} MiB");
            var got = await CopyAsync(body, known, piece, cancel);
            if (TryParse(known, length, got < piece) is { } part) return part;
        }
    }

    /// <summary>The length of the whole file, if this answer can be believed.</summary>
    private static long? Checked(HttpResponseMessage answer, long from, long range, long? before)
    {
        var place = answer.Content.Headers.ContentRange;
        switch (answer.StatusCode)
        {
            case HttpStatusCode.PartialContent:
                break;
            case HttpStatusCode.RequestedRangeNotSatisfiable:
                throw new HeaderException(from == 0 ? "the file is empty" : $"it ends after {from} bytes, within its header");
            case >= HttpStatusCode.Ambiguous and < HttpStatusCode.BadRequest:
                throw new HeaderException($"the server answers {(int)answer.StatusCode} once more: it sends us in circles, or to a place that is not secure");
            default:
                throw new HeaderException($"the server answers {(int)answer.StatusCode} {answer.ReasonPhrase}");
        }

        if (place is not { Unit: "bytes", From: { } begins, To: { } ends }) throw new HeaderException("the server answers 206 and does not say which bytes these are");
        if (begins != from || ends < begins || ends >= from + range) throw new HeaderException($"bytes {from}-{from + range - 1} were asked for and the server sends {begins}-{ends}");
        if (answer.Content.Headers.ContentLength is { } promised && promised != ends - begins + 1) throw new HeaderException($"the server sends {promised} bytes as the range {begins}-{ends}");
        if (before is not null && place.Length is not null && before != place.Length) throw new HeaderException($"the file had {before} bytes and now has {place.Length}: it changed while it was read");
        return place.Length ?? before;
    }

    /// <summary>Null when the bytes so far end within the header and more can come.</summary>
    private static HeaderPart? TryParse(MemoryStream known, long? length, bool isAll)
    {
        known.Position = 0;
        try
        {
            return HeaderPart.Read(known, length);
        }
        catch (HeaderException e) when (e.IsCut && !isAll)
        {
            return null;
        }
        finally
        {
            known.Position = known.Length;
        }
    }

    /// <summary>Copies at most so many bytes; a body that is longer is left, one that ends early is not padded.</summary>
    private static async Task<long> CopyAsync(Stream body, MemoryStream to, long most, CancellationToken cancel)
    {
        var buffer = new byte[(int)Math.Min(most, 64 << 10)];
        var done = 0L;
        while (done < most)
        {
            var read = await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, most - done)), cancel);
            if (read == 0) break;
            to.Write(buffer, 0, read);
            done += read;
        }

        return done;
    }

    /// <summary>The same folder, another file.</summary>
    private static Uri Beside(Uri address, string name)
    {
        var segments = address.Segments;
        return new UriBuilder(address) { Path = string.Concat(segments[..^1]) + Uri.EscapeDataString(name) }.Uri;
    }

    /// <summary>Without what may be secret in it.</summary>
    private static string Shown(Uri address) => address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
}

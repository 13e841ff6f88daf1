using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Medulla.Core.Observing;
using Medulla.Network;

namespace Medulla.Artifacts;

/// <summary>How one attempt at one source ended: a closed family.</summary>
internal abstract record DownloadOutcome
{
    private DownloadOutcome()
    {
    }

    /// <summary>All bytes came; whether they are the right ones is for the hash to say.</summary>
    public sealed record Complete : DownloadOutcome;

    /// <summary>It broke off, and may go better another time.</summary>
    /// <param name="Pause">What the source asked for; null when it did not say.</param>
    public sealed record Broken(string Reason, TimeSpan? Pause = null, FailureKind Kind = FailureKind.Unreachable) : DownloadOutcome;

    /// <summary>This source does not have what we want.</summary>
    public sealed record Refused(string Reason, FailureKind Kind = FailureKind.Other) : DownloadOutcome;
}

/// <summary>
/// Fetches the rest of a file from one HTTP source, from the byte where the staging file ends. Trusts no source: a page
/// instead of data, another length, another range than asked for are refusals. Redirects are followed five times, by hand.
/// </summary>
internal sealed class Download(HttpMessageInvoker http, StoreOptions options, TimeProvider time)
{
    private const int MaxRedirects = 5;
    private const int BufferLength = 128 << 10;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>Connects directly or by the system's proxy, as the owner configured it.</summary>
    public static HttpMessageInvoker CreateClient(StoreOptions options)
    {
        var handler = Outbound.CreateHandler(options.ConnectLimit);
        (handler.UseCookies, handler.AutomaticDecompression) = (false, DecompressionMethods.None);
        return new HttpMessageInvoker(handler);
    }

    /// <summary>Asks how long the file is; null with the reason when the source does not say.</summary>
    public async Task<(long? Length, string? Reason, FailureKind Kind)> LengthAsync(Uri address, string? token, CancellationToken cancel)
    {
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        stall.CancelAfter(options.StallLimit);
        try
        {
            using var answer = await AskAsync(address, token, 0, stall.Token);
            if (!answer.IsSuccessStatusCode) return (null, $"it answered {(int)answer.StatusCode}", KindOf((int)answer.StatusCode));
            if (answer.Content.Headers.ContentType?.MediaType is "text/html") return (null, "it sent a page instead of the file", FailureKind.Page);
            return answer.Content.Headers.ContentLength is { } length ? (length, null, FailureKind.Other) : (null, "it does not say how long the file is", FailureKind.Other);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (null, $"nothing came for {options.StallLimit.TotalSeconds:0} s", FailureKind.Unreachable);
        }
        catch (HttpRequestException e)
        {
            return (null, Words(e), KindOf(e));
        }
        catch (RedirectLoopException e)
        {
            return (null, e.Message, FailureKind.Page);
        }
    }

    /// <param name="token">Sent to the first host only; null for none.</param>
    public async Task<DownloadOutcome> RunAsync(Uri address, string? token, Staging staging, long size, Action progress, CancellationToken cancel)
    {
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await using var timer = time.CreateTimer(static s => ((CancellationTokenSource)s!).Cancel(), stall, options.StallLimit, Timeout.InfiniteTimeSpan);
        try
        {
            using var answer = await AskAsync(address, token, staging.Length, stall.Token);
            if (Unusable(answer, staging.Length, size) is { } problem) return problem;
            if (answer.StatusCode == HttpStatusCode.OK && staging.Length > 0) staging.Reset();
            await using var body = await answer.Content.ReadAsStreamAsync(stall.Token);
            var buffer = new byte[BufferLength];
            while (true)
            {
                timer.Change(options.StallLimit, Timeout.InfiniteTimeSpan);
                var read = await body.ReadAsync(buffer, stall.Token).AsTask().ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                if (read == 0) break;
                if (staging.Length + read > size) return new DownloadOutcome.Refused($"it sends more than the {size} bytes that the catalog knows");
                await staging.AppendAsync(buffer.AsMemory(0, read), cancel);
                progress();
            }

            return staging.IsComplete ? new DownloadOutcome.Complete() : new DownloadOutcome.Broken($"it ended at byte {staging.Length} of {size}");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new DownloadOutcome.Broken($"nothing came for {options.StallLimit.TotalSeconds:0} s");
        }
        catch (HttpRequestException e)
        {
            return new DownloadOutcome.Broken(Words(e), Kind: KindOf(e));
        }
        catch (RedirectLoopException e)
        {
            return new DownloadOutcome.Refused(e.Message, FailureKind.Page);
        }
        catch (IOException e) when (e is HttpIOException || e.InnerException is SocketException or HttpIOException)
        {
            return new DownloadOutcome.Broken($"the connection broke at byte {staging.Length} ({e.Message})");
        }
    }

    private async Task<HttpResponseMessage> AskAsync(Uri address, string? token, long from, CancellationToken cancel)
    {
        var host = address.Authority;
        for (var hops = 0; hops <= MaxRedirects; hops++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            if (from > 0) request.Headers.Range = new RangeHeaderValue(from, null);
            if (token is not null && address.Authority == host) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            var answer = await http.SendAsync(request, cancel);
            if ((int)answer.StatusCode is not (301 or 302 or 303 or 307 or 308) || answer.Headers.Location is not { } next) return answer;
            answer.Dispose();
            address = new Uri(address, next);
        }

        throw new RedirectLoopException($"it redirects more than {MaxRedirects} times");
    }

    private DownloadOutcome? Unusable(HttpResponseMessage answer, long from, long size)
    {
        var code = (int)answer.StatusCode;
        if (code is 429 or 503) return new DownloadOutcome.Broken($"it answered {code}", Pause(answer.Headers.RetryAfter), KindOf(code));
        if (code is >= 500) return new DownloadOutcome.Broken($"it answered {code}");
        if (code is 416) return new DownloadOutcome.Refused($"it has fewer than {from} bytes, and the catalog knows {size}");
        if (code is not (200 or 206)) return new DownloadOutcome.Refused($"it answered {code}", KindOf(code));
        if (answer.Content.Headers.ContentType?.MediaType is "text/html") return new DownloadOutcome.Refused("it sent a page instead of the file", FailureKind.Page);
        if (code == 206)
        {
            var range = answer.Content.Headers.ContentRange;
            if (range?.From != from) return new DownloadOutcome.Refused($"asked for bytes from {from}, it sent them from {range?.From}");
            if (range.Length is { } whole && whole != size) return new DownloadOutcome.Refused($"its file has {whole} bytes, and the catalog knows {size}");
        }
        else if (answer.Content.Headers.ContentLength is { } length && length != size)
        {
            return new DownloadOutcome.Refused($"its file has {length} bytes, and the catalog knows {size}");
        }

        return null;
    }

    private static FailureKind KindOf(int code) => code switch
    {
        401 or 403 => FailureKind.Consent,
        404 or 410 => FailureKind.Gone,
        429 => FailureKind.Limited,
        >= 500 => FailureKind.Unreachable,
        _ => FailureKind.Other,
    };

    private static FailureKind KindOf(HttpRequestException e)
    {
        if (e.HttpRequestError == HttpRequestError.NameResolutionError) return FailureKind.Name;
        if (e.HttpRequestError != HttpRequestError.SecureConnectionError) return FailureKind.Unreachable;
        return (e.InnerException ?? e).Message.Contains("NotTimeValid", StringComparison.Ordinal) ? FailureKind.CertificateTime : FailureKind.Certificate;
    }

    private TimeSpan? Pause(RetryConditionHeaderValue? retry)
    {
        var pause = retry?.Delta ?? (retry?.Date - time.GetUtcNow());
        return pause < TimeSpan.Zero ? TimeSpan.Zero : pause > LongestPause ? LongestPause : pause;
    }

    private static string Words(HttpRequestException e) => e.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError => "its name cannot be resolved",
        HttpRequestError.ConnectionError => $"it cannot be reached ({(e.InnerException ?? e).Message})",
        HttpRequestError.SecureConnectionError => $"its certificate is not trusted ({(e.InnerException ?? e).Message})",
        _ => e.Message,
    };

    private sealed class RedirectLoopException(string message) : Exception(message);
}

/// <summary>The staging file could not be written: the disk's matter, not the source's.</summary>
internal sealed class StagingException(string message, IOException inner) : IOException(message, inner);

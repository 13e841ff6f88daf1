using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Medulla.Core.Incidents;
using Medulla.Core.Intents;
using Medulla.Core.Units;
using Medulla.Network;
using Medulla.State;

namespace Medulla.Reporting;

/// <summary>
/// Tells somebody of incidents that stay open. The loop hands over a reference and goes on; all else happens here: what is due,
/// posts within <see cref="Limit"/>, a back-off up to <see cref="LongestWait"/>, and a small file that keeps a restart from
/// repeating what was told. A receiver that is gone costs one post per back-off, and nothing else. A post that arrived while
/// the power went is repeated with the same key.
/// </summary>
/// <param name="file">Where what was told is kept.</param>
internal sealed partial class WebhookCourier : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(5);
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    /// <summary>A wait that is never reached because of a timer's own bound.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    private readonly Webhook _webhook;
    private readonly string _file;
    private readonly WebhookDevice _device;
    private readonly TimeProvider _time;
    private readonly ILogger<WebhookCourier> _log;
    private readonly WebhookBook _book;
    private readonly HttpClient _http;
    private readonly Channel<(ImmutableArray<Incident> Incidents, Instant Now)> _seen = Channel.CreateBounded<(ImmutableArray<Incident>, Instant)>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;
    private ImmutableArray<Incident> _last;
    private long _told;
    private long _failed;

    public WebhookCourier(Webhook webhook, string file, WebhookDevice device, TimeProvider time, ILogger<WebhookCourier> log)
    {
        (_webhook, _file, _device, _time, _log) = (webhook, file, device, time, log);
        _book = new WebhookBook(webhook.After);
        var address = webhook.Address.Reveal();
        var handler = Outbound.CreateHandler(Limit / 2);
        (handler.UseProxy, handler.PooledConnectionLifetime) = (!address.IsLoopback, TimeSpan.FromMinutes(2));
        _http = new HttpClient(handler) { Timeout = Limit };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("medulla", device.Version));
        if (address.UserInfo.Length > 0) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(address.UserInfo))));
        Recall();
        _work = Task.Run(WorkAsync);
    }

    /// <summary>Messages that arrived.</summary>
    public long Told => Interlocked.Read(ref _told);

    /// <summary>Posts that did not.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>The loop's thread: hands over a reference and returns.</summary>
    public void See(ImmutableArray<Incident> incidents, Instant now)
    {
        if (incidents == _last) return;
        _last = incidents;
        _seen.Writer.TryWrite((incidents, now));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task WorkAsync()
    {
        var (base0, offset) = (_time.GetTimestamp(), TimeSpan.Zero);
        var (failures, notBefore) = (0, TimeSpan.Zero);
        try
        {
            while (true)
            {
                // Boot time moves on with the clock that never jumps between two looks of the loop.
                var now = offset + _time.GetElapsedTime(base0);
                var due = _book.Due(now);
                var wait = due.IsEmpty ? _book.Wait(now) ?? Longest : notBefore - now;
                if (!due.IsEmpty && wait <= TimeSpan.Zero)
                {
                    if (await PostAsync(due[0]) is not { } reason)
                    {
                        (failures, notBefore) = (0, TimeSpan.Zero);
                        Interlocked.Increment(ref _told);
                        _book.Delivered(due[0]);
                        Remember();
                    }
                    else
                    {
                        var pause = TimeSpan.FromTicks(Math.Min(LongestWait.Ticks, FirstWait.Ticks << Math.Min(failures, 20)));
                        if (failures++ == 0) LogFailed(_webhook.Address.ToString(), due[0].Incident.Id, reason, pause);
                        notBefore = now + pause;
                        Interlocked.Increment(ref _failed);
                    }

                    continue;
                }

                if (await NextAsync(wait) is { } seen)
                {
                    (base0, offset) = (_time.GetTimestamp(), seen.Now.Boot);
                    _book.See(seen.Incidents, seen.Now);
                    Remember();
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The end of the daemon.
        }
    }

    /// <summary>What the loop saw next; null when the wait is over first.</summary>
    private async Task<(ImmutableArray<Incident> Incidents, Instant Now)?> NextAsync(TimeSpan wait)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        await using var timer = _time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), limit, wait < TimeSpan.Zero ? TimeSpan.Zero : wait > Longest ? Longest : wait, Timeout.InfiniteTimeSpan);
        try
        {
            return await _seen.Reader.ReadAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Null when it arrived; else why not.</summary>
    private async Task<string?> PostAsync(Letter letter)
    {
        try
        {
            var address = new UriBuilder(_webhook.Address.Reveal()) { UserName = "", Password = "" }.Uri;
            using var body = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(WebhookMessage.Of(letter, _device), WebhookJson.Default.WebhookMessage));
            body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = body };
            using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _stop.Token);
            return answer.IsSuccessStatusCode ? null : $"it answered {(int)answer.StatusCode}";
        }
        catch (HttpRequestException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return $"no answer within {Limit.TotalSeconds:0} s";
        }
    }

    private void Recall()
    {
        try
        {
            if (File.Exists(_file)) _book.Recall(JsonSerializer.Deserialize(File.ReadAllBytes(_file), WebhookJson.Default.ImmutableArrayIncident));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // Somebody may be told twice; the keys of both messages are the same.
        }
    }

    private void Remember()
    {
        try
        {
            var told = _book.Told;
            if (told.IsEmpty && !File.Exists(_file)) return;
            var bytes = JsonSerializer.SerializeToUtf8Bytes(told, WebhookJson.Default.ImmutableArrayIncident);
            if (File.Exists(_file) && bytes.AsSpan().SequenceEqual(File.ReadAllBytes(_file))) return;
            AtomicFile.Write(_file, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk: the next change tries again.
        }
    }

    [LoggerMessage(1101, LogLevel.Warning, "cannot tell {Address} of incident {Incident}: {Reason}; it is tried again in {Pause}")]
    private partial void LogFailed(string address, long incident, string reason, TimeSpan pause);
}

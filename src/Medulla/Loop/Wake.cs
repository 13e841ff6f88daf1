using System.Threading.Channels;

namespace Medulla.Loop;

/// <summary>
/// Reasons for the loop to look again. Any number of reasons between two ticks make one tick, so the channel holds one.
/// </summary>
internal sealed class Wake(TimeProvider time)
{
    private readonly Channel<string> _reasons = Channel.CreateBounded<string>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public void Now(string reason) => _reasons.Writer.TryWrite(reason);

    /// <summary>Returns when there is a reason, or after <paramref name="atMost"/> with the reason <c>heartbeat</c>.</summary>
    public async Task<string> NextAsync(TimeSpan atMost, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var timer = time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), limit, atMost, Timeout.InfiniteTimeSpan);
        try
        {
            return await _reasons.Reader.ReadAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return "heartbeat";
        }
    }
}

using System.Net;
using System.Net.Sockets;

namespace Medulla.Network;

/// <summary>
/// Connections to hosts of the internet. A name often stands for addresses of both families, and the path of one of them may swallow
/// everything: the addresses are dialled one after the other, a quarter of a second apart, and the first that answers is taken
/// (RFC 8305).
/// Bound: <see cref="MaxAddresses"/> attempts, each with one socket.
/// </summary>
internal static class Outbound
{
    public const int MaxAddresses = 8;

    /// <summary>How long an attempt has before the next is made beside it.</summary>
    public static readonly TimeSpan Stagger = TimeSpan.FromMilliseconds(250);

    /// <summary>A handler that connects so, directly or by the system's proxy, and follows no redirect by itself.</summary>
    /// <param name="connectLimit">For all addresses of a host together, and the handshake.</param>
    public static SocketsHttpHandler CreateHandler(TimeSpan connectLimit) => new()
    {
        AllowAutoRedirect = false,
        ConnectTimeout = connectLimit,
        ConnectCallback = static async (context, cancel) =>
        {
            var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
            return new NetworkStream(await DialAsync(InTurns(await Dns.GetHostAddressesAsync(host, cancel)), port, cancel), ownsSocket: true);
        },
    };

    /// <summary>The families in turns, beginning with that of the first address.</summary>
    public static IReadOnlyList<IPAddress> InTurns(IReadOnlyList<IPAddress> addresses)
    {
        if (addresses.Count == 0) return addresses;
        var first = addresses.Where(a => a.AddressFamily == addresses[0].AddressFamily).Select((a, i) => (Address: a, Place: 2 * i));
        var other = addresses.Where(a => a.AddressFamily != addresses[0].AddressFamily).Select((a, i) => (Address: a, Place: (2 * i) + 1));
        return [.. first.Concat(other).OrderBy(a => a.Place).Select(a => a.Address).Take(MaxAddresses)];
    }

    /// <summary>A socket that is connected to one of the addresses.</summary>
    /// <exception cref="SocketException">None of them could be connected to: what the first said.</exception>
    public static async Task<Socket> DialAsync(IReadOnlyList<IPAddress> addresses, int port, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var attempts = new List<Task<Socket>>();
        SocketException? problem = null;
        var next = 0;
        try
        {
            while (true)
            {
                cancel.ThrowIfCancellationRequested();
                if (next < addresses.Count) attempts.Add(ConnectAsync(addresses[next++], port, end.Token));
                else if (attempts.Count == 0) throw problem ?? new SocketException((int)SocketError.HostNotFound);

                var done = await Task.WhenAny(next < addresses.Count ? [.. attempts, Task.Delay(Stagger, end.Token)] : attempts);
                if (done is not Task<Socket> attempt) continue;
                attempts.Remove(attempt);
                try
                {
                    return await attempt;
                }
                catch (SocketException e)
                {
                    problem ??= e;
                }
            }
        }
        finally
        {
            await end.CancelAsync();
            foreach (var late in attempts) _ = late.ContinueWith(static t => t.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        }
    }

    private static async Task<Socket> ConnectAsync(IPAddress address, int port, CancellationToken cancel)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), cancel);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

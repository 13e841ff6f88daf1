using System.Net;
using System.Net.Sockets;

namespace Medulla.Gateway;

/// <summary>
/// The server below the gateway. The framework's limits are made for pages: a body of 30 MB and a least rate of bytes would
/// end long generations, so the gateway keeps its own bounds.
/// <para>
/// A request goes from socket to socket on the thread that saw its bytes, without a hop. It asks that nothing on the way
/// blocks: the gateway does not, and the other rooms step off that thread where they touch a disk
/// (<see cref="ConfigureAwaitOptions.ForceYielding"/>).
/// </para>
/// </summary>
internal static class GatewayKestrel
{
    private const int MaxConnections = 4096;

    /// <summary>Before the first socket of the process.</summary>
    public static void PreferInline() => Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

    /// <param name="bind">Gives the socket that clients connect to.</param>
    /// <param name="files">Files that this process may open; null when unknown. Clients get no more than half of them, so that the work behind them always has its own.</param>
    public static void Configure(IWebHostBuilder host, IPEndPoint listen, Func<EndPoint, Socket> bind, int? files) => host.UseSockets(sockets =>
    {
        sockets.UnsafePreferInlineScheduling = true;
        sockets.CreateBoundListenSocket = bind;
    }).ConfigureKestrel(kestrel =>
    {
        kestrel.Listen(listen);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MaxConcurrentConnections = files is { } most ? Math.Clamp(most / 2, 16, MaxConnections) : MaxConnections;
    });
}

using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Medulla.Gateway;

/// <summary>
/// The server below the gateway. The framework's limits are made for pages: a body of 30 MB and a least rate of bytes would
/// end long generations, so the gateway keeps its own bounds.
/// </summary>
internal static class GatewayKestrel
{
    public const int MaxConnections = 4096;

    public static void Configure(KestrelServerOptions kestrel, IPEndPoint listen)
    {
        kestrel.Listen(listen);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MaxConcurrentConnections = MaxConnections;
    }
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Medulla.Tests.FakeEngine;

/// <summary>What it was started with.</summary>
internal sealed class Options
{
    public static readonly string[] Known =
    [
        "--model", "--alias", "--host", "--port", "--ctx-size", "--parallel", "--threads", "--threads-batch", "--metrics", "--offline", "--no-ui", "--log-colors",
        "--cache-ram", "--cache-type-k", "--cache-type-v", "--ubatch-size", "--batch-size", "--flash-attn", "--embeddings", "--reranking", "--pooling",
    ];

    private static readonly string[] Switches = ["--metrics", "--offline", "--no-ui", "--embeddings", "--reranking"];

    public string Alias { get; private set; } = "fake";

    /// <summary>Tokens for all slots together.</summary>
    public int Context { get; private set; }

    private string Host { get; set; } = "127.0.0.1";

    private int Port { get; set; } = 9931;

    public string Key { get; } = Environment.GetEnvironmentVariable("LLAMA_API_KEY") ?? "";

    /// <returns>The first argument that it does not know; null when it knows all.</returns>
    public static string? Read(string[] args, out Options options)
    {
        options = new Options();
        for (var i = 0; i < args.Length; i++)
        {
            if (!Known.Contains(args[i], StringComparer.Ordinal)) return args[i];
            if (Switches.Contains(args[i], StringComparer.Ordinal)) continue;
            var value = args[++i];
            if (args[i - 1] == "--alias") options.Alias = value;
            if (args[i - 1] == "--ctx-size") options.Context = int.Parse(value, CultureInfo.InvariantCulture);
            if (args[i - 1] == "--host") options.Host = value;
            if (args[i - 1] == "--port") options.Port = int.Parse(value, CultureInfo.InvariantCulture);
        }

        return null;
    }

    public Socket Listen()
    {
        var unix = Host.EndsWith(".sock", StringComparison.Ordinal);
        var socket = unix ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(unix ? new UnixDomainSocketEndPoint(Host) : new IPEndPoint(IPAddress.Parse(Host), Port));
        socket.Listen(128);
        return socket;
    }
}

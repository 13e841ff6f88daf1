using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Medulla.Tests.Kit.Battery;

/// <summary>A source of models that does what a bad network or a bad server does.</summary>
public sealed class Mirror : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _accepting;
    private readonly string _does;
    private readonly X509Certificate2? _certificate;

    /// <param name="does">A status with its words, <c>stall</c>, <c>reset</c>, <c>loop</c>, <c>page</c>, <c>zeros=N</c>, <c>short=N</c>, <c>self-signed</c>, <c>expired</c>.</param>
    public Mirror(string does)
    {
        _does = does;
        _certificate = does is "self-signed" or "expired" ? Certificate(does == "expired") : null;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => $"http{(_certificate is null ? "" : "s")}://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _certificate?.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_end.Token);
                _ = Task.Run(() => AnswerAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The end.
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                Stream stream = client.GetStream();
                if (_certificate is not null)
                {
                    var secure = new SslStream(stream);
                    await secure.AuthenticateAsServerAsync(_certificate);
                    stream = secure;
                }

                await using var owned = stream;
                using var reader = new StreamReader(stream, Encoding.Latin1, false, 4096, leaveOpen: true);
                while (await reader.ReadLineAsync(_end.Token) is { Length: > 0 })
                {
                }

                await ReplyAsync(client, stream);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            // It went away, or did not trust us.
        }
    }

    private async Task ReplyAsync(TcpClient client, Stream stream)
    {
        switch (_does.Split('='))
        {
            case ["stall"]:
                await Task.Delay(Timeout.Infinite, _end.Token);
                break;
            case ["reset"]:
                client.Client.LingerState = new LingerOption(true, 0);
                break;
            case ["loop"]:
                await SayAsync("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                break;
            case ["page"]:
                await SayAsync("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 26\r\nConnection: close\r\n\r\n<!DOCTYPE html><html></htm");
                break;
            case ["zeros" or "short", var length]:
                var bytes = long.Parse(length, CultureInfo.InvariantCulture);
                await SayAsync($"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n");
                var zeros = new byte[1 << 20];
                for (var left = _does[0] == 's' ? bytes / 1000 : bytes; left > 0; left -= zeros.Length) await stream.WriteAsync(zeros.AsMemory(0, (int)Math.Min(left, zeros.Length)), _end.Token);
                break;
            default:
                await SayAsync($"HTTP/1.1 {_does}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                break;
        }

        async Task SayAsync(string text) => await stream.WriteAsync(Encoding.Latin1.GetBytes(text), _end.Token);
    }

    private static X509Certificate2 Certificate(bool expired)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var end = expired ? DateTimeOffset.UtcNow.AddYears(-1) : DateTimeOffset.UtcNow.AddYears(1);
        using var made = request.CreateSelfSigned(end.AddYears(-2), end);
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}

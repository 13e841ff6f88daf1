using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Medulla.Network;

namespace Medulla.Tests.Unit.Network;

public sealed class OutboundTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_address_that_swallows_everything_does_not_keep_from_the_one_that_answers()
    {
        using var answering = Listen(IPAddress.Parse("127.0.0.1"), 0, backlog: 16);
        var port = ((IPEndPoint)answering.LocalEndPoint!).Port;
        using var swallowing = Listen(IPAddress.Parse("127.0.0.2"), port, backlog: 0);
        var stuffed = new List<Socket>();
        try
        {
            await StuffAsync((IPEndPoint)swallowing.LocalEndPoint!, stuffed);
            var clock = Stopwatch.StartNew();
            using var socket = await Outbound.DialAsync([IPAddress.Parse("127.0.0.2"), IPAddress.Parse("127.0.0.1")], port, Cancel);
            Assert.Equal("127.0.0.1", ((IPEndPoint)socket.RemoteEndPoint!).Address.ToString());
            Assert.True(clock.Elapsed >= Outbound.Stagger * 0.9, "the first was given no time");
        }
        finally
        {
            foreach (var one in stuffed) one.Dispose();
        }
    }

    [Fact]
    public async Task An_address_that_refuses_is_passed_over_at_once_and_only_refusals_are_an_error()
    {
        using var answering = Listen(IPAddress.Parse("127.0.0.1"), 0, backlog: 16);
        var port = ((IPEndPoint)answering.LocalEndPoint!).Port;
        using (var socket = await Outbound.DialAsync([IPAddress.Parse("127.0.0.3"), IPAddress.Parse("127.0.0.1")], port, Cancel)) Assert.True(socket.Connected);
        var refused = await Assert.ThrowsAsync<SocketException>(() => Outbound.DialAsync([IPAddress.Parse("127.0.0.3"), IPAddress.Parse("127.0.0.4")], port, Cancel));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        await Assert.ThrowsAsync<SocketException>(() => Outbound.DialAsync([], port, Cancel));
    }

    [Fact]
    public async Task Who_gives_up_waits_for_no_address()
    {
        using var swallowing = Listen(IPAddress.Parse("127.0.0.2"), 0, backlog: 0);
        var stuffed = new List<Socket>();
        try
        {
            await StuffAsync((IPEndPoint)swallowing.LocalEndPoint!, stuffed);
            using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Outbound.DialAsync([IPAddress.Parse("127.0.0.2")], ((IPEndPoint)swallowing.LocalEndPoint!).Port, soon.Token).WaitAsync(TimeSpan.FromSeconds(30), Cancel));
        }
        finally
        {
            foreach (var one in stuffed) one.Dispose();
        }
    }

    [Fact]
    public void Families_take_turns()
    {
        static string Order(params string[] addresses) => string.Join(' ', Outbound.InTurns([.. addresses.Select(IPAddress.Parse)]));
        Assert.Equal("2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3", Order("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"));
        Assert.Equal("192.0.2.1 192.0.2.2", Order("192.0.2.1", "192.0.2.2"));
        Assert.Equal("", Order());
        Assert.Equal(Outbound.MaxAddresses, Outbound.InTurns([.. Enumerable.Range(1, 99).Select(i => IPAddress.Parse($"192.0.2.{i}"))]).Count);
    }

    [Fact]
    public async Task A_name_that_means_nothing_is_told_as_such()
    {
        using var http = new HttpMessageInvoker(Outbound.CreateHandler(TimeSpan.FromSeconds(20)));
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://no-such-host.invalid/");
        var problem = await Assert.ThrowsAsync<HttpRequestException>(() => http.SendAsync(request, Cancel));
        Assert.Equal(HttpRequestError.NameResolutionError, problem.HttpRequestError);
    }

    private static Socket Listen(IPAddress address, int port, int backlog)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, port));
        socket.Listen(backlog);
        return socket;
    }

    /// <summary>Connects until the listener's queue is full and the kernel drops what comes.</summary>
    private static async Task StuffAsync(IPEndPoint listener, List<Socket> stuffed)
    {
        for (var i = 0; i < 16; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            stuffed.Add(socket);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            limit.CancelAfter(TimeSpan.FromMilliseconds(200));
            try
            {
                await socket.ConnectAsync(listener, limit.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }

        Assert.Fail("the kernel took every connection");
    }
}

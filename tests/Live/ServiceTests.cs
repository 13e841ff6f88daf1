using System.Net.Sockets;
using System.Text;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>The daemon under a service manager: it says when it is there, that it is alive, and when it goes.</summary>
public class ServiceTests
{
    [Fact]
    public async Task A_manager_hears_that_the_endpoint_is_open_that_the_loop_turns_and_that_it_ends()
    {
        await using var device = new Device("notify");
        using var manager = Manager(device, out var path);
        device.Environment["NOTIFY_SOCKET"] = path;
        device.Environment["WATCHDOG_USEC"] = "1500000";
        device.Start("--engines", SurvivalTests.CopyOfFake(device, ""), "--no-climb");
        Assert.StartsWith("READY=1\nSTATUS=the endpoint is http://127.0.0.1:", await HearAsync(manager), StringComparison.Ordinal);
        await device.ServesAsync();
        await device.SettlesAsync();
        for (var beat = 0; beat < 4; beat++) Assert.Equal("WATCHDOG=1", await HearAsync(manager));
        var engine = Assert.Single(device.EnginePids());
        Assert.DoesNotContain("NOTIFY_SOCKET", await File.ReadAllTextAsync($"/proc/{engine}/environ", TestContext.Current.CancellationToken), StringComparison.Ordinal);

        Assert.Equal(0, await device.TerminateAsync());
        string last;
        do last = await HearAsync(manager);
        while (last == "WATCHDOG=1");
        Assert.Equal("STOPPING=1", last);
        Assert.Single(device.EnginePids());
    }

    [Fact]
    public async Task A_stop_by_the_owner_ends_with_the_code_that_keeps_a_service_down()
    {
        await using var device = new Device("staysdown");
        using var manager = Manager(device, out var path);
        device.Environment["NOTIFY_SOCKET"] = path;
        await device.Start("--engines", SurvivalTests.CopyOfFake(device, ""), "--no-climb").ServesAsync();
        Assert.Equal(0, (await device.RunAsync("stop")).Code);
        Assert.Equal(10, await device.ExitAsync());
        Assert.Empty(device.EnginePids());
    }

    private static Socket Manager(Device device, out string path)
    {
        path = Path.Combine(device.Folder, "n");
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private static async Task<string> HearAsync(Socket manager)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        var buffer = new byte[1024];
        return Encoding.UTF8.GetString(buffer, 0, await manager.ReceiveAsync(buffer, limit.Token));
    }
}

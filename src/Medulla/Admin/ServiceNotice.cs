using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Medulla.Admin;

/// <summary>
/// Tells a service manager of systemd's kind that the endpoint is open, that the loop turns, and that the daemon ends: datagrams
/// to the socket that its environment names. Without one, nothing. Takes the names out of the environment, so that no engine
/// speaks in the daemon's place. A manager that is gone costs nothing.
/// </summary>
internal sealed class ServiceNotice : IDisposable
{
    private readonly TimeProvider _time;
    private readonly Socket? _socket;
    private readonly UnixDomainSocketEndPoint? _manager;
    private long _said;

    private ServiceNotice(string? path, TimeSpan? interval, TimeProvider time)
    {
        _time = time;
        Interval = path is null ? null : interval;
        if (path is null) return;
        _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
        _manager = new UnixDomainSocketEndPoint(path[0] == '@' ? "\0" + path[1..] : path);
    }

    /// <summary>True when a manager started this daemon and listens.</summary>
    public bool IsManaged => _socket is not null;

    /// <summary>How often the manager must hear from the loop, halved and more; null when it does not care.</summary>
    public TimeSpan? Interval { get; }

    public static ServiceNotice FromEnvironment(TimeProvider time)
    {
        var path = Environment.GetEnvironmentVariable("NOTIFY_SOCKET");
        var ours = Environment.GetEnvironmentVariable("WATCHDOG_PID") is not { Length: > 0 } pid || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        var interval = ours && long.TryParse(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out var micros) && micros > 0 ? TimeSpan.FromMicroseconds(micros / 3.0) : (TimeSpan?)null;
        foreach (var name in new[] { "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC" }) Environment.SetEnvironmentVariable(name, null);
        return new ServiceNotice(path is { Length: > 1 } && path[0] is '/' or '@' ? path : null, interval, time);
    }

    /// <summary>The endpoint is open.</summary>
    public void Ready(string endpoint) => Say($"READY=1\nSTATUS=the endpoint is {endpoint}");

    /// <summary>The loop has turned. Said no more often than the manager needs.</summary>
    public void Alive()
    {
        if (Interval is not { } interval || (_said != 0 && _time.GetElapsedTime(_said) < interval / 2)) return;
        _said = _time.GetTimestamp();
        Say("WATCHDOG=1");
    }

    /// <summary>The daemon ends.</summary>
    public void Stopping() => Say("STOPPING=1");

    public void Dispose() => _socket?.Dispose();

    private void Say(string text)
    {
        try
        {
            _socket?.SendTo(Encoding.UTF8.GetBytes(text), _manager!);
        }
        catch (SocketException)
        {
            // The manager is gone or does not listen: whom it concerns will see to it.
        }
    }
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Medulla.State;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Medulla.Admin;

/// <summary>
/// The socket that clients connect to. A daemon that begins anew leaves it open for the next one: who connects meanwhile waits in the
/// system's queue, and is served by the next.
/// </summary>
internal sealed class FrontDoor
{
    /// <summary>Names the descriptor to the next daemon, which has the same environment.</summary>
    private const string LeftOpen = "MEDULLA_LISTENS";

    private const int SocketLevel = 1;
    private const int IsListening = 30;

    private Socket? _socket;

    /// <summary>The socket that an earlier daemon left open for this address, or a new one.</summary>
    public Socket Bind(EndPoint address) => _socket = Inherited(address) ?? SocketTransportOptions.CreateDefaultBoundListenSocket(address);

    /// <summary>Keeps the queue open although the server closes its door. Called when no process is started any more but the next daemon.</summary>
    public void LeaveOpen()
    {
        if (!OperatingSystem.IsLinux() || _socket is not { SafeHandle.IsInvalid: false } socket) return;
        var descriptor = (int)socket.SafeHandle.DangerousGetHandle();
        try
        {
            // One that others may share is closed without being shut down for all of them.
            Posix.CloseOnExec(descriptor, false);
            Posix.SetVariable(LeftOpen, Posix.Duplicate(descriptor).ToString(CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            // No descriptor is left: the next daemon makes its own door.
        }
    }

    private static Socket? Inherited(EndPoint address)
    {
        if (!OperatingSystem.IsLinux() || !int.TryParse(Environment.GetEnvironmentVariable(LeftOpen), NumberStyles.None, CultureInfo.InvariantCulture, out var descriptor)) return null;
        Posix.SetVariable(LeftOpen, null);
        Environment.SetEnvironmentVariable(LeftOpen, null);
        try
        {
            Posix.CloseOnExec(descriptor, true);
            var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
            if (Listens(socket) && socket.LocalEndPoint is IPEndPoint at && address is IPEndPoint wanted && at.Address.Equals(wanted.Address) && (wanted.Port == 0 || wanted.Port == at.Port)) return socket;
            socket.Dispose();
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            // It is no socket, or it is gone: the door is made anew.
        }

        return null;
    }

    private static bool Listens(Socket socket)
    {
        Span<byte> listens = stackalloc byte[sizeof(int)];
        return socket.GetRawSocketOption(SocketLevel, IsListening, listens) == sizeof(int) && listens[0] != 0;
    }
}

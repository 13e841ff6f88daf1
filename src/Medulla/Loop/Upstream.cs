using System.Net;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Loop;

/// <summary>
/// How to reach one ready instance, and how many requests it is working on. The engines room makes it, the gateway
/// counts, both read.
/// </summary>
/// <param name="id">The instance.</param>
/// <param name="socket">Path of its Unix socket, short enough to connect to (below 108 bytes).</param>
/// <param name="key">The instance's own key, sent as a bearer token.</param>
/// <param name="slots">Requests that it works on at once.</param>
internal sealed class Upstream(InstanceId id, string socket, Secret key, int slots)
{
    private static readonly TimeSpan JustNow = TimeSpan.FromSeconds(2);

    private int _requests;
    private int _awaited;
    private int _errors;
    private int _broken;
    private long _brokeAt = long.MinValue / 2;
    private long _moved;
    private long _usedAt;
    private volatile bool _closed;

    public InstanceId Id { get; } = id;

    public string Socket { get; } = socket;

    /// <summary>The key as it is sent: made once, for it is sent with every request.</summary>
    public string Authorization { get; } = "Bearer " + key.Reveal();

    public Backlog Backlog { get; } = new(Math.Max(1, slots));

    /// <summary>Requests in flight to it now.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>True once it takes no new requests: it is being stopped, or it is gone.</summary>
    public bool IsClosed => _closed;

    /// <summary>True when it ended by itself, and not because somebody ended it.</summary>
    public bool Crashed { get; set; }

    /// <summary>True once it has refused our key: nobody else's is ever sent to it.</summary>
    public bool RefusesKey { get; set; }

    /// <summary>Answers in a row by which it said that something went wrong in it. What a client did wrong is not among them.</summary>
    public int ErrorsInARow => Volatile.Read(ref _errors);

    /// <summary>What it said to a request. Being loaded, and not knowing how, are no errors.</summary>
    public void Said(HttpStatusCode status)
    {
        if (status is HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout) Interlocked.Increment(ref _errors);
        else if (_errors != 0) Forgive();
    }

    /// <summary>It gave a token since: its errors were the requests' own.</summary>
    public void Forgive() => Volatile.Write(ref _errors, 0);

    /// <summary>Requests that were at work in it when it ended.</summary>
    public int AtWork { get; set; }

    /// <summary>A request's connection broke: its engine may be about to be known as dead.</summary>
    public void Broke()
    {
        var now = Environment.TickCount64;
        if (now - Interlocked.Exchange(ref _brokeAt, now) > JustNow.TotalMilliseconds) Volatile.Write(ref _broken, 0);
        Interlocked.Increment(ref _broken);
    }

    /// <summary>Those that broke a moment ago.</summary>
    public int BrokenJustNow => Environment.TickCount64 - Interlocked.Read(ref _brokeAt) <= JustNow.TotalMilliseconds ? Volatile.Read(ref _broken) : 0;

    /// <summary>Cancelled when requests that are still in flight must be let go of: the drain is over, or the process is gone.</summary>
    public CancellationTokenSource LetGo { get; } = new();

    /// <summary>Counts a request in; false when it takes no more. A true answer owes one <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        Interlocked.Increment(ref _requests);
        if (!_closed) return true;
        Leave();
        return false;
    }

    /// <summary>Requests that wait for something from the engine right now; one that waits for its client to read is not among them.</summary>
    public int Awaited => Volatile.Read(ref _awaited);

    /// <summary>Counts up whenever something came from the engine.</summary>
    public long Moved => Volatile.Read(ref _moved);

    /// <summary>Something is awaited from the engine. Owes one <see cref="Came"/> or <see cref="GiveUp"/>.</summary>
    public void Await() => Interlocked.Increment(ref _awaited);

    public void Came()
    {
        Interlocked.Increment(ref _moved);
        Interlocked.Decrement(ref _awaited);
    }

    public void GiveUp() => Interlocked.Decrement(ref _awaited);

    /// <summary>Boot time at which a request last left it; null when none has.</summary>
    public TimeSpan? UsedAt => Volatile.Read(ref _usedAt) is > 0 and var ticks ? new TimeSpan(ticks) : null;

    public void Leave()
    {
        Volatile.Write(ref _usedAt, Posix.BootTime().Ticks);
        Interlocked.Decrement(ref _requests);
    }

    public void Close() => _closed = true;
}

using Medulla.Loop;

namespace Medulla.Gateway;

/// <summary>Bounds and rights of the gateway.</summary>
internal sealed record GatewayOptions
{
    /// <summary>What clients must send as a bearer token; null for none, on loopback only.</summary>
    public required Secret? Key { get; init; }

    /// <summary>What the command line of this machine sends instead.</summary>
    public required Secret LocalToken { get; init; }

    /// <summary>Longest request body: it is held in memory, so that a request can be sent again when an engine dies.</summary>
    public int BodyLimit { get; init; } = 32 << 20;

    /// <summary>All bodies together that are held at once; more are turned away.</summary>
    public long HeldBodiesLimit { get; init; } = 512 << 20;

    /// <summary>Longest answer that is held back until it is whole, so that an engine's death in the middle is not the client's.</summary>
    public int HeldAnswerLimit { get; init; } = 4 << 20;

    /// <summary>How long a request waits for an instance.</summary>
    public TimeSpan WaitLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Requests that wait at once; more are turned away.</summary>
    public int MaxWaiting { get; init; } = 256;
}

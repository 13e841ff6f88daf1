namespace Medulla.Core.Intents;

/// <summary>Whom the device tells about itself. No part of what runs: a change here moves no target and no generation.</summary>
public sealed record Reporting
{
    public static readonly Reporting None = new();

    /// <summary>Null for none.</summary>
    public Webhook? Webhook { get; init; }

    /// <summary>A collector of OpenTelemetry, by its base address; null for the one of the environment, if any.</summary>
    public SecretAddress? Otlp { get; init; }
}

/// <summary>Who is told of an incident that the device does not close by itself.</summary>
/// <param name="After">How long it stays open before somebody is told.</param>
public sealed record Webhook(SecretAddress Address, TimeSpan After);

/// <summary>An address that may carry secrets in its account, path or query: printed, it is its scheme and host.</summary>
public sealed record SecretAddress
{
    private readonly Uri _value;

    public SecretAddress(Uri value) => _value = value;

    /// <summary>The address itself; ask for it only to connect.</summary>
    public Uri Reveal() => _value;

    public override string ToString() =>
        $"{_value.Scheme}://{(_value.UserInfo.Length > 0 ? "***@" : "")}{_value.Authority[(_value.Authority.LastIndexOf('@') + 1)..]}{(_value.PathAndQuery is "/" or "" ? "" : "/***")}";
}

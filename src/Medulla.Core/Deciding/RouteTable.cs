using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Core.Deciding;

/// <summary>Where requests go: an immutable snapshot that the gateway reads.</summary>
/// <param name="Version">Counts up by one with each change.</param>
/// <param name="Routes">One per workload of the intent, served or not.</param>
/// <param name="Degraded">Why the device serves less than it should; null when it does not.</param>
public sealed record RouteTable(long Version, ImmutableArray<Route> Routes, string? Degraded)
{
    public static readonly RouteTable Empty = new(0, [], "starting");

    /// <summary>By workload name first, then by model id.</summary>
    public Route? Find(string model) =>
        Routes.FirstOrDefault(r => string.Equals(r.Workload.Value, model, StringComparison.Ordinal)) ??
        Routes.FirstOrDefault(r => string.Equals(r.Model?.Value, model, StringComparison.Ordinal));
}

/// <summary>How one workload is served now.</summary>
public sealed record Route
{
    public required WorkloadName Workload { get; init; }

    public required WorkloadTask Task { get; init; }

    /// <summary>The instance that answers; null when none does now.</summary>
    public required InstanceId? Instance { get; init; }

    /// <summary>The model that answers or will; null when none has been chosen.</summary>
    public required ModelId? Model { get; init; }

    /// <summary>True when an instance is expected soon, so that waiting makes sense.</summary>
    public required bool Expected { get; init; }

    /// <summary>True when its instance is loaded when somebody asks.</summary>
    public bool OnDemand { get; init; }

    /// <summary>An instance answers, or the next request loads one.</summary>
    public bool IsServed => Instance is not null || (OnDemand && Expected);

    /// <summary>Why no instance answers; null when one does.</summary>
    public required string? Reason { get; init; }

    /// <summary>Tokens per request; 0 when unknown.</summary>
    public required int Context { get; init; }
}

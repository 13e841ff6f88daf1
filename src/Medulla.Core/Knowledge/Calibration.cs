namespace Medulla.Core.Knowledge;

/// <summary>
/// What the evidence taught, small enough to travel in a catalog bundle: corrections on the logarithm of the speed, how far predictions have
/// been off, and what was known of the hardware and models that were measured. Immutable; read by the speed model, made by
/// its fit.
/// </summary>
public sealed record Calibration
{
    /// <summary>Nothing measured: predictions are priors, with wide intervals.</summary>
    public static readonly Calibration Empty = new() { Keys = [], Corrections = [], Spreads = [], Hardware = [], Models = new Dictionary<string, ModelFacts>(StringComparer.Ordinal) };

    /// <summary>Hashes of the corrections, ascending.</summary>
    public required uint[] Keys { get; init; }

    /// <summary>Thousandths of the logarithm, in the order of <see cref="Keys"/>.</summary>
    public required short[] Corrections { get; init; }

    public required Spread[] Spreads { get; init; }

    /// <summary>The hardware that was measured, by id.</summary>
    public required MeasuredHardware[] Hardware { get; init; }

    /// <summary>The models that were measured, by catalog id.</summary>
    public required IReadOnlyDictionary<string, ModelFacts> Models { get; init; }
}

/// <summary>How far predictions have been off, on the logarithm of measured over predicted.</summary>
/// <param name="Class">Class of hardware; empty for all.</param>
/// <param name="Basis">Community: rows kept aside of hardware that has others. Estimate: hardware kept aside altogether.</param>
/// <param name="Low">A tenth were below it.</param>
/// <param name="High">A tenth were above it.</param>
public sealed record Spread(Phase Phase, string Class, Basis Basis, double Low, double High);

/// <summary>Hardware that somebody measured.</summary>
/// <param name="Id">As the evidence names it, without a count.</param>
/// <param name="Decode">Measurements of decode that were used.</param>
/// <param name="Prefill">Measurements of prefill that were used.</param>
public sealed record MeasuredHardware(string Id, int Decode, int Prefill, HardwareFacts Facts);

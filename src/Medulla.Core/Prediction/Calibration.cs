namespace Medulla.Core.Prediction;

/// <summary>
/// What the evidence taught, small enough to travel in a catalog bundle: corrections on the logarithm of the speed, how far predictions have
/// been off, and what was known of the hardware and models that were measured. Immutable; read by <see cref="SpeedModel"/>, made by
/// <see cref="CalibrationFit"/>.
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

    /// <summary>What was measured of hardware with this id, without a count; null when nothing was.</summary>
    internal MeasuredHardware? Find(string id) => id.Length == 0 ? null : Array.Find(Hardware, h => h.Id == id);

    /// <summary>The work with what is known of its hardware and its model filled in where it says nothing.</summary>
    internal Work Complete(Work work)
    {
        var model = work.ModelId is { Length: > 0 } id ? Models.GetValueOrDefault(id) : null;
        var facts = Find(Resolved.BoxOf(work.Hardware ?? ""))?.Facts;
        return work with
        {
            BandwidthGBs = work.BandwidthGBs ?? facts?.BandwidthGBs,
            Fp16Tflops = work.Fp16Tflops ?? facts?.Fp16Tflops,
            Fp32Tflops = work.Fp32Tflops ?? facts?.Fp32Tflops,
            ParametersB = work.ParametersB ?? model?.ParametersB,
            ActiveB = work.ActiveB ?? (work.ParametersB is null || work.ParametersB == model?.ParametersB ? model?.ActiveB : null),
            KvBytesPerToken = work.KvBytesPerToken ?? model?.KvBytesPerToken,
        };
    }

    /// <summary>The correction, and whether there is one.</summary>
    internal bool Find(uint key, out double correction)
    {
        var at = Array.BinarySearch(Keys, key);
        correction = at < 0 ? 0 : Corrections[at] / 1000.0;
        return at >= 0;
    }
}

/// <summary>How far predictions have been off, on the logarithm of measured over predicted.</summary>
/// <param name="Class">Class of hardware; empty for all.</param>
/// <param name="Basis">Community: rows kept aside of hardware that has others. Estimate: hardware kept aside altogether.</param>
/// <param name="Low">A tenth were below it.</param>
/// <param name="High">A tenth were above it.</param>
public sealed record Spread(Phase Phase, string Class, Basis Basis, double Low, double High);

/// <summary>Hardware that somebody measured.</summary>
/// <param name="Id">As in <see cref="Work.Hardware"/>, without a count.</param>
/// <param name="Decode">Measurements of decode that were used.</param>
/// <param name="Prefill">Measurements of prefill that were used.</param>
public sealed record MeasuredHardware(string Id, int Decode, int Prefill, HardwareFacts Facts);

using System.Globalization;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;

namespace Medulla.Catalogs;

/// <summary>What physics refuses, and what nobody else has seen.</summary>
public static class EvidenceCheck
{
    /// <summary>A speed this many times off what everything else says is looked at by a person before anything learns from it.</summary>
    private const double FarOff = 6;

    /// <summary>Decode of one stream faster than the memory can be read: it was not that, or not on this.</summary>
    public static IReadOnlyList<string> Impossible(ImmutableArray<Evidence> evidence) =>
    [
        .. from e in evidence
           from run in e.Runs
           where run.Suspect.Length == 0 && !run.Speculative
           from point in run.Points
           where point is { IsDecode: true, Concurrency: 1 }
           let most = Roofline.Decode(Measurement.WorkOf(e, run, point))
           where point.TokensPerSecond > most
           select string.Create(CultureInfo.InvariantCulture, $"catalog/evidence/{e.Hardware}.yaml: {run.Model.Name} {run.Quant} by {run.By}: {point.TokensPerSecond:0.#} tokens/s is faster than its memory can be read ({most:0.#}); mark the run 'suspect' and say why"),
    ];

    /// <summary>Runs that stand alone against what was learned from all.</summary>
    public static IReadOnlyList<string> Outliers(ImmutableArray<Evidence> evidence, Calibration calibration) =>
    [
        .. from e in evidence
           from run in e.Runs
           where run.Suspect.Length == 0 && !run.Speculative
           from point in run.Points
           let expected = SpeedModel.Predict(calibration, Measurement.WorkOf(e, run, point)).TokensPerSecond
           let off = Math.Max(point.TokensPerSecond / expected, expected / point.TokensPerSecond)
           where off > FarOff
           select string.Create(CultureInfo.InvariantCulture, $"catalog/evidence/{e.Hardware}.yaml: {run.Model.Name} {run.Quant} by {run.By}: {point.TokensPerSecond:0.##} tokens/s where {expected:0.##} are expected; mark the run 'suspect' until a second source agrees"),
    ];
}

using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>A measurement made ready for fitting.</summary>
/// <param name="Residual">Logarithm of measured over <see cref="Timing"/>.</param>
internal sealed record Sample(string Box, string Class, Phase Phase, double Residual, List<Feature> Features)
{
    public static Sample Of(Measurement measurement)
    {
        var resolved = Resolved.Of(measurement.Work);
        var timing = Timing.Of(resolved);
        return new Sample(resolved.Box, measurement.Work.HardwareClass, measurement.Work.Phase, Math.Log(measurement.TokensPerSecond) - timing.LogSpeed, Prediction.Features.Of(resolved, timing));
    }
}

using Medulla.Core.Intents;
using Medulla.Core.Knowledge;

namespace Medulla.Core.Blueprints;

/// <summary>How fast a choice is expected to be.</summary>
/// <param name="TokensPerS">Of one request alone, a typical prompt deep.</param>
/// <param name="Low">Nine of ten boxes are faster.</param>
/// <param name="High">One of ten boxes is faster.</param>
/// <param name="Together">Tokens per second of all slots at work together; only asked where it decides.</param>
/// <param name="PromptTokensPerS">Of a typical prompt.</param>
/// <param name="FirstToken">From a typical prompt to the first token of its answer.</param>
/// <param name="Basis">What the decode speed rests on.</param>
/// <param name="Because">The same in a sentence; only asked of what is chosen.</param>
public sealed record Forecast(double TokensPerS, double Low, double High, Lazy<double> Together, double PromptTokensPerS, TimeSpan FirstToken, Basis Basis, Lazy<string> Because)
{
    public string Reason => Because.Value;

    public double TogetherTokensPerS => Together.Value;

    /// <summary>What is counted on: a third of the way from what is expected to what nine of ten boxes reach.</summary>
    public double CautiousTokensPerS => TokensPerS * Math.Pow(Math.Clamp(Low / Math.Max(1e-9, TokensPerS), 0.01, 1), 1 / 3.0);

    public bool Meets(ServiceLevel? level) =>
        level is null || ((level.TokensPerS is null || CautiousTokensPerS >= level.TokensPerS) && (level.FirstToken is null || FirstToken <= level.FirstToken));

    /// <summary>A choice that is spread over an accelerator and the host computes on one after the other.</summary>
    /// <param name="onHost">Share of the bytes of a token that the host reads, 0 to 1.</param>
    public static Forecast Spread(Forecast device, Forecast host, double onHost)
    {
        var decode = Both(device.TokensPerS, host.TokensPerS);

        // The host's part of a long prompt is computed on the device where that pays: half of the distance.
        var prompt = Both(device.PromptTokensPerS, Math.Max(host.PromptTokensPerS, device.PromptTokensPerS / 8));
        var first = TimeSpan.FromSeconds(device.FirstToken.TotalSeconds * device.PromptTokensPerS / Math.Max(1e-6, prompt));
        return new Forecast(decode, Both(device.Low, host.Low) * 0.8, Both(device.High, host.High) * 1.2, new Lazy<double>(() => Both(device.TogetherTokensPerS, host.TogetherTokensPerS)), prompt, first, Basis.Estimate, new Lazy<string>(() => $"{1 - onHost:P0} of each token on the device and {onHost:P0} in host memory; {device.Reason}"));

        double Both(double fast, double slow) => OneAfterTheOther(fast, slow, onHost);
    }

    /// <summary>Tokens per second of two that work in turn.</summary>
    public static double OneAfterTheOther(double device, double host, double onHost) => 1 / (((1 - onHost) / Math.Max(1e-9, device)) + (onHost / Math.Max(1e-9, host)));
}

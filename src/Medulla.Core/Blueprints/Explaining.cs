using System.Globalization;
using Medulla.Core.Intents;

namespace Medulla.Core.Blueprints;

/// <summary>Choices in sentences.</summary>
public static class Explaining
{
    /// <summary>Why this one, against the next best of another model.</summary>
    /// <param name="all">Every candidate, best first.</param>
    public static string Why(Candidate chosen, IReadOnlyList<Candidate> all, Workload workload)
    {
        var next = all.FirstOrDefault(c => c.Model.Id != chosen.Model.Id && c.Spec.Merit <= chosen.Spec.Merit);
        var quality = chosen.Model.QualityAt(workload.Skill);
        var level = chosen.Forecast is not { } forecast ? "" : forecast.Meets(workload.Level) ? " and is fast enough" : IsExpectedToMeet(forecast, workload.Level!) ? " and should be fast enough" : ", although it is slower than wanted";
        var own = all.Any(c => c.Model.QualityAt(workload.Skill) > quality) ? $"the best balance of quality ({quality}) and what it costs{level}" : $"the best quality ({quality}) that fits{level}";
        return next is null ? $"{own}; nothing else fits" : $"{own}; the next is {next.Model.Id} {next.Spec.Quant}: {Against(chosen, next, workload)}";
    }

    /// <summary>What speaks against a candidate that was not chosen.</summary>
    public static string Against(Candidate chosen, Candidate other, Workload workload)
    {
        var reasons = new List<string>();
        var (quality, best) = (other.Model.QualityAt(workload.Skill), chosen.Model.QualityAt(workload.Skill));
        if (other.Model.Placeholder) reasons.Add("it only keeps an unconfigured device answering");
        if (other.Forecast is { } f && !f.Meets(workload.Level)) reasons.Add(Slow(f, workload.Level!));
        if (other.Spec.Context < chosen.Spec.Context) reasons.Add($"only {other.Spec.Context} tokens of context fit");
        if (other.Spec.Parallel < chosen.Spec.Parallel) reasons.Add($"only {other.Spec.Parallel} requests at once fit");
        if (quality < best) reasons.Add($"quality {quality} instead of {best}");
        var loss = Merit.QuantLoss(other.File, other.Model) - Merit.QuantLoss(chosen.File, chosen.Model);
        if (loss > 0) reasons.Add(string.Create(CultureInfo.InvariantCulture, $"its {other.Spec.Quant} loses {loss:0.#} more than {chosen.Spec.Quant}"));
        if (reasons.Count == 0 && other.Forecast is { } slower && chosen.Forecast is { } faster && slower.TogetherTokensPerS < faster.TogetherTokensPerS)
        {
            reasons.Add(string.Create(CultureInfo.InvariantCulture, $"as good, and slower ({slower.TogetherTokensPerS:0.#} instead of {faster.TogetherTokensPerS:0.#} tokens/s together)"));
        }

        if (reasons.Count == 0) reasons.Add("as good, and larger");
        return string.Join(", ", reasons);
    }

    private static bool IsExpectedToMeet(Forecast forecast, ServiceLevel level) => !(forecast.TokensPerS < level.TokensPerS) && !(forecast.FirstToken > level.FirstToken);

    private static string Slow(Forecast forecast, ServiceLevel level)
    {
        var missed = new List<string>();
        if (forecast.TokensPerS < level.TokensPerS) missed.Add(string.Create(CultureInfo.InvariantCulture, $"{forecast.TokensPerS:0.#} tokens/s where {level.TokensPerS:0.#} are wanted"));
        if (forecast.FirstToken > level.FirstToken) missed.Add(string.Create(CultureInfo.InvariantCulture, $"{forecast.FirstToken.TotalSeconds:0.#} s to the first token where {level.FirstToken.Value.TotalSeconds:0.#} are wanted"));
        if (missed.Count == 0) missed.Add(string.Create(CultureInfo.InvariantCulture, $"perhaps slower than the {level.TokensPerS:0.#} tokens/s that are wanted ({forecast.Low:0.#} to {forecast.High:0.#})"));
        return string.Join(", ", missed);
    }
}

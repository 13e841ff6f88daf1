using System.Globalization;

namespace Medulla.Core.Prediction;

/// <summary>A <see cref="Work"/> with everything filled in: what was said, else what the name says, else what its class usually has.</summary>
internal sealed record Resolved
{
    private const double GiB = 1L << 30;

    public required Work Work { get; init; }

    public required ClassPrior Prior { get; init; }

    public required Quant Quant { get; init; }

    /// <summary>Hardware id without its count: <c>rtx-3090</c> of <c>4x-rtx-3090</c>. Empty when unknown.</summary>
    public required string Box { get; init; }

    public required string Generation { get; init; }

    public required double Parameters { get; init; }

    public required double Active { get; init; }

    /// <summary>Weights in bytes.</summary>
    public required double Weights { get; init; }

    public required double KvBytes { get; init; }

    /// <summary>Bytes per second of one device.</summary>
    public required double Bandwidth { get; init; }

    public required double Fp16Tflops { get; init; }

    public required double Fp32Tflops { get; init; }

    public required bool IsBandwidthKnown { get; init; }

    public required bool IsSizeKnown { get; init; }

    public required bool AreWeightsKnown { get; init; }

    public bool IsMoe => Active < 0.95 * Parameters;

    /// <summary>True for engines that let all devices work on one token; the others pass it from device to device.</summary>
    public bool IsTensorParallel => Work.Devices > 1 && (Work.Engine.StartsWith("vllm", StringComparison.Ordinal) || Work.Engine.StartsWith("sglang", StringComparison.Ordinal));

    public static Resolved Of(Work work)
    {
        var prior = ClassPrior.Of(work.HardwareClass, work.BandwidthGBs);
        var quant = Quant.Of(work.Quant);
        var box = BoxOf(work.Hardware ?? "");
        var parameters = Positive(work.ParametersB) ?? SizeIn(work.Model, active: false);
        if (parameters is null && Positive(work.WeightsGiB) is { } gib) parameters = gib * GiB * 8 / quant.Bits / 1e9;
        var all = parameters ?? 8;
        var active = Math.Min(all, Positive(work.ActiveB) ?? SizeIn(work.Model, active: true) ?? all);
        var bandwidth = Positive(work.BandwidthGBs);
        var generation = Prediction.Generation.Of(box);
        var fp32 = Positive(work.Fp32Tflops) ?? (Positive(work.Fp16Tflops) is { } matrix ? matrix / prior.MatrixPerVector : prior.VectorPerGBs * (bandwidth ?? prior.BandwidthGBs));
        return new Resolved
        {
            Work = work,
            Prior = prior,
            Quant = quant,
            Box = box,
            Generation = generation,
            Parameters = all,
            Active = active,
            Weights = (Positive(work.WeightsGiB) * GiB) ?? all * 1e9 * quant.Bits / 8,
            KvBytes = KvShare(work.Options) * (Positive(work.KvBytesPerToken) ?? KnownCache.Of(work.ModelId ?? "") ?? KnownCache.Of(work.Model) ?? (active < 0.95 * all ? 90_000 * Math.Pow(all / 30, 0.3) : 131_072 * Math.Sqrt(Math.Min(all, 120) / 8))),
            Bandwidth = (bandwidth ?? prior.BandwidthGBs) * 1e9,
            // Pascal has no fast half precision: a weight costs twice as much to unpack there.
            Fp32Tflops = generation is "pascal" ? fp32 / 2.2 : fp32,
            Fp16Tflops = Positive(work.Fp16Tflops) ?? (Positive(work.Fp32Tflops) is { } vector ? vector * prior.MatrixPerVector : prior.MatrixPerGBs * (bandwidth ?? prior.BandwidthGBs)),
            IsBandwidthKnown = bandwidth is not null,
            IsSizeKnown = parameters is not null,
            AreWeightsKnown = Positive(work.WeightsGiB) is not null,
        };
    }

    /// <summary><c>4x-rtx-3090</c> is four of <c>rtx-3090</c>.</summary>
    public static string BoxOf(string hardware)
    {
        var digits = 0;
        while (digits < hardware.Length && char.IsAsciiDigit(hardware[digits])) digits++;
        return digits > 0 && hardware.AsSpan(digits).StartsWith("x-") ? hardware[(digits + 2)..] : hardware;
    }

    /// <summary>A quantised cache is smaller than its f16.</summary>
    private static double KvShare(string options) =>
        options.Contains("kv=q8", StringComparison.Ordinal) ? 0.53 : options.Contains("kv=q4", StringComparison.Ordinal) ? 0.28 : 1;

    private static double? Positive(double? value) => value is > 0 and < 1e9 ? value : null;

    /// <summary>The <c>30b</c> or the <c>a3b</c> of <c>qwen3-30b-a3b</c>, or the <c>270m</c> of a small model, in 1e9; null when the name has none.</summary>
    private static double? SizeIn(string name, bool active)
    {
        for (var i = 0; i < name.Length; i++)
        {
            if (!char.IsAsciiDigit(name[i])) continue;
            var end = i;
            while (end < name.Length && (char.IsAsciiDigit(name[end]) || name[end] == '.')) end++;
            var unit = end < name.Length ? char.ToLowerInvariant(name[end]) : ' ';
            var ends = end + 1 >= name.Length || !char.IsAsciiLetter(name[end + 1]);
            var isActive = i > 0 && name[i - 1] is 'a' or 'A' && (i < 2 || !char.IsAsciiLetter(name[i - 2]));
            if (unit is 'b' or 'm' && ends && isActive == active && double.TryParse(name.AsSpan(i, end - i), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var size) && size > 0)
            {
                return unit == 'b' ? size : size / 1000;
            }

            i = end;
        }

        return null;
    }
}

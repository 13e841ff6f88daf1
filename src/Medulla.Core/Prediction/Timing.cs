using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>
/// Where the time of one token goes, before any evidence: reading weights, reading or attending to the context, arithmetic, and the rest. The
/// fit scales each part by its share of the whole.
/// </summary>
/// <param name="LogSpeed">Natural logarithm of tokens per second, all streams together.</param>
/// <param name="Read">Share of the time that goes into weights: in decode reading them, in prefill multiplying with them.</param>
/// <param name="Context">Share that goes into the context.</param>
/// <param name="Unpack">Share that goes into unpacking weights; 0 in prefill.</param>
/// <param name="Overhead">Share of everything that does not depend on the model's bytes.</param>
internal readonly record struct Timing(double LogSpeed, double Read, double Context, double Unpack, double Overhead)
{
    private const double AlwaysActive = 0.35;

    public static Timing Of(Resolved of) => of.Work.Phase == Phase.Decode ? Decode(of) : Prefill(of);

    private static Timing Decode(Resolved of)
    {
        var (work, prior) = (of.Work, of.Prior);
        var streams = Math.Max(1, work.Concurrency);
        var share = of.Active / of.Parameters;
        // The streams of an MoE ask for different experts.
        if (of.IsMoe) share = 1 - Math.Pow(1 - share, Math.Pow(streams, 0.7));
        var parallel = of.IsTensorParallel ? Math.Pow(work.Devices, 0.6) : 1;
        var bandwidth = of.Bandwidth * parallel;
        var read = of.Weights * share * (of.IsMoe ? DenserThanExperts(of) : 1) / bandwidth / (prior.Read * (of.IsMoe ? prior.ReadExperts : 1));
        var context = of.KvBytes * (work.Depth + work.Tokens / 2.0) * streams / bandwidth / prior.ReadContext;
        var unpack = prior.Unpack * of.Active * of.Quant.Unpack * Math.Pow(streams, 0.7) / (of.Fp32Tflops * 1000) / parallel;
        var overhead = prior.OverheadMs / 1000 * Math.Pow(of.Active, 0.3) * Math.Pow(of.Parameters / of.Active, 0.2) + (of.IsTensorParallel ? 0.0015 : 0);
        var all = read + context + unpack + overhead;
        return new Timing(Math.Log(streams / all), read / all, context / all, unpack / all, overhead / all);
    }

    /// <summary>
    /// Quantisations of an MoE below 6 bits save on the experts: attention and what every token passes, about a third of the active weights,
    /// keep about 6.5 bits. The factor on the bytes that an even spread would give.
    /// </summary>
    private static double DenserThanExperts(Resolved of)
    {
        var bits = of.Weights * 8 / (of.Parameters * 1e9);
        return 1 + AlwaysActive * (Math.Max(bits, 6.5) / bits - 1);
    }

    private static Timing Prefill(Resolved of)
    {
        var (work, prior) = (of.Work, of.Prior);
        var tokens = Math.Max(1, work.Tokens);
        var batch = Math.Min(tokens, 512);
        // The kernels that engines use for quantised weights do not keep the biggest matrix units busy.
        var throughput = Math.Min(of.Fp16Tflops, 6 * of.Fp32Tflops) * prior.Compute;
        var multiply = 2e-3 * of.Active / throughput * (of.IsMoe ? Math.Pow(of.Parameters / of.Active, 0.25) : 1);
        var attend = of.KvBytes * 6 * (work.Depth + tokens / 2.0) * 1e-12 / throughput;
        var touched = of.IsMoe ? 1 - Math.Pow(1 - of.Active / of.Parameters, batch / 8.0) : 1;
        var overhead = (0.5 * of.Weights * touched / of.Bandwidth + prior.BatchMs / 1000) / batch;
        // A network between the devices is crossed with every batch.
        if (work.Engine.EndsWith("-rpc", StringComparison.Ordinal)) multiply *= 1.7;
        var all = multiply + attend + overhead;
        var parallel = of.IsTensorParallel ? Math.Pow(work.Devices, 0.7) : 1;
        return new Timing(Math.Log(parallel / all), multiply / all, attend / all, 0, overhead / all);
    }
}

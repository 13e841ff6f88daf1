using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>A speed that somebody measured.</summary>
/// <param name="Work">What was done.</param>
/// <param name="TokensPerSecond">Sum over all streams, above 0.</param>
/// <param name="By">Who measured: a source's name, or this device.</param>
public sealed record Measurement(Work Work, double TokensPerSecond, string By)
{
    /// <summary>The measurements that a fit may use: no claims, nothing in quarantine, no speculation.</summary>
    public static IEnumerable<Measurement> Of(Evidence evidence) =>
        evidence.Runs.OfType<EvidenceRun.Measured>().Where(r => r.Suspect.Length == 0 && !r.Speculative).SelectMany(r => r.Points.Select(p => new Measurement(WorkOf(evidence, r, p), p.TokensPerSecond, r.By)));

    /// <summary>What the evidence says of models that the catalog has an id for.</summary>
    public static IReadOnlyDictionary<string, ModelFacts> ModelsOf(IEnumerable<Evidence> evidence) => evidence
        .SelectMany(e => e.Runs).Select(r => r.Model).Where(m => m.Id is not null)
        .GroupBy(m => m.Id!, StringComparer.Ordinal)
        .ToDictionary(g => g.Key, g => new ModelFacts(Usual(g.Select(m => m.ParametersB)), Usual(g.Select(m => m.ActiveB)), Usual(g.Select(m => m.KvBytesPerToken))), StringComparer.Ordinal);

    public static Work WorkOf(Evidence evidence, EvidenceRun run, EvidencePoint point) => new()
    {
        Hardware = evidence.Hardware,
        HardwareClass = evidence.Class,
        Devices = evidence.Devices,
        BandwidthGBs = evidence.BandwidthGBs,
        Fp16Tflops = evidence.Fp16Tflops,
        Fp32Tflops = evidence.Fp32Tflops,
        Engine = run.Engine,
        Backend = run.Backend,
        EngineVersion = run.Version,
        Options = run.Notes,
        Model = run.Model.Name,
        ModelId = run.Model.Id,
        ParametersB = run.Model.ParametersB,
        ActiveB = run.Model.ActiveB,
        KvBytesPerToken = run.Model.KvBytesPerToken,
        Quant = run.Quant,
        WeightsGiB = run.WeightsGiB,
        Phase = point.IsDecode ? Phase.Decode : Phase.Prefill,
        Tokens = point.Tokens ?? 128,
        Depth = point.Depth,
        Concurrency = point.Concurrency,
    };

    private static double? Usual(IEnumerable<double?> values) => values.Where(v => v is not null).GroupBy(v => v).OrderByDescending(g => g.Count()).ThenBy(g => g.Key).FirstOrDefault()?.Key;
}

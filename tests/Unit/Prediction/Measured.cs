using System.Collections.Immutable;
using Medulla.Catalogs;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;
using Medulla.State;

namespace Medulla.Tests.Unit.Prediction;

/// <summary>The catalog's evidence, read and fitted once.</summary>
internal static class Measured
{
    private static readonly Lazy<(ImmutableArray<Evidence> Evidence, IReadOnlyList<string> Problems)> Read = new(() =>
    {
        var (_, evidence, problems) = CatalogFolder.Read(Path.Combine(Repository.Root, "catalog"));
        return (evidence, problems);
    });

    public static ImmutableArray<Evidence> Evidence => Read.Value.Evidence;

    public static IReadOnlyList<string> Problems => Read.Value.Problems;

    public static IReadOnlyList<Measurement> All { get; } = [.. Evidence.SelectMany(Measurement.Of)];

    public static IReadOnlyDictionary<string, ModelFacts> Models { get; } = Measurement.ModelsOf(Evidence);

    /// <summary>As the build compiled it.</summary>
    public static Calibration Calibration { get; } = EmbeddedCatalog.Read().Calibration;

    /// <summary>Decode of an 8B model in Q4_K_M.</summary>
    public static Work Work(string? hardware, string hardwareClass, double bandwidth) => new()
    {
        Hardware = hardware,
        HardwareClass = hardwareClass,
        BandwidthGBs = bandwidth,
        Engine = "llama.cpp",
        Backend = "cuda",
        Model = "Meta-Llama-3-8B",
        ModelId = "llama-3-8b",
        ParametersB = 8.03,
        Quant = "Q4_K_M",
        Phase = Phase.Decode,
        Tokens = 128,
    };
}

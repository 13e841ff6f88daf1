using Medulla.Core.Intents;
using Medulla.Core.Knowledge;

namespace Medulla.Core.Blueprints;

/// <summary>
/// How good a choice is, on the catalog's scale of quality: what the model can do, less what was given up to make it fit, less
/// what its speed falls short of the workload's level. One point is less than anybody notices.
/// </summary>
public static class Merit
{
    /// <summary>A choice must be better than what runs by this much to be worth an exchange.</summary>
    public const double Noticeable = 1;

    /// <summary>Half the speed that is wanted: what is a little slower is still read.</summary>
    private static readonly Patience Speed = new(14, 3);

    /// <summary>Twice the wait for the first token: a second more is nothing, a quarter of a minute is what people leave at.</summary>
    private static readonly Patience Wait = new(4, 7);

    /// <summary>Beyond these halvings nobody uses it, and how much slower still counts for less: else the smallest model would win wherever all are slow.</summary>
    private const double Hopeless = 2;

    private const double PerHopelessHalving = 15;

    private const double PerHalvedContext = 8;

    private const double PerHalvedSlots = 2;

    private const double Quantised8BitCache = 0.5;

    /// <summary>A placeholder comes behind anything that is a model at all.</summary>
    private const double Placeholder = 100;

    /// <summary>What computes on the host beside an accelerator takes it from everybody else, and its speed depends on them: a quarter of this for the least, all of it for everything.</summary>
    private const double LayersOnHost = 8;

    private const double ExpertsOnHost = 4;

    private const double BesideIdleAccelerator = 4;

    /// <param name="unshaped">What the model can do less what its quantisation loses.</param>
    /// <param name="shapeLoss"><see cref="ShapeLoss"/>.</param>
    /// <param name="placeLoss"><see cref="PlaceLoss"/>.</param>
    internal static double Of(Workload workload, ModelEntry model, double unshaped, double shapeLoss, double placeLoss, Forecast? forecast)
    {
        var merit = unshaped - shapeLoss - LevelLoss(workload.Level, forecast);
        return model.Placeholder ? Math.Round(merit - Placeholder, 2) : Math.Round(Math.Round(merit, 2) - placeLoss, 2);
    }

    /// <summary>What <see cref="Of"/> cannot exceed.</summary>
    /// <param name="mostTokensPerS">That memory allows.</param>
    internal static double Most(Workload workload, ModelEntry model, double unshaped, double shapeLoss, double placeLoss, double mostTokensPerS)
    {
        var merit = Of(workload, model, unshaped, shapeLoss, placeLoss, null);
        return workload.Level?.TokensPerS is { } wanted ? merit - LossAt(mostTokensPerS / wanted, Speed) + 0.01 : merit;
    }

    /// <summary>What a quantisation costs, from what perplexities of the same model at several of them are reported to lose; of one whose name says nothing, from its bits per weight.</summary>
    public static double QuantLoss(ModelFile file, ModelEntry model) =>
        ByName(file.Quant) ?? (model.ParametersB > 0 ? ByBits(file.Size.Bytes * 8 / (model.ParametersB * 1e9)) : 3);

    /// <param name="onHost">Share of the layers that the host computes, or whose experts.</param>
    /// <param name="idle">The machine has an accelerator that this does not use.</param>
    internal static double PlaceLoss(Offload offload, double onHost, bool idle)
    {
        if (offload.Devices == 0) return idle ? BesideIdleAccelerator : 0;
        if (offload.IsWhole) return 0;
        return (offload.ExpertsOnHost > 0 ? ExpertsOnHost : LayersOnHost) * (0.25 + (0.75 * onHost));
    }

    private static double ByBits(double bits) => bits switch
    {
        >= 8 => 0.2,
        >= 6 => 0.5,
        >= 5 => 1,
        >= 4.2 => 2,
        >= 3.7 => 4,
        >= 3 => 7,
        >= 2.5 => 11,
        >= 2 => 16,
        _ => 25,
    };

    private static double? ByName(string quant)
    {
        var name = quant.ToUpperInvariant().Replace("UD-", "", StringComparison.Ordinal);
        return name switch
        {
            _ when name.StartsWith("IQ1", StringComparison.Ordinal) => 25,
            _ when name.StartsWith("IQ2", StringComparison.Ordinal) => 14,
            _ when name.StartsWith("Q2", StringComparison.Ordinal) => 12,
            _ when name.StartsWith("IQ3", StringComparison.Ordinal) => 6,
            _ when name.StartsWith("Q3", StringComparison.Ordinal) => 5,
            "Q4_0" or "MLX-4BIT" => 3,
            "NVFP4" or "AWQ" or "GPTQ" or "GPTQ-INT4" or "AWQ-INT4" => 2.5,

            // Made in this type: nothing was taken away.
            "MXFP4" => 0.3,
            _ when name.StartsWith("Q4", StringComparison.Ordinal) || name.StartsWith("IQ4", StringComparison.Ordinal) => 2,
            _ when name.StartsWith("Q5", StringComparison.Ordinal) => 1,
            _ when name.StartsWith("Q6", StringComparison.Ordinal) => 0.5,
            _ when name.StartsWith("Q8", StringComparison.Ordinal) || name.StartsWith("FP8", StringComparison.Ordinal) || name is "INT8" or "W8A8" or "MLX-8BIT" => 0.2,
            "F16" or "FP16" or "BF16" or "F32" => 0,
            _ => null,
        };
    }

    public static double ShapeLoss(Workload workload, ModelEntry model, int context, int slots, KvType kv)
    {
        var loss = kv == KvType.F16 ? 0 : Quantised8BitCache;
        var wanted = Math.Min(workload.Context, model.ContextMax);

        // A model made for less than is wanted loses for that too.
        loss += PerHalvedContext * Math.Max(0, Math.Log2((double)workload.Context / Math.Max(1, Math.Min(context, wanted)))) * (workload.Task == WorkloadTask.Chat && !model.Placeholder ? 1 : 0);
        return loss + (PerHalvedSlots * Math.Max(0, Math.Log2((double)workload.Concurrency / Math.Max(1, slots))));
    }

    /// <summary>Speed and wait are added up: what is slow to begin and slow to go on is worse than what is only one of them.</summary>
    private static double LevelLoss(ServiceLevel? level, Forecast? forecast)
    {
        if (level is null || forecast is null) return 0;
        var loss = 0.0;
        if (level.TokensPerS is { } speed) loss += LossAt(forecast.CautiousTokensPerS / speed, Speed);
        if (level.FirstToken is { } wait) loss += LossAt(wait.TotalSeconds / Math.Max(1e-3, forecast.FirstToken.TotalSeconds), Wait);
        return loss;
    }

    /// <param name="share">Of what is wanted that is reached; 1 and more costs nothing.</param>
    private static double LossAt(double share, Patience patience)
    {
        var halvings = share >= 1 ? 0 : -Math.Log2(Math.Max(share, 1e-6));
        var near = Math.Min(halvings, Hopeless);
        return (patience.PerHalving * near) + (patience.Rising * near * near) + (PerHopelessHalving * (halvings - near));
    }

    /// <param name="PerHalving">Times the halvings, and</param>
    /// <param name="Rising">times their square.</param>
    private readonly record struct Patience(double PerHalving, double Rising);
}

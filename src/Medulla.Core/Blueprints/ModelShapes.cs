using Medulla.Core.Knowledge;

namespace Medulla.Core.Blueprints;

/// <summary>The shape of a model of the catalog: exact where its architecture is recorded, else approximate.</summary>
public static class ModelShapes
{
    public static ModelShape Of(ModelEntry model)
    {
        if (model.Shape is { } known) return known;
        var parameters = (long)(model.ParametersB * 1e9);
        var active = (long)((model.ActiveB ?? model.ParametersB) * 1e9);
        return model.Architecture is { } architecture && architecture.Embedding > 0 && architecture is { HeadDim: > 0, KvHeads: > 0 } or { Latent: > 0 }
            ? Of(model, model.Architecture, parameters, active)
            : ModelShape.Approximate(model.Architecture?.Name ?? model.Family, model.Architecture?.Layers ?? 32, model.KvBytesPerToken, parameters, active, model.ContextMax);
    }

    private static ModelShape Of(ModelEntry model, ModelArchitecture a, long parameters, long active)
    {
        var seeing = a.AttentionLayers > 0 || a.WindowedLayers > 0 || a.RecurrentLayers > 0 ? a.AttentionLayers : a.Layers;
        var key = a.Latent > 0 ? a.Latent : a.KvHeads * a.HeadDim;
        var windowKey = (a.WindowKvHeads > 0 ? a.WindowKvHeads : a.KvHeads) * (a.WindowHeadDim > 0 ? a.WindowHeadDim : a.HeadDim);
        ImmutableArray<int> keys = [.. Enumerable.Repeat(key, seeing), .. Enumerable.Repeat(windowKey, a.WindowedLayers)];
        ImmutableArray<int> values = a.Latent > 0 ? [.. Enumerable.Repeat(0, keys.Length)] : keys;
        var heads = a.QueryHeads > 0 ? a.QueryHeads : Math.Max(1, a.Embedding / Math.Max(1, a.HeadDim));
        var table = (double)a.Vocabulary * a.Embedding;
        return new ModelShape
        {
            Architecture = a.Name,
            Embedding = a.Embedding,
            Layers = a.Layers,
            Heads = heads,
            QueryWidth = a.Latent > 0 ? heads * a.Latent : heads * Math.Max(1, a.HeadDim),
            KeyWidths = keys,
            ValueWidths = values,
            Window = a.WindowedLayers > 0 ? a.Window : 0,
            Windowed = [.. Enumerable.Repeat(false, seeing), .. Enumerable.Repeat(true, a.WindowedLayers)],
            RecurrentLayers = a.RecurrentLayers,
            RecurrentState = a.RecurrentState,
            FeedForward = a.FeedForward,
            Experts = a.Experts,
            ExpertsUsed = a.ExpertsUsed,
            ExpertFeedForward = a.ExpertFeedForward,
            ExpertShare = ExpertShare(a, parameters, active),
            EmbeddingShare = parameters > 0 ? Math.Min(0.5, table / parameters) : 0,
            Vocabulary = a.Vocabulary,
            ContextMax = model.ContextMax,
        };
    }

    /// <summary>With E experts of which U are used: all = rest + experts, active = rest + experts × U / E.</summary>
    private static double ExpertShare(ModelArchitecture a, long parameters, long active) =>
        a.Experts > a.ExpertsUsed && parameters > active && a.ExpertsUsed > 0
            ? Math.Clamp((parameters - active) / (1 - ((double)a.ExpertsUsed / a.Experts)) / parameters, 0, 1)
            : 0;
}

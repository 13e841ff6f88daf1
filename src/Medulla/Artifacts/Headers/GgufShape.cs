using System.Collections.Immutable;
using Medulla.Core.Knowledge;

namespace Medulla.Artifacts.Headers;

/// <summary>
/// The shape of a model from its keys and tensors. Tensors say what there really is, whatever the architecture is called;
/// keys say what tensors cannot: heads, windows, states.
/// </summary>
internal static class GgufShape
{
    private const int MaxWidth = 1 << 22;
    private const int MaxHeads = 1 << 14;
    private const int MaxExperts = 1 << 16;
    private const int MaxContext = 1 << 28;

    /// <summary>Null when layers or width are not given.</summary>
    public static ModelShape? Of(GgufKeys keys, GgufTensors tensors)
    {
        if (keys.Text("general.architecture") is not { Length: < 64 } architecture) throw new HeaderException("it does not name its architecture");
        int? Whole(string key, int most = MaxWidth) => keys.Whole($"{architecture}.{key}", most);
        if (Whole("block_count", GgufKeys.MaxLayers) is not (> 0 and var all) || Whole("embedding_length") is not (> 0 and var width)) return null;

        // Layers that predict further tokens are weights, but no context is kept for them.
        var layers = Math.Max(1, all - (Whole("nextn_predict_layers") ?? 0));
        var heads = keys.PerLayer($"{architecture}.attention.head_count", all, MaxHeads)?.Max() ?? 0;
        var keyLength = Whole("attention.key_length") ?? width / Math.Max(1, heads);
        var attending = Attending(keys, tensors, architecture, layers, keyLength, Whole("attention.value_length") ?? keyLength);
        var recurrent = Enumerable.Range(0, layers).Count(l => tensors.Layers.TryGetValue(l, out var layer) && layer.IsRecurrent);
        var windows = keys.Array($"{architecture}.attention.sliding_window_pattern");
        var every = (int)Math.Clamp(keys.Number($"{architecture}.attention.sliding_window_pattern") ?? GgufTypes.FullEvery(architecture), 0, GgufKeys.MaxLayers);
        var window = Whole("attention.sliding_window", int.MaxValue / 2) ?? Whole("attention.chunk_size", int.MaxValue / 2) ?? (architecture == "llama4" ? 8192 : 0);
        return new ModelShape
        {
            Architecture = architecture,
            Embedding = width,
            Layers = all,
            Heads = heads,
            QueryWidth = (int)Math.Min((long)heads * keyLength, 1 << 26),
            KeyWidths = [.. attending.Select(a => a.Key)],
            ValueWidths = [.. attending.Select(a => a.Value)],
            Window = every > 1 || windows.Length > 0 ? window : 0,
            Windowed = [.. attending.Select(a => a.Layer < windows.Length ? windows[a.Layer] != 0 : every > 1 && (a.Layer + 1) % every != 0)],
            RecurrentLayers = recurrent,
            RecurrentState = recurrent == 0 ? 0 : State(keys, architecture, width, heads),
            RecurrentWidth = recurrent == 0 ? 0 : Math.Max(tensors.RecurrentWidth, width),
            FeedForward = tensors.FeedForward > 0 || tensors.ExpertFeedForward > 0 ? tensors.FeedForward : keys.PerLayer($"{architecture}.feed_forward_length", all, MaxWidth)?.Max() ?? 0,
            Experts = Whole("expert_count", MaxExperts) ?? 0,
            ExpertsUsed = Whole("expert_used_count", MaxExperts) ?? 0,
            ExpertFeedForward = tensors.ExpertFeedForward > 0 ? tensors.ExpertFeedForward : Whole("expert_feed_forward_length") ?? 0,
            ExpertShare = Share(tensors.ExpertBytes, tensors.Bytes),
            EmbeddingShare = Share(tensors.EmbeddingBytes, tensors.Bytes),
            TiedEmbedding = tensors.EmbeddingBytes > 0 && !tensors.HasOutput,
            RearrangedEmbedding = !tensors.HasOutput && tensors.EmbeddingType is ("Q4_0" or "Q4_K" or "Q2_K" or "IQ4_NL" or "MXFP4"),
            Pools = Whole("pooling_type", 16) is > 0,
            Vocabulary = tensors.Vocabulary > 0 ? tensors.Vocabulary : keys.Count("tokenizer.ggml.tokens") ?? Whole("vocab_size", 1 << 24) ?? 0,
            ContextMax = Math.Max(1, Whole("context_length", MaxContext) ?? 2048),
        };
    }

    /// <summary>Layers that keep K and V of every token they see, with what they keep.</summary>
    private static ImmutableArray<(int Layer, int Key, int Value)> Attending(GgufKeys keys, GgufTensors tensors, string architecture, int layers, int keyLength, int valueLength)
    {
        var kvHeads = keys.PerLayer($"{architecture}.attention.head_count_kv", layers, MaxHeads) ?? keys.PerLayer($"{architecture}.attention.head_count", layers, MaxHeads);
        var interval = keys.Whole($"{architecture}.full_attention_interval", GgufKeys.MaxLayers) ?? 0;
        var shared = keys.Whole($"{architecture}.attention.shared_kv_layers", GgufKeys.MaxLayers) ?? 0;

        // K is the latent, and V a view of it, in files that are made for that.
        var latent = keys.Has($"{architecture}.attention.key_length_mla");
        var attending = ImmutableArray.CreateBuilder<(int, int, int)>();
        for (var layer = 0; layer < Math.Max(1, layers - shared); layer++)
        {
            var seen = tensors.Layers.GetValueOrDefault(layer);
            var heads = kvHeads?[layer] ?? 0;
            if (seen is not null ? !seen.Attends : heads == 0 || (interval > 1 && (layer + 1) % interval != 0)) continue;
            var isLatent = latent && seen is null or { IsLatent: true };
            var key = seen is { KeyWidth: > 0 } ? seen.KeyWidth : Math.Max(1L, heads) * keyLength;
            var value = isLatent ? 0 : seen is { ValueWidth: > 0 } ? seen.ValueWidth : seen is { KeyWidth: > 0 } ? key : Math.Max(1L, heads) * valueLength;
            attending.Add((layer, (int)Math.Min(key, MaxWidth), (int)Math.Min(value, MaxWidth)));
        }

        return attending.ToImmutable();
    }

    /// <summary>Elements of one layer's state for one sequence: the tail of the convolution, and the state proper.</summary>
    private static long State(GgufKeys keys, string architecture, int width, int heads)
    {
        long Whole(string key) => keys.Whole($"{architecture}.{key}", MaxWidth) ?? 0;
        var tail = Math.Max(0, Whole("ssm.conv_kernel") - 1);
        if (Whole("shortconv.l_cache") is > 0 and var cached) return (cached - 1) * width;
        if (Whole("wkv.head_size") is > 0 and var head) return (Math.Max(2, Whole("token_shift_count")) * width) + (head * width);
        if (Whole("kda.head_dim") is > 0 and var kda) return (3 * tail * heads * kda) + (kda * kda * heads);
        var (inner, size) = (Whole("ssm.inner_size"), Whole("ssm.state_size"));
        return (tail * (inner + (2 * Whole("ssm.group_count") * size))) + (size * inner);
    }

    private static double Share(long part, long whole) => whole > 0 ? (double)part / whole : 0;
}

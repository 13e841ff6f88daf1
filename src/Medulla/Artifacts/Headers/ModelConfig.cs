using System.Collections.Immutable;
using System.Text.Json;
using Medulla.Core.Knowledge;

namespace Medulla.Artifacts.Headers;

/// <summary>
/// The shape of a model from its <c>config.json</c>, with the keys that Hugging Face's transformers give: llama, qwen, mixtral,
/// gemma, gpt-oss, deepseek (MLA), and hybrids with state-space or linear-attention layers.
/// </summary>
internal static class ModelConfig
{
    public const long MaxBytes = 16 << 20;

    private const int MaxWidth = 1 << 22;
    private const int MaxLayers = GgufKeys.MaxLayers;

    /// <summary>Null when layers or width are not given. Throws <see cref="HeaderException"/> where it is not JSON, or claims more than is believed.</summary>
    public static ModelShape? Read(ReadOnlySpan<byte> json)
    {
        using var document = Parse(json, "config.json");
        try
        {
            return Read(document.RootElement);
        }
        catch (InvalidOperationException e)
        {
            throw new HeaderException($"config.json has text that is none: {e.Message}");
        }
    }

    /// <summary>A document of a few megabytes at most.</summary>
    public static JsonDocument Parse(ReadOnlySpan<byte> json, string what)
    {
        if (json.Length > MaxBytes) throw new HeaderException($"{what} has {json.Length} bytes");
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 32, CommentHandling = JsonCommentHandling.Skip });
            var document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw new HeaderException($"{what} is not a JSON object");
        }
        catch (JsonException e)
        {
            throw new HeaderException($"{what} is not JSON: {e.Message}");
        }
    }

    private static ModelShape? Read(JsonElement root)
    {
        var text = root.TryGetProperty("text_config", out var inner) && inner.ValueKind == JsonValueKind.Object ? inner : root;
        int? Whole(int most, params ReadOnlySpan<string> keys)
        {
            foreach (var key in keys)
            {
                if (!text.TryGetProperty(key, out var value) || value.ValueKind != JsonValueKind.Number) continue;
                return value.TryGetDouble(out var n) && n >= 0 && n <= most ? (int)n : throw new HeaderException($"{key} of config.json is {Short(value)}");
            }

            return null;
        }

        if (Whole(MaxLayers, "num_hidden_layers", "n_layer", "num_layers") is not (> 0 and var layers) || Whole(MaxWidth, "hidden_size", "n_embd", "d_model") is not (> 0 and var width)) return null;
        var heads = Whole(1 << 14, "num_attention_heads", "n_head") ?? 0;
        var kvHeads = Whole(1 << 14, "num_key_value_heads") ?? heads;
        var headWidth = Whole(MaxWidth, "head_dim") ?? width / Math.Max(1, heads);
        var rank = Whole(MaxWidth, "kv_lora_rank");
        var latent = rank is { } r ? r + (Whole(MaxWidth, "qk_rope_head_dim") ?? 64) : 0;
        var kept = (int)Math.Min(MaxWidth, (long)kvHeads * headWidth);
        var window = Sliding(text) ? Whole(int.MaxValue / 2, "sliding_window") ?? 0 : 0;
        var kinds = Enumerable.Range(0, layers).Select(l => KindOf(text, l, Whole)).ToList();
        var attending = kinds.Where(k => k != Kind.Recurrent).ToList();
        var recurrent = kinds.Count - attending.Count;
        var experts = Whole(1 << 16, "num_local_experts", "num_experts", "n_routed_experts") ?? 0;
        var feedForward = Whole(MaxWidth, "intermediate_size", "n_inner", "ffn_hidden_size") ?? 4 * width;
        var expertWidth = experts == 0 ? 0 : Whole(MaxWidth, "moe_intermediate_size") ?? feedForward;
        var sharedWidth = Whole(MaxWidth, "shared_expert_intermediate_size", "shared_intermediate_size") ?? (int)Math.Min(MaxWidth, (Whole(1024, "n_shared_experts") ?? 0L) * expertWidth);
        var hasDense = experts == 0 || Whole(MaxLayers, "first_k_dense_replace") is > 0;
        return new ModelShape
        {
            Architecture = text.TryGetProperty("model_type", out var type) && type.ValueKind == JsonValueKind.String && type.GetString() is { Length: > 0 and < 64 } name ? name : "unknown",
            Embedding = width,
            Layers = layers,
            Heads = heads,
            QueryWidth = (int)Math.Min(1 << 26, (long)heads * (latent > 0 ? latent : headWidth)),
            KeyWidths = [.. attending.Select(_ => latent > 0 ? latent : kept)],
            ValueWidths = [.. attending.Select(_ => latent > 0 ? 0 : kept)],
            Window = attending.Contains(Kind.Windowed) ? window : 0,
            Windowed = [.. attending.Select(k => k == Kind.Windowed)],
            RecurrentLayers = recurrent,
            RecurrentState = recurrent == 0 ? 0 : State(width, Whole, out _),
            RecurrentWidth = recurrent == 0 ? 0 : StateWidth(width, Whole),
            FeedForward = Math.Max(hasDense ? feedForward : 0, sharedWidth),
            Experts = experts,
            ExpertsUsed = Whole(1 << 16, "num_experts_per_tok", "num_experts_per_token", "moe_topk") ?? 0,
            ExpertFeedForward = expertWidth,
            TiedEmbedding = (text.TryGetProperty("tie_word_embeddings", out var tied) || root.TryGetProperty("tie_word_embeddings", out tied)) && tied.ValueKind == JsonValueKind.True,
            Vocabulary = Whole(1 << 24, "vocab_size") ?? 0,
            ContextMax = Math.Max(1, Whole(1 << 28, "max_position_embeddings", "n_positions", "max_sequence_length", "seq_length") ?? 2048),
        };
    }

    private enum Kind
    {
        Full,
        Windowed,
        Recurrent,
    }

    private delegate int? Number(int most, params ReadOnlySpan<string> keys);

    /// <summary>Named layer by layer, or by a rule: every so many layers another kind.</summary>
    private static Kind KindOf(JsonElement text, int layer, Number whole)
    {
        foreach (var list in (ReadOnlySpan<string>)["layer_types", "layers_block_type"])
        {
            if (!text.TryGetProperty(list, out var types) || types.ValueKind != JsonValueKind.Array || types.GetArrayLength() <= layer) continue;
            return types[layer].ValueKind != JsonValueKind.String ? Kind.Full : types[layer].GetString() switch
            {
                "sliding_attention" or "chunked_attention" => Kind.Windowed,
                "mamba" or "mamba2" or "linear_attention" or "recurrent" or "conv" => Kind.Recurrent,
                _ => Kind.Full,
            };
        }

        if (whole(MaxLayers, "full_attention_interval") is > 1 and var interval) return (layer + 1) % interval == 0 ? Kind.Full : Kind.Recurrent;
        if (whole(MaxLayers, "attn_layer_period") is > 1 and var period) return layer % period == (whole(MaxLayers, "attn_layer_offset") ?? 0) ? Kind.Full : Kind.Recurrent;
        if (whole(MaxLayers, "num_attention_heads") is null && whole(MaxWidth, "state_size") is > 0) return Kind.Recurrent;
        if (whole(int.MaxValue / 2, "sliding_window") is not > 0 || !Sliding(text)) return Kind.Full;
        return whole(MaxLayers, "sliding_window_pattern", "_sliding_window_pattern") is > 1 and var every ? ((layer + 1) % every == 0 ? Kind.Full : Kind.Windowed) : Kind.Windowed;
    }

    /// <summary>Some models name a window and do not use it.</summary>
    private static bool Sliding(JsonElement text) => !text.TryGetProperty("use_sliding_window", out var use) || use.ValueKind != JsonValueKind.False;

    /// <summary>Elements of one layer's state for one sequence.</summary>
    private static long State(int width, Number whole, out long channels)
    {
        if (whole(MaxWidth, "linear_num_value_heads") is > 0 and var valueHeads)
        {
            long keyHead = whole(MaxWidth, "linear_key_head_dim") ?? 128;
            long values = (long)valueHeads * (whole(MaxWidth, "linear_value_head_dim") ?? 128);
            channels = values + (2 * keyHead * (whole(MaxWidth, "linear_num_key_heads") ?? valueHeads));
            return (Math.Max(0, (whole(1024, "linear_conv_kernel_dim") ?? 4) - 1L) * channels) + (keyHead * values);
        }

        if (whole(1024, "conv_L_cache") is > 0 and var cached)
        {
            channels = width;
            return (cached - 1L) * width;
        }

        long inner = whole(MaxWidth, "mamba_n_heads") is > 0 and var heads ? (long)heads * (whole(MaxWidth, "mamba_d_head") ?? 64) : (whole(1024, "mamba_expand", "expand") ?? 2) * (long)width;
        long size = whole(MaxWidth, "mamba_d_state", "state_size") ?? 128;
        channels = inner + (2 * size * (whole(MaxWidth, "mamba_n_groups", "n_groups") ?? 1));
        return (Math.Max(0, (whole(1024, "mamba_d_conv", "conv_kernel") ?? 4) - 1L) * channels) + (inner * size);
    }

    private static int StateWidth(int width, Number whole)
    {
        _ = State(width, whole, out var channels);
        return (int)Math.Min(MaxWidth, channels);
    }

    private static string Short(JsonElement value) => value.GetRawText() is { Length: <= 40 } raw ? raw : "a number of many digits";
}

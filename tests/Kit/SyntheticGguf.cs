using static Medulla.Tests.Kit.GgufWriting;

namespace Medulla.Tests.Kit;

/// <summary>Type of the matrices of a synthetic model, by its number in GGUF; vectors are always f32.</summary>
public enum GgufType
{
    F32 = 0,
    F16 = 1,
    Q4 = 2,
    Q8 = 8,
    Q4K = 12,
}

/// <summary>
/// A GGUF without knowledge in any of the shapes that engines know: with random weights it is as much work as a real one,
/// and without (a sparse file of zeros) it costs nothing and is enough for an engine to say what memory it would take.
/// </summary>
public sealed record SyntheticGguf
{
    public required string Name { get; init; }

    /// <summary><c>llama</c>, <c>qwen3</c>, <c>qwen3moe</c>, <c>gemma3</c>, <c>gpt-oss</c>, <c>deepseek2</c>, <c>granitehybrid</c>, <c>mamba2</c> or <c>qwen3next</c>.</summary>
    public string Architecture { get; init; } = "llama";

    public required int Width { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KvHeads { get; init; }

    public required int FeedForward { get; init; }

    /// <summary>0: the width divided by the heads.</summary>
    public int HeadWidth { get; init; }

    public int Vocabulary { get; init; } = 4096;

    public int Context { get; init; } = 131072;

    public int Experts { get; init; }

    public int ExpertsUsed { get; init; }

    public int ExpertFeedForward { get; init; }

    /// <summary>Tokens that windowed layers look back.</summary>
    public int Window { get; init; }

    /// <summary>Every how many layers one attends, in hybrids.</summary>
    public int AttendsEvery { get; init; } = 1;

    /// <summary>Width of the state-space layers.</summary>
    public int StateWidth { get; init; }

    public int StateSize { get; init; } = 128;

    public GgufType Type { get; init; } = GgufType.F16;

    private int Head => HeadWidth > 0 ? HeadWidth : Width / Heads;

    /// <summary>The load of a small real model: about 220 MB.</summary>
    public static SyntheticGguf Bench { get; } = new() { Name = "synthetic", Width = 1024, Layers = 8, Heads = 16, KvHeads = 8, FeedForward = 2816, Context = 8192 };

    /// <summary>One of every kind, as large as real ones in what decides buffers, with few layers.</summary>
    public static IReadOnlyList<SyntheticGguf> Shapes { get; } =
    [
        new() { Name = "dense", Width = 2048, Layers = 8, Heads = 16, KvHeads = 16, FeedForward = 5632, Vocabulary = 32000 },
        new() { Name = "dense-tiny", Width = 64, Layers = 2, Heads = 4, KvHeads = 2, FeedForward = 128, Vocabulary = 512 },
        new() { Name = "gqa-8b", Width = 4096, Layers = 32, Heads = 32, KvHeads = 8, FeedForward = 14336, Vocabulary = 128256, Type = GgufType.Q4K },
        new() { Name = "gqa-wide", Architecture = "qwen3", Width = 5120, Layers = 16, Heads = 64, KvHeads = 8, HeadWidth = 128, FeedForward = 25600, Vocabulary = 151936, Type = GgufType.Q8 },
        new() { Name = "gqa-small", Architecture = "qwen3", Width = 1024, Layers = 28, Heads = 16, KvHeads = 8, HeadWidth = 128, FeedForward = 3072, Vocabulary = 151936, Type = GgufType.Q4 },
        new() { Name = "moe", Architecture = "qwen3moe", Width = 2048, Layers = 12, Heads = 32, KvHeads = 4, HeadWidth = 128, FeedForward = 6144, Experts = 128, ExpertsUsed = 8, ExpertFeedForward = 768, Vocabulary = 32000, Type = GgufType.Q4K },
        new() { Name = "moe-few", Architecture = "llama", Width = 4096, Layers = 4, Heads = 32, KvHeads = 8, FeedForward = 14336, Experts = 8, ExpertsUsed = 2, ExpertFeedForward = 14336, Vocabulary = 32000, Type = GgufType.Q4K },
        new() { Name = "window", Architecture = "gemma3", Width = 2560, Layers = 34, Heads = 8, KvHeads = 4, HeadWidth = 256, FeedForward = 10240, Window = 1024, Vocabulary = 65536, Type = GgufType.Q4 },
        new() { Name = "window-sinks", Architecture = "gpt-oss", Width = 2816, Layers = 12, Heads = 64, KvHeads = 8, HeadWidth = 64, FeedForward = 2816, Experts = 32, ExpertsUsed = 4, ExpertFeedForward = 2816, Window = 128, Vocabulary = 65536, Type = GgufType.Q4K },
        new() { Name = "latent", Architecture = "deepseek2", Width = 2048, Layers = 12, Heads = 16, KvHeads = 1, FeedForward = 11264, Experts = 64, ExpertsUsed = 6, ExpertFeedForward = 1536, Vocabulary = 102400, Type = GgufType.Q4K },
        new() { Name = "latent-heads", Architecture = "deepseek2", Width = 7168, Layers = 3, Heads = 128, KvHeads = 1, FeedForward = 18432, Experts = 32, ExpertsUsed = 8, ExpertFeedForward = 2048, Vocabulary = 32000, Type = GgufType.Q4K },
        new() { Name = "attention", Architecture = "qwen3", Width = 1024, Layers = 4, Heads = 64, KvHeads = 8, HeadWidth = 128, FeedForward = 256, Vocabulary = 32000 },
        new() { Name = "attention-mha", Width = 2048, Layers = 4, Heads = 16, KvHeads = 16, HeadWidth = 256, FeedForward = 256, Vocabulary = 200064 },
        new() { Name = "hybrid", Architecture = "granitehybrid", Width = 2048, Layers = 40, Heads = 32, KvHeads = 8, FeedForward = 8192, AttendsEvery = 10, StateWidth = 4096, Vocabulary = 100352, Type = GgufType.Q8 },
        new() { Name = "state", Architecture = "mamba2", Width = 2048, Layers = 24, Heads = 64, KvHeads = 0, FeedForward = 0, StateWidth = 4096, Vocabulary = 50304 },
        new() { Name = "linear", Architecture = "qwen3next", Width = 2048, Layers = 12, Heads = 16, KvHeads = 2, HeadWidth = 256, FeedForward = 5120, Experts = 64, ExpertsUsed = 10, ExpertFeedForward = 512, AttendsEvery = 4, StateWidth = 4096, Vocabulary = 151936, Type = GgufType.Q4K },
    ];

    /// <summary>Random weights; only f16 and f32 can be filled.</summary>
    public void WriteRandom(string path)
    {
        if (Type is not (GgufType.F16 or GgufType.F32)) throw new InvalidOperationException($"random weights of type {Type} are not made here");
        using var file = new BinaryWriter(File.Create(path));
        var tensors = Tensors().ToList();
        WriteHeader(file, Pairs(), tensors);
        var random = new Random(7);
        foreach (var (_, type, dimensions) in tensors)
        {
            var count = Elements(dimensions);
            if (type == GgufType.F16) for (var i = 0L; i < count; i++) file.Write(BitConverter.HalfToUInt16Bits((Half)((random.NextSingle() - 0.5f) * 0.2f)));
            else for (var i = 0L; i < count; i++) file.Write(1f);
            Pad(file);
        }
    }

    /// <summary>Zeros that take no room on the disk.</summary>
    public void WriteSparse(string path)
    {
        using var file = new BinaryWriter(File.Create(path));
        var tensors = Tensors().ToList();
        WriteHeader(file, Pairs(), tensors);
        file.Flush();
        file.BaseStream.SetLength(file.BaseStream.Position + tensors.Sum(t => Padded(Bytes(t.Type, t.Dimensions))));
    }

    /// <summary>The header alone: all before the tensors' bytes.</summary>
    public byte[] Header()
    {
        using var memory = new MemoryStream();
        using var writer = new BinaryWriter(memory);
        WriteHeader(writer, Pairs(), [.. Tensors()]);
        writer.Flush();
        return memory.ToArray();
    }

    private IEnumerable<(string Name, GgufType Type, long[] Dimensions)> Tensors()
    {
        yield return Matrix("token_embd", Width, Vocabulary);
        yield return Vector("output_norm", Width);
        if (Architecture is not "gemma3") yield return Matrix("output", Width, Vocabulary);
        for (var layer = 0; layer < Layers; layer++)
        {
            var block = Architecture switch
            {
                "deepseek2" => LatentAttention().Concat(layer == 0 ? Dense() : Mixture(shared: 2)),
                "granitehybrid" => (Attends(layer) ? Attention() : StateSpace()).Concat(Dense()),
                "mamba2" => StateSpace(),
                "qwen3next" => (Attends(layer) ? Attention(gated: true) : LinearAttention()).Concat(Mixture(shared: 1)),
                _ => Attention().Concat(Experts > 0 ? Mixture(shared: 0) : Dense()),
            };
            foreach (var (name, type, dimensions) in block) yield return ($"blk.{layer}.{name}", type, dimensions);
        }
    }

    private bool Attends(int layer) => (layer + 1) % AttendsEvery == 0;

    private IEnumerable<(string Name, GgufType Type, long[] Dimensions)> Attention(bool gated = false)
    {
        var biased = Architecture == "gpt-oss";
        yield return Vector("attn_norm", Width);
        yield return Matrix("attn_q", Width, Head * Heads * (gated ? 2 : 1));
        yield return Matrix("attn_k", Width, Head * KvHeads);
        yield return Matrix("attn_v", Width, Head * KvHeads);
        yield return Matrix("attn_output", Head * Heads, Width);
        if (Architecture is "qwen3" or "qwen3moe" or "gemma3" or "qwen3next")
        {
            yield return Vector("attn_q_norm", Head);
            yield return Vector("attn_k_norm", Head);
        }

        if (Architecture is "gemma3" or "gpt-oss" or "qwen3next") yield return Vector("post_attention_norm", Width);
        if (Architecture is "gemma3") yield return Vector("post_ffw_norm", Width);
        if (!biased) yield break;
        yield return ("attn_q.bias", GgufType.F32, [Head * Heads]);
        yield return ("attn_k.bias", GgufType.F32, [Head * KvHeads]);
        yield return ("attn_v.bias", GgufType.F32, [Head * KvHeads]);
        yield return ("attn_output.bias", GgufType.F32, [Width]);
        yield return Vector("attn_sinks", Heads);
    }

    private IEnumerable<(string Name, GgufType Type, long[] Dimensions)> LatentAttention()
    {
        yield return Vector("attn_norm", Width);
        yield return Matrix("attn_q_a", Width, 1536);
        yield return Vector("attn_q_a_norm", 1536);
        yield return Matrix("attn_q_b", 1536, Heads * 192);
        yield return Matrix("attn_kv_a_mqa", Width, 576);
        yield return Vector("attn_kv_a_norm", 512);
        yield return Matrix3("attn_k_b", GgufType.F16, 128, 512, Heads);
        yield return Matrix3("attn_v_b", GgufType.F16, 512, 128, Heads);
        yield return Matrix("attn_output", Heads * 128, Width);
    }

    private IEnumerable<(string Name, GgufType Type, long[] Dimensions)> StateSpace()
    {
        var heads = StateWidth / 64;
        yield return Vector("attn_norm", Width);
        yield return Matrix("ssm_in", Width, (2 * StateWidth) + (2 * StateSize) + heads);
        yield return ("ssm_conv1d.weight", GgufType.F32, [4, StateWidth + (2 * StateSize)]);
        yield return ("ssm_conv1d.bias", GgufType.F32, [StateWidth + (2 * StateSize)]);
        yield return ("ssm_dt.bias", GgufType.F32, [heads]);
        yield return ("ssm_a", GgufType.F32, [1, heads]);
        yield return ("ssm_d", GgufType.F32, [1, heads]);
        yield return ("ssm_norm.weight", GgufType.F32, [StateWidth, 1]);
        yield return Matrix("ssm_out", StateWidth, Width);
    }

    private IEnumerable<(string Name, GgufType Type, long[] Dimensions)> LinearAttention()
    {
        const int keyHeads = 16;
        var valueHeads = StateWidth / StateSize;
        yield return Vector("attn_norm", Width);
        yield return Vector("post_attention_norm", Width);
        yield return Matrix("attn_qkv", Width, (2 * keyHeads * StateSize) + StateWidth);
        yield return Matrix("attn_gate", Width, StateWidth);
        yield return ("ssm_conv1d.weight", GgufType.F32, [4, (2 * keyHeads * StateSize) + StateWidth]);
        yield return ("ssm_dt.bias", GgufType.F32, [valueHeads]);
        yield return ("ssm_a", GgufType.F32, [valueHeads]);
        yield return Matrix("ssm_ba", Width, 2 * valueHeads);
        yield return Vector("ssm_norm", StateSize);
        yield return Matrix("ssm_out", StateWidth, Width);
    }

    private IEnumerable<(string Name, GgufType Type, long[] Dimensions)> Dense()
    {
        yield return Vector("ffn_norm", Width);
        yield return Matrix("ffn_gate", Width, FeedForward);
        yield return Matrix("ffn_up", Width, FeedForward);
        yield return Matrix("ffn_down", FeedForward, Width);
    }

    private IEnumerable<(string Name, GgufType Type, long[] Dimensions)> Mixture(int shared)
    {
        if (Architecture is not ("gpt-oss" or "qwen3next")) yield return Vector("ffn_norm", Width);
        yield return ("ffn_gate_inp.weight", GgufType.F32, [Width, Experts]);
        yield return Matrix3("ffn_gate_exps", Type, Width, ExpertFeedForward, Experts);
        yield return Matrix3("ffn_up_exps", Type, Width, ExpertFeedForward, Experts);
        yield return Matrix3("ffn_down_exps", Type, ExpertFeedForward, Width, Experts);
        if (Architecture == "gpt-oss")
        {
            yield return ("ffn_gate_inp.bias", GgufType.F32, [Experts]);
            yield return ("ffn_gate_exps.bias", GgufType.F32, [ExpertFeedForward, Experts]);
            yield return ("ffn_up_exps.bias", GgufType.F32, [ExpertFeedForward, Experts]);
            yield return ("ffn_down_exps.bias", GgufType.F32, [Width, Experts]);
        }

        if (shared == 0) yield break;
        if (Architecture == "qwen3next") yield return ("ffn_gate_inp_shexp.weight", GgufType.F32, [Width]);
        yield return Matrix("ffn_gate_shexp", Width, shared * ExpertFeedForward);
        yield return Matrix("ffn_up_shexp", Width, shared * ExpertFeedForward);
        yield return Matrix("ffn_down_shexp", shared * ExpertFeedForward, Width);
    }

    private (string Name, GgufType Type, long[] Dimensions) Matrix(string name, int from, int to) => ($"{name}.weight", Type, [from, to]);

    private static (string Name, GgufType Type, long[] Dimensions) Matrix3(string name, GgufType type, int from, int to, int count) => ($"{name}.weight", type, [from, to, count]);

    private static (string Name, GgufType Type, long[] Dimensions) Vector(string name, int width) => ($"{name}.weight", GgufType.F32, [width]);

    private IEnumerable<(string Key, Action<BinaryWriter> Value)> Pairs()
    {
        var a = Architecture;
        yield return ("general.architecture", Of(a));
        yield return ("general.name", Of(Name));
        yield return ("general.file_type", Of(Type switch { GgufType.F32 => 0u, GgufType.F16 => 1u, GgufType.Q4 => 2u, GgufType.Q8 => 7u, _ => 15u }));
        yield return ($"{a}.context_length", Of((uint)Context));
        yield return ($"{a}.embedding_length", Of((uint)Width));
        yield return ($"{a}.block_count", Of((uint)Layers));
        yield return ($"{a}.feed_forward_length", Of((uint)FeedForward));
        yield return ($"{a}.vocab_size", Of((uint)Vocabulary));
        yield return ($"{a}.attention.head_count", Of((uint)Heads));
        if (a == "granitehybrid") yield return ($"{a}.attention.head_count_kv", w => Array(w, 4, Layers, i => w.Write(Attends(i) ? (uint)KvHeads : 0u)));
        else yield return ($"{a}.attention.head_count_kv", Of((uint)KvHeads));
        yield return ($"{a}.attention.layer_norm_rms_epsilon", Of(1e-5f));
        if (a != "mamba2") yield return ($"{a}.rope.dimension_count", Of(a == "deepseek2" ? 64u : a == "qwen3next" ? (uint)Head / 4 : (uint)Head));
        if (HeadWidth > 0)
        {
            yield return ($"{a}.attention.key_length", Of((uint)HeadWidth));
            yield return ($"{a}.attention.value_length", Of((uint)HeadWidth));
        }

        if (Experts > 0)
        {
            yield return ($"{a}.expert_count", Of((uint)Experts));
            yield return ($"{a}.expert_used_count", Of((uint)ExpertsUsed));
            if (a != "llama") yield return ($"{a}.expert_feed_forward_length", Of((uint)ExpertFeedForward));
        }

        if (Window > 0) yield return ($"{a}.attention.sliding_window", Of((uint)Window));
        foreach (var pair in OwnPairs()) yield return pair;
        foreach (var pair in VocabularyPairs()) yield return pair;
    }

    /// <summary>What only this architecture has.</summary>
    private IEnumerable<(string Key, Action<BinaryWriter> Value)> OwnPairs()
    {
        var a = Architecture;
        if (a == "deepseek2")
        {
            yield return ($"{a}.attention.q_lora_rank", Of(1536u));
            yield return ($"{a}.attention.kv_lora_rank", Of(512u));
            yield return ($"{a}.attention.key_length", Of(576u));
            yield return ($"{a}.attention.value_length", Of(512u));
            yield return ($"{a}.attention.key_length_mla", Of(192u));
            yield return ($"{a}.attention.value_length_mla", Of(128u));
            yield return ($"{a}.leading_dense_block_count", Of(1u));
            yield return ($"{a}.expert_shared_count", Of(2u));
            yield return ($"{a}.expert_weights_scale", Of(1f));
        }

        if (a == "qwen3next")
        {
            yield return ($"{a}.expert_shared_feed_forward_length", Of((uint)ExpertFeedForward));
            yield return ($"{a}.full_attention_interval", Of((uint)AttendsEvery));
            yield return ($"{a}.rope.freq_base", Of(1e7f));
        }

        if (a == "granitehybrid")
        {
            yield return ($"{a}.logit_scale", Of(8f));
            yield return ($"{a}.residual_scale", Of(0.22f));
            yield return ($"{a}.embedding_scale", Of(12f));
            yield return ($"{a}.attention.scale", Of(0.0156f));
        }

        if (StateWidth == 0) yield break;
        yield return ($"{a}.ssm.conv_kernel", Of(4u));
        yield return ($"{a}.ssm.inner_size", Of((uint)StateWidth));
        yield return ($"{a}.ssm.state_size", Of((uint)StateSize));
        yield return ($"{a}.ssm.time_step_rank", Of((uint)(a == "qwen3next" ? StateWidth / StateSize : StateWidth / 64)));
        yield return ($"{a}.ssm.group_count", Of(a == "qwen3next" ? 16u : 1u));
    }

    private IEnumerable<(string Key, Action<BinaryWriter> Value)> VocabularyPairs()
    {
        var tokens = new List<(string Text, int Type)> { ("<unk>", 2), ("<s>", 3), ("</s>", 3) };
        for (var b = 0; b < 256; b++) tokens.Add(($"<0x{b:X2}>", 6));
        while (tokens.Count < Vocabulary) tokens.Add(($"w{tokens.Count}", 1));
        yield return ("tokenizer.ggml.model", Of("llama"));
        yield return ("tokenizer.ggml.pre", Of("default"));
        yield return ("tokenizer.ggml.tokens", w => Array(w, 8, tokens.Count, i => Text(w, tokens[i].Text)));
        yield return ("tokenizer.ggml.scores", w => Array(w, 6, tokens.Count, i => w.Write(-(float)i)));
        yield return ("tokenizer.ggml.token_type", w => Array(w, 5, tokens.Count, i => w.Write(tokens[i].Type)));
        yield return ("tokenizer.ggml.bos_token_id", Of(1u));
        yield return ("tokenizer.ggml.eos_token_id", Of(2u));
        yield return ("tokenizer.ggml.unknown_token_id", Of(0u));
    }
}

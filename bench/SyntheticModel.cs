using System.Text;

namespace Medulla.Bench;

/// <summary>
/// Writes a GGUF of a llama architecture with random weights: no knowledge, the load of a real one. With 1,024 wide, 8
/// layers and 4,096 tokens it has about 220 MB.
/// </summary>
internal static class SyntheticModel
{
    private const int Width = 1024;
    private const int Layers = 8;
    private const int FeedForward = 2816;
    private const int Heads = 16;
    private const int KvHeads = 8;
    private const int Vocabulary = 4096;
    private const int Alignment = 32;

    public static void Write(string path)
    {
        using var file = new BinaryWriter(File.Create(path));
        var tensors = Tensors().ToList();
        file.Write("GGUF"u8);
        file.Write(3u);
        file.Write((ulong)tensors.Count);
        var pairs = Pairs().ToList();
        file.Write((ulong)pairs.Count);
        foreach (var (key, value) in pairs)
        {
            Text(file, key);
            value(file);
        }

        var offset = 0UL;
        foreach (var (name, dimensions, half) in tensors)
        {
            Text(file, name);
            file.Write((uint)dimensions.Length);
            foreach (var d in dimensions) file.Write((ulong)d);
            file.Write(half ? 1u : 0u);
            file.Write(offset);
            offset += Padded((ulong)dimensions.Aggregate(1L, (a, b) => a * b) * (half ? 2UL : 4UL));
        }

        Pad(file);
        var random = new Random(7);
        foreach (var (_, dimensions, half) in tensors)
        {
            var count = dimensions.Aggregate(1, (a, b) => a * b);
            if (half) for (var i = 0; i < count; i++) file.Write(BitConverter.HalfToUInt16Bits((Half)((random.NextSingle() - 0.5f) * 0.2f)));
            else for (var i = 0; i < count; i++) file.Write(1f);
            Pad(file);
        }
    }

    private static IEnumerable<(string Name, int[] Dimensions, bool Half)> Tensors()
    {
        const int kv = Width / Heads * KvHeads;
        yield return ("token_embd.weight", [Width, Vocabulary], true);
        yield return ("output_norm.weight", [Width], false);
        yield return ("output.weight", [Width, Vocabulary], true);
        for (var layer = 0; layer < Layers; layer++)
        {
            yield return ($"blk.{layer}.attn_norm.weight", [Width], false);
            yield return ($"blk.{layer}.attn_q.weight", [Width, Width], true);
            yield return ($"blk.{layer}.attn_k.weight", [Width, kv], true);
            yield return ($"blk.{layer}.attn_v.weight", [Width, kv], true);
            yield return ($"blk.{layer}.attn_output.weight", [Width, Width], true);
            yield return ($"blk.{layer}.ffn_norm.weight", [Width], false);
            yield return ($"blk.{layer}.ffn_gate.weight", [Width, FeedForward], true);
            yield return ($"blk.{layer}.ffn_up.weight", [Width, FeedForward], true);
            yield return ($"blk.{layer}.ffn_down.weight", [FeedForward, Width], true);
        }
    }

    private static IEnumerable<(string Key, Action<BinaryWriter> Value)> Pairs()
    {
        var tokens = new List<(string Text, int Type)> { ("<unk>", 2), ("<s>", 3), ("</s>", 3) };
        for (var b = 0; b < 256; b++) tokens.Add(($"<0x{b:X2}>", 6));
        while (tokens.Count < Vocabulary) tokens.Add(($"w{tokens.Count}", 1));
        yield return ("general.architecture", Of("llama"));
        yield return ("general.name", Of("synthetic"));
        yield return ("general.file_type", Of(1u));
        yield return ("llama.context_length", Of(8192u));
        yield return ("llama.embedding_length", Of((uint)Width));
        yield return ("llama.block_count", Of((uint)Layers));
        yield return ("llama.feed_forward_length", Of((uint)FeedForward));
        yield return ("llama.vocab_size", Of((uint)Vocabulary));
        yield return ("llama.attention.head_count", Of((uint)Heads));
        yield return ("llama.attention.head_count_kv", Of((uint)KvHeads));
        yield return ("llama.attention.layer_norm_rms_epsilon", Of(1e-5f));
        yield return ("llama.rope.dimension_count", Of((uint)(Width / Heads)));
        yield return ("tokenizer.ggml.model", Of("llama"));
        yield return ("tokenizer.ggml.pre", Of("default"));
        yield return ("tokenizer.ggml.tokens", w => Array(w, 8, tokens.Count, i => Text(w, tokens[i].Text)));
        yield return ("tokenizer.ggml.scores", w => Array(w, 6, tokens.Count, i => w.Write(-(float)i)));
        yield return ("tokenizer.ggml.token_type", w => Array(w, 5, tokens.Count, i => w.Write(tokens[i].Type)));
        yield return ("tokenizer.ggml.bos_token_id", Of(1u));
        yield return ("tokenizer.ggml.eos_token_id", Of(2u));
        yield return ("tokenizer.ggml.unknown_token_id", Of(0u));
    }

    private static Action<BinaryWriter> Of(string value) => w =>
    {
        w.Write(8u);
        Text(w, value);
    };

    private static Action<BinaryWriter> Of(uint value) => w =>
    {
        w.Write(4u);
        w.Write(value);
    };

    private static Action<BinaryWriter> Of(float value) => w =>
    {
        w.Write(6u);
        w.Write(value);
    };

    private static void Array(BinaryWriter writer, uint type, int count, Action<int> item)
    {
        writer.Write(9u);
        writer.Write(type);
        writer.Write((ulong)count);
        for (var i = 0; i < count; i++) item(i);
    }

    private static void Text(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void Pad(BinaryWriter writer)
    {
        while (writer.BaseStream.Position % Alignment != 0) writer.Write((byte)0);
    }

    private static ulong Padded(ulong length) => (length + Alignment - 1) / Alignment * Alignment;
}

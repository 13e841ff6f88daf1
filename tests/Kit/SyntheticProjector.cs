using System.Text;

namespace Medulla.Tests.Kit;

/// <summary>What makes tokens of pictures, without knowledge and as small as an engine takes it: one layer, 32 wide, pictures of 56 x 56 points.</summary>
public static class SyntheticProjector
{
    private const int Width = 32, Inner = 64, Patch = 14, Side = 56;

    /// <param name="outputs">Width of the model that it is for.</param>
    public static void Write(string path, int outputs)
    {
        using var file = new BinaryWriter(File.Create(path));
        var tensors = Tensors(outputs).ToList();
        var pairs = Pairs(outputs).ToList();
        file.Write("GGUF"u8);
        file.Write(3u);
        file.Write((ulong)tensors.Count);
        file.Write((ulong)pairs.Count);
        foreach (var (key, value) in pairs)
        {
            Text(file, key);
            value(file);
        }

        var offset = 0L;
        foreach (var (name, dimensions) in tensors)
        {
            Text(file, name);
            file.Write((uint)dimensions.Length);
            foreach (var d in dimensions) file.Write((ulong)d);
            file.Write(0u);
            file.Write((ulong)offset);
            offset += (Bytes(dimensions) + 31) / 32 * 32;
        }

        Pad(file);
        var random = new Random(7);
        foreach (var (_, dimensions) in tensors)
        {
            for (var i = 0; i < Bytes(dimensions) / 4; i++) file.Write((random.NextSingle() - 0.5f) * 0.2f);
            Pad(file);
        }
    }

    private static IEnumerable<(string Key, Action<BinaryWriter> Value)> Pairs(int outputs)
    {
        yield return ("general.architecture", Word("clip"));
        yield return ("clip.has_vision_encoder", Flag);
        yield return ("clip.projector_type", Word("mlp"));
        yield return ("clip.use_gelu", Flag);
        yield return ("clip.vision.image_size", Whole(Side));
        yield return ("clip.vision.patch_size", Whole(Patch));
        yield return ("clip.vision.embedding_length", Whole(Width));
        yield return ("clip.vision.feed_forward_length", Whole(Inner));
        yield return ("clip.vision.projection_dim", Whole(outputs));
        yield return ("clip.vision.block_count", Whole(1));
        yield return ("clip.vision.attention.head_count", Whole(2));
        yield return ("clip.vision.attention.layer_norm_epsilon", Typed(6, w => w.Write(1e-5f)));
        yield return ("clip.vision.image_mean", Halves);
        yield return ("clip.vision.image_std", Halves);
    }

    private static IEnumerable<(string Name, long[] Dimensions)> Tensors(int outputs)
    {
        yield return ("v.patch_embd.weight", [Patch, Patch, 3, Width]);
        yield return ("v.class_embd", [Width]);
        yield return ("v.position_embd.weight", [Width, (Side / Patch * (Side / Patch)) + 1]);
        foreach (var (name, from, to) in new[] { ("attn_q", Width, Width), ("attn_k", Width, Width), ("attn_v", Width, Width), ("attn_out", Width, Width), ("ffn_up", Width, Inner), ("ffn_down", Inner, Width) })
        {
            yield return ($"v.blk.0.{name}.weight", [from, to]);
            yield return ($"v.blk.0.{name}.bias", [to]);
        }

        foreach (var name in new[] { "v.pre_ln", "v.blk.0.ln1", "v.blk.0.ln2" })
        {
            yield return ($"{name}.weight", [Width]);
            yield return ($"{name}.bias", [Width]);
        }

        yield return ("mm.0.weight", [Width, outputs]);
        yield return ("mm.0.bias", [outputs]);
        yield return ("mm.2.weight", [outputs, outputs]);
        yield return ("mm.2.bias", [outputs]);
    }

    private static Action<BinaryWriter> Typed(uint type, Action<BinaryWriter> value) => w =>
    {
        w.Write(type);
        value(w);
    };

    private static Action<BinaryWriter> Whole(int value) => Typed(4, w => w.Write(value));

    private static Action<BinaryWriter> Word(string value) => Typed(8, w => Text(w, value));

    private static void Flag(BinaryWriter writer) => Typed(7, w => w.Write(true))(writer);

    private static void Halves(BinaryWriter writer) => Typed(9, w =>
    {
        w.Write(6u);
        w.Write(3UL);
        for (var i = 0; i < 3; i++) w.Write(0.5f);
    })(writer);

    private static void Text(BinaryWriter writer, string text)
    {
        writer.Write((ulong)text.Length);
        writer.Write(Encoding.ASCII.GetBytes(text));
    }

    private static long Bytes(long[] dimensions) => dimensions.Aggregate(4L, (a, b) => a * b);

    private static void Pad(BinaryWriter writer)
    {
        writer.Flush();
        while (writer.BaseStream.Position % 32 != 0) writer.Write((byte)0);
    }
}

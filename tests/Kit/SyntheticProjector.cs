using static Medulla.Tests.Kit.GgufWriting;

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
        WriteHeader(file, Pairs(outputs), tensors);
        var random = new Random(7);
        foreach (var (_, type, dimensions) in tensors)
        {
            for (var i = 0; i < Bytes(type, dimensions) / 4; i++) file.Write((random.NextSingle() - 0.5f) * 0.2f);
            Pad(file);
        }
    }

    private static IEnumerable<(string Key, Action<BinaryWriter> Value)> Pairs(int outputs)
    {
        yield return ("general.architecture", Of("clip"));
        yield return ("clip.has_vision_encoder", Of(true));
        yield return ("clip.projector_type", Of("mlp"));
        yield return ("clip.use_gelu", Of(true));
        yield return ("clip.vision.image_size", Of((uint)Side));
        yield return ("clip.vision.patch_size", Of((uint)Patch));
        yield return ("clip.vision.embedding_length", Of((uint)Width));
        yield return ("clip.vision.feed_forward_length", Of((uint)Inner));
        yield return ("clip.vision.projection_dim", Of((uint)outputs));
        yield return ("clip.vision.block_count", Of(1u));
        yield return ("clip.vision.attention.head_count", Of(2u));
        yield return ("clip.vision.attention.layer_norm_epsilon", Of(1e-5f));
        yield return ("clip.vision.image_mean", Halves);
        yield return ("clip.vision.image_std", Halves);
    }

    private static IEnumerable<(string Name, GgufType Type, long[] Dimensions)> Tensors(int outputs)
    {
        yield return ("v.patch_embd.weight", GgufType.F32, [Patch, Patch, 3, Width]);
        yield return ("v.class_embd", GgufType.F32, [Width]);
        yield return ("v.position_embd.weight", GgufType.F32, [Width, (Side / Patch * (Side / Patch)) + 1]);
        foreach (var (name, from, to) in new[] { ("attn_q", Width, Width), ("attn_k", Width, Width), ("attn_v", Width, Width), ("attn_out", Width, Width), ("ffn_up", Width, Inner), ("ffn_down", Inner, Width) })
        {
            yield return ($"v.blk.0.{name}.weight", GgufType.F32, [from, to]);
            yield return ($"v.blk.0.{name}.bias", GgufType.F32, [to]);
        }

        foreach (var name in new[] { "v.pre_ln", "v.blk.0.ln1", "v.blk.0.ln2" })
        {
            yield return ($"{name}.weight", GgufType.F32, [Width]);
            yield return ($"{name}.bias", GgufType.F32, [Width]);
        }

        yield return ("mm.0.weight", GgufType.F32, [Width, outputs]);
        yield return ("mm.0.bias", GgufType.F32, [outputs]);
        yield return ("mm.2.weight", GgufType.F32, [outputs, outputs]);
        yield return ("mm.2.bias", GgufType.F32, [outputs]);
    }

    private static void Halves(BinaryWriter writer) => Array(writer, 6, 3, _ => writer.Write(0.5f));
}

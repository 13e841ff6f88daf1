using System.Buffers.Binary;
using System.Text;

namespace Medulla.Tests.Unit.Headers;

/// <summary>Writes headers by hand, so that they can say anything.</summary>
internal sealed class Hostile
{
    private readonly List<byte> _bytes = [];

    public static Hostile Gguf(ulong tensors, ulong pairs, uint version = 3) => new Hostile().Raw("GGUF"u8).U32(version).U64(tensors).U64(pairs);

    /// <summary>A GGUF that names its architecture, its layers and its width, and has no other pairs.</summary>
    public static Hostile Model(ulong tensors) =>
        Gguf(tensors, 3).Text("general.architecture").U32(8).Text("llama").Text("llama.block_count").U32(4).U32(1).Text("llama.embedding_length").U32(4).U32(32);

    public static byte[] Safetensors(string json, int body = 0, ulong? claimed = null)
    {
        var text = Encoding.UTF8.GetBytes(json);
        return new Hostile().U64(claimed ?? (ulong)text.Length).Raw(text).Raw(new byte[body]).ToArray();
    }

    public Hostile Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public Hostile U32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public Hostile U64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public Hostile Text(string text) => U64((ulong)Encoding.UTF8.GetByteCount(text)).Raw(Encoding.UTF8.GetBytes(text));

    public Hostile Tensor(string name, uint type, ulong offset, params ulong[] dimensions)
    {
        Text(name).U32((uint)dimensions.Length);
        foreach (var d in dimensions) U64(d);
        return U32(type).U64(offset);
    }

    public byte[] ToArray() => [.. _bytes];
}

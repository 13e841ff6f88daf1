using System.Text;

namespace Medulla.Tests.Kit;

/// <summary>What every GGUF is written of: version 3, tensors at multiples of <see cref="Alignment"/>.</summary>
internal static class GgufWriting
{
    private const int Alignment = 32;

    /// <summary>All before the tensors' bytes.</summary>
    public static void WriteHeader(BinaryWriter file, IEnumerable<(string Key, Action<BinaryWriter> Value)> pairs, IReadOnlyCollection<(string Name, GgufType Type, long[] Dimensions)> tensors)
    {
        var all = pairs.ToList();
        file.Write("GGUF"u8);
        file.Write(3u);
        file.Write((ulong)tensors.Count);
        file.Write((ulong)all.Count);
        foreach (var (key, value) in all)
        {
            Text(file, key);
            value(file);
        }

        var offset = 0L;
        foreach (var (name, type, dimensions) in tensors)
        {
            Text(file, name);
            file.Write((uint)dimensions.Length);
            foreach (var d in dimensions) file.Write((ulong)d);
            file.Write((uint)type);
            file.Write((ulong)offset);
            offset += Padded(Bytes(type, dimensions));
        }

        Pad(file);
    }

    public static Action<BinaryWriter> Of(string value) => w =>
    {
        w.Write(8u);
        Text(w, value);
    };

    public static Action<BinaryWriter> Of(uint value) => w =>
    {
        w.Write(4u);
        w.Write(value);
    };

    public static Action<BinaryWriter> Of(float value) => w =>
    {
        w.Write(6u);
        w.Write(value);
    };

    public static Action<BinaryWriter> Of(bool value) => w =>
    {
        w.Write(7u);
        w.Write(value);
    };

    public static void Array(BinaryWriter writer, uint type, int count, Action<int> item)
    {
        writer.Write(9u);
        writer.Write(type);
        writer.Write((ulong)count);
        for (var i = 0; i < count; i++) item(i);
    }

    public static void Text(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    public static void Pad(BinaryWriter writer)
    {
        while (writer.BaseStream.Position % Alignment != 0) writer.Write((byte)0);
    }

    public static long Elements(long[] dimensions) => dimensions.Aggregate(1L, (a, b) => a * b);

    public static long Bytes(GgufType type, long[] dimensions) => type switch
    {
        GgufType.F32 => Elements(dimensions) * 4,
        GgufType.F16 => Elements(dimensions) * 2,
        GgufType.Q4 => Elements(dimensions) / 32 * 18,
        GgufType.Q8 => Elements(dimensions) / 32 * 34,
        _ => Elements(dimensions) / 256 * 144,
    };

    public static long Padded(long length) => (length + Alignment - 1) / Alignment * Alignment;
}

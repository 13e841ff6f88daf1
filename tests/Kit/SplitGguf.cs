using static Medulla.Tests.Kit.GgufWriting;

namespace Medulla.Tests.Kit;

/// <summary>Cuts a GGUF into parts as <c>llama-gguf-split</c> does: the first has the keys, each has its share of the tensors.</summary>
public static class SplitGguf
{
    private const uint U16 = 2, I32 = 5, String = 8, Array = 9;

    /// <returns>Paths of the parts, the first first.</returns>
    public static IReadOnlyList<string> Write(string source, string folder, string name, int parts)
    {
        var bytes = File.ReadAllBytes(source);
        using var reader = new BinaryReader(new MemoryStream(bytes));
        var (_, version) = (reader.ReadUInt32(), reader.ReadUInt32());
        var (tensors, pairs) = ((int)reader.ReadUInt64(), reader.ReadUInt64());
        var from = reader.BaseStream.Position;
        for (var i = 0UL; i < pairs; i++)
        {
            SkipText(reader);
            Skip(reader, reader.ReadUInt32());
        }

        var keys = bytes[(int)from..(int)reader.BaseStream.Position];
        var all = Enumerable.Range(0, tensors).Select(_ => Info(reader)).ToList();
        var data = Padded(reader.BaseStream.Position);
        var ends = all.Skip(1).Select(t => (long)t.Offset).Append(bytes.Length - data).ToList();
        var paths = Enumerable.Range(1, parts).Select(n => Path.Combine(folder, $"{name}-{n:00000}-of-{parts:00000}.gguf")).ToList();
        for (var part = 0; part < parts; part++)
        {
            var (first, last) = (tensors * part / parts, tensors * (part + 1) / parts);
            using var writer = new BinaryWriter(File.Create(paths[part]));
            writer.Write("GGUF"u8);
            writer.Write(version);
            writer.Write((ulong)(last - first));
            writer.Write((part == 0 ? pairs : 0) + 3);
            if (part == 0) writer.Write(keys);
            Pair(writer, "split.no", U16, (ushort)part);
            Pair(writer, "split.count", U16, (ushort)parts);
            Pair(writer, "split.tensors.count", I32, tensors);
            var offset = 0L;
            for (var i = first; i < last; i++)
            {
                writer.Write(all[i].Head);
                writer.Write((ulong)offset);
                offset += Padded(ends[i] - (long)all[i].Offset);
            }

            Pad(writer);
            for (var i = first; i < last; i++)
            {
                writer.Write(bytes.AsSpan((int)(data + (long)all[i].Offset), (int)(ends[i] - (long)all[i].Offset)));
                Pad(writer);
            }
        }

        return paths;
    }

    private static (byte[] Head, ulong Offset) Info(BinaryReader reader)
    {
        var from = reader.BaseStream.Position;
        SkipText(reader);
        var dimensions = reader.ReadUInt32();
        reader.BaseStream.Seek((dimensions * 8) + 4, SeekOrigin.Current);
        var length = (int)(reader.BaseStream.Position - from);
        reader.BaseStream.Seek(from, SeekOrigin.Begin);
        return (reader.ReadBytes(length), reader.ReadUInt64());
    }

    private static void Skip(BinaryReader reader, uint type)
    {
        if (type == String)
        {
            SkipText(reader);
        }
        else if (type == Array)
        {
            var (of, count) = (reader.ReadUInt32(), reader.ReadUInt64());
            for (var i = 0UL; i < count; i++) Skip(reader, of);
        }
        else
        {
            reader.BaseStream.Seek(type switch { 0 or 1 or 7 => 1, 2 or 3 => 2, 4 or 5 or 6 => 4, _ => 8 }, SeekOrigin.Current);
        }
    }

    private static void SkipText(BinaryReader reader) => reader.BaseStream.Seek((long)reader.ReadUInt64(), SeekOrigin.Current);

    private static void Pair(BinaryWriter writer, string key, uint type, int value)
    {
        Text(writer, key);
        writer.Write(type);
        if (type == U16) writer.Write((ushort)value);
        else writer.Write(value);
    }
}

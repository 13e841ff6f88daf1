using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Medulla.State;

/// <summary>What a <see cref="RecordFile"/> held: a closed family.</summary>
internal abstract record RecordRead
{
    private RecordRead()
    {
    }

    /// <summary>Nothing was ever written.</summary>
    public sealed record Absent : RecordRead;

    /// <param name="Damage">What was wrong with the other slot, already set aside; null when nothing was.</param>
    public sealed record Found(byte[] Payload, SlotDamage? Damage) : RecordRead;

    /// <summary>Something was written and nothing of it can be read.</summary>
    public sealed record Lost(SlotDamage Damage) : RecordRead;
}

/// <param name="SetAside">Where the damaged file is now.</param>
internal sealed record SlotDamage(string File, string SetAside, string Reason);

/// <summary>
/// A record in two slots. The writer replaces the older slot, so the current one survives whatever happens to the write;
/// the reader takes the newest that is whole, else the other. A damaged slot is set aside and reported, never read as empty.
/// A small ballast file gives its space to the write that meets a full disk.
/// </summary>
/// <param name="path">Path without the slots' endings.</param>
/// <param name="aside">Folder for damaged slots.</param>
internal sealed class RecordFile(string path, string aside)
{
    private const int HeaderLength = 4 + 4 + 8 + 8 + 32;
    private const uint Magic = 0x4C44454D;
    private const uint Format = 1;
    private const int BallastLength = 1 << 20;
    private const int MaxLength = 16 << 20;

    private readonly string[] _slots = [path + ".a", path + ".b"];
    private long _generation;
    private int _current = 1;
    private byte[]? _written;

    public RecordRead Read()
    {
        SlotDamage? damage = null;
        byte[]? newest = null;
        for (var slot = 0; slot < 2; slot++)
        {
            if (!File.Exists(_slots[slot])) continue;
            var bytes = File.ReadAllBytes(_slots[slot]);
            if (Check(bytes, out var generation) is { } reason)
            {
                damage = new SlotDamage(_slots[slot], AtomicFile.SetAside(_slots[slot], aside), reason);
            }
            else if (generation > _generation)
            {
                (_generation, _current, newest) = (generation, slot, bytes);
            }
        }

        if (newest is null) return damage is null ? new RecordRead.Absent() : new RecordRead.Lost(damage);
        _written = newest[HeaderLength..];
        return new RecordRead.Found(_written, damage);
    }

    /// <summary>The newest whole payload, without touching anything: for readers beside the daemon. Null when there is none.</summary>
    public static byte[]? Peek(string path)
    {
        byte[]? newest = null;
        var latest = 0L;
        foreach (var slot in new[] { path + ".a", path + ".b" }.Where(File.Exists))
        {
            var bytes = File.ReadAllBytes(slot);
            if (Check(bytes, out var generation) is null && generation > latest) (newest, latest) = (bytes[HeaderLength..], generation);
        }

        return newest;
    }

    /// <summary>Durable on return. Does nothing when the payload is what was last written.</summary>
    /// <exception cref="IOException">It could not be made durable; the record is as before.</exception>
    public void Write(ReadOnlySpan<byte> payload)
    {
        if (_written is not null && payload.SequenceEqual(_written)) return;
        var bytes = new byte[HeaderLength + payload.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), Format);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), _generation + 1);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), payload.Length);
        payload.CopyTo(bytes.AsSpan(HeaderLength));
        SHA256.HashData(payload, bytes.AsSpan(24));
        var next = 1 - _current;
        try
        {
            AtomicFile.Write(_slots[next], bytes);
            Ballast();
        }
        catch (IOException) when (File.Exists(path + ".ballast"))
        {
            File.Delete(path + ".ballast");
            AtomicFile.Write(_slots[next], bytes);
        }

        (_generation, _current, _written) = (_generation + 1, next, bytes[HeaderLength..]);
    }

    /// <summary>Null when the slot is whole.</summary>
    private static string? Check(ReadOnlySpan<byte> bytes, out long generation)
    {
        generation = 0;
        if (bytes.Length < HeaderLength) return $"it has {bytes.Length} bytes, fewer than its header";
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic) return "it does not begin as a record does";
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) is var format && format != Format) return $"its format is {format}, and this daemon reads {Format}";
        var length = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]);
        if (length < 0 || length > MaxLength || length != bytes.Length - HeaderLength) return $"it promises {length} bytes and has {bytes.Length - HeaderLength}";
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(bytes[HeaderLength..], hash);
        if (!hash.SequenceEqual(bytes.Slice(24, 32))) return "its checksum does not match its content";
        generation = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
        return null;
    }

    /// <summary>Best effort: without it a full disk may delay a write, and nothing worse.</summary>
    private void Ballast()
    {
        if (File.Exists(path + ".ballast")) return;
        try
        {
            using var file = new FileStream(path + ".ballast", FileMode.Create, FileAccess.Write);
            file.Write(new byte[BallastLength]);
        }
        catch (IOException)
        {
            File.Delete(path + ".ballast");
        }
    }
}

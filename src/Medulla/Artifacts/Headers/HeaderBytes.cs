using System.Buffers.Binary;
using System.Text;

namespace Medulla.Artifacts.Headers;

/// <summary>
/// Reads a header forward from a stream, little-endian, and counts: what a file claims costs no more memory than what was
/// really read, and reading ends at <see cref="MaxBytes"/>.
/// </summary>
internal sealed class HeaderBytes(Stream stream)
{
    /// <summary>The longest headers that are around (vocabularies of 260,000 tokens with their merges) have 20 MB.</summary>
    public const long MaxBytes = 64L << 20;

    private readonly byte[] _buffer = new byte[64 << 10];
    private int _start;
    private int _end;

    /// <summary>Bytes read so far.</summary>
    public long Position { get; private set; }

    public byte U8() => Take(1)[0];

    public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public float F32() => BinaryPrimitives.ReadSingleLittleEndian(Take(4));

    public double F64() => BinaryPrimitives.ReadDoubleLittleEndian(Take(8));

    /// <summary>A text with its length before it; null when it is longer than <paramref name="most"/>, and then passed over.</summary>
    /// <param name="most">Bytes; at most a buffer, 64 KiB.</param>
    public string? Text(int most)
    {
        var length = U64();
        if (length <= (ulong)most) return Encoding.UTF8.GetString(Take((int)length));
        Skip(length);
        return null;
    }

    public void Skip(ulong count)
    {
        if (count > MaxBytes) throw new HeaderException($"it claims a value of {count} bytes within its header");
        for (var left = (int)count; left > 0;)
        {
            var part = Math.Min(left, _buffer.Length);
            Take(part);
            left -= part;
        }
    }

    /// <summary>So many bytes, in an array that grows with what is really there.</summary>
    public byte[] Bytes(int count)
    {
        var bytes = new byte[Math.Min(count, 1 << 20)];
        for (var done = 0; done < count;)
        {
            if (done == bytes.Length) Array.Resize(ref bytes, (int)Math.Min(count, bytes.Length * 2L));
            var part = Take(Math.Min(bytes.Length - done, _buffer.Length));
            part.CopyTo(bytes.AsSpan(done));
            done += part.Length;
        }

        return bytes;
    }

    /// <summary>Valid until the next call.</summary>
    private ReadOnlySpan<byte> Take(int count)
    {
        while (_end - _start < count)
        {
            if (_start > 0)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
            }

            var read = stream.Read(_buffer, _end, _buffer.Length - _end);
            if (read == 0) throw new HeaderException($"it ends after {Position + _end - _start} bytes, within its header") { IsCut = true };
            _end += read;
        }

        Position += count;
        if (Position > MaxBytes) throw new HeaderException($"its header is longer than {MaxBytes >> 20} MiB");
        _start += count;
        return _buffer.AsSpan(_start - count, count);
    }
}

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Medulla.Core.Units;

/// <summary>A number of bytes, 0 or more. Printed in binary units (<c>1.5 GiB</c>).</summary>
[JsonConverter(typeof(ByteSizeConverter))]
public readonly record struct ByteSize(long Bytes) : IComparable<ByteSize>
{
    public static readonly ByteSize Zero;

    public static ByteSize MiB(double count) => new((long)(count * (1L << 20)));

    public static ByteSize GiB(double count) => new((long)(count * (1L << 30)));

    /// <summary>Reads <c>512</c>, <c>512MiB</c>, <c>4 GiB</c>, <c>40GB</c> (decimal). False when it is none of these or negative.</summary>
    public static bool TryParse(string text, out ByteSize size)
    {
        size = Zero;
        var digits = text.TrimEnd().TakeWhile(c => char.IsAsciiDigit(c) || c == '.').Count();
        if (!double.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) return false;
        double unit = text[digits..].Trim().ToUpperInvariant() switch
        {
            "" or "B" => 1,
            "KIB" => 1L << 10,
            "MIB" => 1L << 20,
            "GIB" => 1L << 30,
            "TIB" => 1L << 40,
            "KB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            "TB" => 1e12,
            _ => 0,
        };
        if (unit == 0 || number * unit > long.MaxValue / 2) return false;
        size = new ByteSize((long)(number * unit));
        return true;
    }

    public static ByteSize operator +(ByteSize a, ByteSize b) => new(a.Bytes + b.Bytes);

    public static ByteSize operator -(ByteSize a, ByteSize b) => new(a.Bytes - b.Bytes);

    public static bool operator <(ByteSize a, ByteSize b) => a.Bytes < b.Bytes;

    public static bool operator >(ByteSize a, ByteSize b) => a.Bytes > b.Bytes;

    public static bool operator <=(ByteSize a, ByteSize b) => a.Bytes <= b.Bytes;

    public static bool operator >=(ByteSize a, ByteSize b) => a.Bytes >= b.Bytes;

    public int CompareTo(ByteSize other) => Bytes.CompareTo(other.Bytes);

    public override string ToString() => Math.Abs(Bytes) switch
    {
        < 1L << 10 => string.Create(CultureInfo.InvariantCulture, $"{Bytes} B"),
        < 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{Bytes / 1024.0:0.#} KiB"),
        < 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{Bytes / (double)(1L << 20):0.#} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Bytes / (double)(1L << 30):0.##} GiB"),
    };
}

/// <summary>A size in JSON is a number of bytes.</summary>
public sealed class ByteSizeConverter : JsonConverter<ByteSize>
{
    public override ByteSize Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetInt64());

    public override void Write(Utf8JsonWriter writer, ByteSize value, JsonSerializerOptions options) => writer.WriteNumberValue(value.Bytes);
}

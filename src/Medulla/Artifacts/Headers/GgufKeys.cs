namespace Medulla.Artifacts.Headers;

/// <summary>The pairs of a GGUF, as far as they are kept: numbers, short texts, arrays of one number per layer, and how long every array is.</summary>
internal sealed class GgufKeys
{
    /// <summary>More layers than any model has.</summary>
    public const int MaxLayers = 4096;

    private const int MaxPairs = 1 << 16;
    private const int MaxElements = 1 << 24;
    private const int MaxKey = 1024;
    private const int MaxText = 1024;

    /// <summary>Elements kept of all arrays together.</summary>
    private const int MaxKept = 1 << 16;

    private readonly Dictionary<string, double> _numbers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long[]> _arrays = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);
    private int _kept;

    public static GgufKeys Read(HeaderBytes bytes, ulong pairs)
    {
        if (pairs > MaxPairs) throw new HeaderException($"it claims {pairs} keys; {MaxPairs} are believed");
        var keys = new GgufKeys();
        for (var i = 0UL; i < pairs; i++)
        {
            var key = bytes.Text(MaxKey) ?? throw new HeaderException($"it has a key of more than {MaxKey} bytes");
            keys.ReadValue(bytes, bytes.U32(), key);
        }

        return keys;
    }

    public bool Has(string key) => _numbers.ContainsKey(key) || _texts.ContainsKey(key) || _counts.ContainsKey(key);

    /// <summary>Null when there is none, and when it is not a number that a count could be.</summary>
    public long? Number(string key) => _numbers.TryGetValue(key, out var value) && double.IsFinite(value) && Math.Abs(value) < 1e15 ? (long)value : null;

    /// <summary>A number of 0 to <paramref name="most"/>; null when there is none. Throws when it is another.</summary>
    public int? Whole(string key, int most) => Number(key) is not { } n ? null : n >= 0 && n <= most ? (int)n : throw new HeaderException($"{key} is {n}");

    /// <summary>Null when there is none, and when it is long.</summary>
    public string? Text(string key) => _texts.GetValueOrDefault(key) is { Length: > 0 } text ? text : null;

    /// <summary>One number for all layers, or one for each; null when there is neither.</summary>
    public int[]? PerLayer(string key, int layers, int most)
    {
        if (Array(key) is { Length: > 0 } each)
        {
            if (each.Length < layers) throw new HeaderException($"{key} has {each.Length} elements for {layers} layers");
            return [.. each.Take(layers).Select(n => n >= 0 && n <= most ? (int)n : throw new HeaderException($"{key} has the element {n}"))];
        }

        return Whole(key, most) is { } one ? [.. Enumerable.Repeat(one, layers)] : null;
    }

    /// <summary>Empty when there is none, and when it is not one of numbers or too long to be kept.</summary>
    public long[] Array(string key) => _arrays.GetValueOrDefault(key, []);

    /// <summary>Elements of an array, whether kept or not.</summary>
    public int? Count(string key) => _counts.TryGetValue(key, out var count) ? count : null;

    private void ReadValue(HeaderBytes bytes, uint type, string key)
    {
        switch (type)
        {
            case 8:
                _texts[key] = bytes.Text(MaxText) ?? "";
                break;
            case 9:
                ReadArray(bytes, key);
                break;
            default:
                _numbers[key] = Scalar(bytes, type, key);
                break;
        }
    }

    private void ReadArray(HeaderBytes bytes, string key)
    {
        var (type, count) = (bytes.U32(), bytes.U64());
        if (count > MaxElements) throw new HeaderException($"{key} claims {count} elements");
        _counts[key] = (int)count;
        if (type == 8)
        {
            for (var i = 0UL; i < count; i++) bytes.Skip(bytes.U64());
        }
        else if (count > MaxLayers || _kept + (int)count > MaxKept)
        {
            bytes.Skip(count * (ulong)Width(type, key));
        }
        else
        {
            // Grows with what is read, not with what is claimed.
            var kept = new List<long>();
            for (var i = 0UL; i < count; i++) kept.Add((long)Scalar(bytes, type, key));
            _kept += kept.Count;
            _arrays[key] = [.. kept];
        }
    }

    private static double Scalar(HeaderBytes bytes, uint type, string key) => type switch
    {
        0 => bytes.U8(),
        1 => (sbyte)bytes.U8(),
        2 => bytes.U16(),
        3 => (short)bytes.U16(),
        4 => bytes.U32(),
        5 => (int)bytes.U32(),
        6 => bytes.F32(),
        7 => bytes.U8() == 0 ? 0 : 1,
        10 => bytes.U64(),
        11 => (long)bytes.U64(),
        12 => bytes.F64(),
        _ => throw Unknown(type, key),
    };

    private static int Width(uint type, string key) => type switch
    {
        0 or 1 or 7 => 1,
        2 or 3 => 2,
        4 or 5 or 6 => 4,
        10 or 11 or 12 => 8,
        _ => throw Unknown(type, key),
    };

    private static HeaderException Unknown(uint type, string key) => new($"{key} has a value of type {type}, which is not known");
}

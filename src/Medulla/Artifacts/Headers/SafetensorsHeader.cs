using System.Text.Json;
using Medulla.Core.Units;

namespace Medulla.Artifacts.Headers;

/// <summary>
/// The header of safetensors: a length, then that much JSON naming each tensor with its type, shape and place. The
/// architecture is not in it. Source of the format: the README of huggingface/safetensors.
/// </summary>
internal sealed class SafetensorsHeader : HeaderPart
{
    private const long MaxJson = 32 << 20;
    private const int MaxTensors = 1 << 17;
    private const long MaxElements = 1L << 46;
    private const long MaxOffset = 1L << 50;

    private readonly Dictionary<string, long> _bytesByType = new(StringComparer.Ordinal);
    private long _parameters;
    private long _expertBytes;

    /// <param name="bytes">After the first four bytes.</param>
    /// <param name="first">The first four bytes.</param>
    /// <param name="length">Length of the whole file; null when unknown.</param>
    public static SafetensorsHeader Read(HeaderBytes bytes, uint first, long? length)
    {
        var size = first | ((ulong)bytes.U32() << 32);
        if (size is < 2 or > MaxJson) throw new HeaderException("it begins neither as GGUF nor as safetensors do");
        if (bytes.U8() != '{') throw new HeaderException("it begins neither as GGUF nor as safetensors do");
        var json = bytes.Bytes((int)size - 1);
        try
        {
            var header = new SafetensorsHeader();
            header.Read([(byte)'{', .. json.AsSpan(0, (int)size - 1)], length is { } whole ? whole - 8 - (long)size : null);
            return header;
        }
        catch (JsonException e)
        {
            throw new HeaderException($"its header is not JSON: {e.Message}");
        }
        catch (InvalidOperationException e)
        {
            throw new HeaderException($"its header is not what safetensors have: {e.Message}");
        }
    }

    public override ModelHeader ToHeader() => new()
    {
        Shape = null,
        Name = null,
        Quant = _bytesByType.Count == 0 ? "" : _bytesByType.MaxBy(t => t.Value).Key,
        Parameters = _parameters,
        ActiveParameters = _parameters,
        Weights = new ByteSize(_bytesByType.Values.Sum()),
        ExpertWeights = new ByteSize(_expertBytes),
        BytesByType = _bytesByType,
    };

    /// <param name="room">Bytes after the header; null when unknown.</param>
    private void Read(ReadOnlySpan<byte> json, long? room)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        var places = new List<(long From, long To)>();
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) throw new HeaderException("its header is not a JSON object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("__metadata__"u8))
            {
                reader.Read();
                reader.Skip();
                continue;
            }

            if (places.Count == MaxTensors) throw new HeaderException($"it claims more than {MaxTensors} tensors");
            var name = reader.GetString()!;
            if (name.Length > 1024) throw new HeaderException("it has a tensor whose name is longer than 1024 characters");
            places.Add(ReadTensor(ref reader, name));
        }

        places.Sort();
        var end = 0L;
        foreach (var (from, to) in places)
        {
            if (from < end) throw new HeaderException($"two of its tensors both claim the bytes from {from} on");
            end = Math.Max(end, to);
        }

        if (room is { } bytes && end > bytes) throw new HeaderException($"its tensors need {end} bytes after the header and the file has {bytes}: it is cut off");
    }

    private (long From, long To) ReadTensor(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        long? elements = null, from = null, to = null;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) throw new HeaderException($"the tensor {name} is not an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("dtype"u8))
            {
                reader.Read();
                type = reader.GetString();
            }
            else if (reader.ValueTextEquals("shape"u8))
            {
                elements = 1;
                foreach (var n in Numbers(ref reader, name))
                {
                    if (n != 0 && elements > MaxElements / n) throw new HeaderException($"the tensor {name} claims more elements than is believed");
                    elements *= n;
                }
            }
            else if (reader.ValueTextEquals("data_offsets"u8))
            {
                if (Numbers(ref reader, name) is not [var begins, var ends] || begins > ends) throw new HeaderException($"the tensor {name} does not say from where to where it lies");
                (from, to) = (begins, ends);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        if (type is not { Length: > 0 and <= 16 } || elements is null || from is null || to is null) throw new HeaderException($"the tensor {name} has no type, shape or place");
        var bytes = to.Value - from.Value;
        if (Bits(type) is { } bits && bytes != ((elements.Value * bits) + 7) / 8) throw new HeaderException($"the tensor {name} has {elements} elements of {type} in {bytes} bytes");
        _parameters += elements.Value;
        _bytesByType[type] = _bytesByType.GetValueOrDefault(type) + bytes;
        if (_bytesByType.Count > 64) throw new HeaderException("it claims more types than there are");
        if (name.Contains(".experts.", StringComparison.Ordinal)) _expertBytes += bytes;
        return (from.Value, to.Value);
    }

    private static List<long> Numbers(ref Utf8JsonReader reader, string tensor)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray) throw new HeaderException($"the tensor {tensor} has something else where a list of numbers belongs");
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (numbers.Count == 16 || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var n) || n is < 0 or > MaxOffset)
            {
                throw new HeaderException($"the tensor {tensor} has a number that is not believed");
            }

            numbers.Add(n);
        }

        return numbers;
    }

    /// <summary>Null for a type that is not known here, whose size is not checked.</summary>
    private static int? Bits(string type) => type switch
    {
        "F64" or "I64" or "U64" or "C64" => 64,
        "F32" or "I32" or "U32" => 32,
        "F16" or "BF16" or "I16" or "U16" => 16,
        "F8_E4M3" or "F8_E5M2" or "F8_E8M0" or "I8" or "U8" or "BOOL" => 8,
        "F4" => 4,
        _ => null,
    };
}

/// <summary><c>model.safetensors.index.json</c>: which tensor is in which file, and how much all of them take.</summary>
internal static class SafetensorsIndex
{
    /// <summary>Null when it does not say.</summary>
    public static ByteSize? TotalSize(ReadOnlySpan<byte> json)
    {
        using var document = ModelConfig.Parse(json, "the index of the files");
        try
        {
            return TotalSize(document.RootElement);
        }
        catch (InvalidOperationException e)
        {
            throw new HeaderException($"the index of the files has text that is none: {e.Message}");
        }
    }

    private static ByteSize? TotalSize(JsonElement root) =>
        root.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object
            && metadata.TryGetProperty("total_size", out var size) && size.ValueKind == JsonValueKind.Number
            && size.TryGetDouble(out var total) && total is > 0 and < 1L << 50
            ? new ByteSize((long)total)
            : null;
}

using System.Collections.Immutable;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Artifacts.Headers;

/// <summary>
/// The header of a GGUF, versions 2 and 3: pairs of key and value, then the list of tensors. Only what the fit needs is
/// kept. Source of the format: docs/gguf.md of ggml-org/ggml.
/// </summary>
internal sealed class GgufHeader : HeaderPart
{
    /// <summary><c>GGUF</c>.</summary>
    public const uint Magic = 0x46554747;

    private const int MaxAlignment = 1 << 20;

    private readonly GgufKeys _keys;
    private readonly GgufTensors _tensors;

    private GgufHeader(GgufKeys keys, GgufTensors tensors)
    {
        _keys = keys;
        _tensors = tensors;
    }

    /// <summary>Files that the model is split into; 1 for a whole one.</summary>
    public int Split => Math.Max(1, _keys.Whole("split.count", SplitName.MaxParts) ?? 1);

    /// <summary>File names of all parts, in order. Throws when this file is not named as the first of so many.</summary>
    public ImmutableArray<string> PartsOf(string first) =>
        SplitName.Of(first) is { Part: 1 } name && name.Count == Split ? name.All() : throw new HeaderException($"it is a part of a model in {Split} files, and {first} is not named as the first of them is");

    /// <param name="bytes">After the magic.</param>
    /// <param name="length">Length of the whole file; null when unknown.</param>
    public static GgufHeader Read(HeaderBytes bytes, long? length)
    {
        var version = bytes.U32();
        if (version is not (2 or 3)) throw new HeaderException($"it is GGUF of version {version}, and 2 and 3 are known");
        var (tensors, pairs) = (bytes.U64(), bytes.U64());

        // Before anything else is read: a claim that cannot be true costs nothing.
        if (tensors > 1 << 17) throw new HeaderException($"it claims {tensors} tensors; {1 << 17} are believed");
        var keys = GgufKeys.Read(bytes, pairs);
        var alignment = Math.Max(1, keys.Whole("general.alignment", MaxAlignment) ?? 32);
        return new GgufHeader(keys, GgufTensors.Read(bytes, tensors, length, alignment));
    }

    /// <summary>One header of all parts; the first has the keys.</summary>
    public static ModelHeader Join(IReadOnlyList<GgufHeader> parts)
    {
        foreach (var part in parts.Skip(1)) parts[0]._tensors.Add(part._tensors);
        return parts[0].ToHeader();
    }

    public override ModelHeader ToHeader()
    {
        var shape = GgufShape.Of(_keys, _tensors);
        var most = _tensors.BytesByType.Count == 0 ? "" : _tensors.BytesByType.MaxBy(t => t.Value).Key;
        var idle = shape is { Experts: > 0 } ? _tensors.ExpertParameters - (long)(_tensors.ExpertParameters * ((double)Math.Min(shape.ExpertsUsed, shape.Experts) / shape.Experts)) : 0;
        return new ModelHeader
        {
            Shape = shape,
            Name = _keys.Text("general.name"),
            Quant = _keys.Number("general.file_type") is { } type && GgufTypes.FileType(type) is { } name ? name : most,
            Parameters = _tensors.Parameters,
            ActiveParameters = _tensors.Parameters - idle,
            Weights = new ByteSize(_tensors.Bytes),
            ExpertWeights = new ByteSize(_tensors.ExpertBytes),
            BytesByType = _tensors.BytesByType,
            HasTemplate = _keys.Has("tokenizer.chat_template"),
            Files = Split,
            IsProjector = _keys.Text("general.architecture") == "clip",
        };
    }
}

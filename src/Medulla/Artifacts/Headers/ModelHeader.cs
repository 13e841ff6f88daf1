using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Artifacts.Headers;

/// <summary>What a model file, or all files of a split one together, says of itself before its tensors.</summary>
internal sealed record ModelHeader
{
    /// <summary>Null when the architecture's numbers are not in the file (safetensors keep them in <c>config.json</c>).</summary>
    public required ModelShape? Shape { get; init; }

    /// <summary>As its maker calls it; null when it does not say.</summary>
    public required string? Name { get; init; }

    /// <summary>Such as <c>Q4_K_M</c>; the type of most of the bytes when the file does not say.</summary>
    public required string Quant { get; init; }

    /// <summary>Elements of all tensors.</summary>
    public required long Parameters { get; init; }

    /// <summary>Parameters that one token passes: all of them, less those of experts it is not sent to.</summary>
    public required long ActiveParameters { get; init; }

    /// <summary>Bytes of all tensors.</summary>
    public required ByteSize Weights { get; init; }

    /// <summary>Those of them in experts that tokens are sent to.</summary>
    public required ByteSize ExpertWeights { get; init; }

    /// <summary>Bytes by the name of the type.</summary>
    public required IReadOnlyDictionary<string, long> BytesByType { get; init; }

    /// <summary>It brings a chat template.</summary>
    public bool HasTemplate { get; init; }

    /// <summary>It is no model, but makes tokens of pictures or sounds for one.</summary>
    public bool IsProjector { get; init; }

    /// <summary>Files that the model is split into; 1 for a whole one. Figures are of the files that were read.</summary>
    public int Files { get; init; } = 1;

    /// <summary>Reads the header of a GGUF or safetensors file. Throws <see cref="HeaderException"/> where it cannot be believed.</summary>
    /// <param name="length">Length of the whole file; null when unknown.</param>
    public static ModelHeader Read(Stream stream, long? length) => HeaderPart.Read(stream, length).ToHeader();

    /// <summary>
    /// Reads a file's header; of a split GGUF those of all its parts, which lie beside the first; of safetensors also
    /// <c>config.json</c> and the index beside it.
    /// </summary>
    public static ModelHeader Read(string path)
    {
        var first = ReadPart(path);
        if (first is GgufHeader { Split: > 1 } gguf)
        {
            var parts = gguf.PartsOf(Path.GetFileName(path));
            var folder = Path.GetDirectoryName(path) ?? "";
            return GgufHeader.Join([gguf, .. parts.Skip(1).Select(p => ReadPart(Path.Combine(folder, p)) as GgufHeader ?? throw new HeaderException($"{p} is not GGUF"))]);
        }

        var header = first.ToHeader();
        return first is SafetensorsHeader ? BesideSafetensors(header, Path.GetDirectoryName(path) ?? "") : header;
    }

    private static HeaderPart ReadPart(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0);
        return HeaderPart.Read(file, file.Length);
    }

    private static ModelHeader BesideSafetensors(ModelHeader header, string folder)
    {
        var index = Path.Combine(folder, "model.safetensors.index.json");
        if (File.Exists(index) && SafetensorsIndex.TotalSize(Small(index)) is { } total) header = header.OfTotal(total);
        var config = Path.Combine(folder, "config.json");
        return File.Exists(config) ? header.With(ModelConfig.Read(Small(config))) : header;
    }

    /// <summary>Scales the figures of one part of a split model to the whole.</summary>
    public ModelHeader OfTotal(ByteSize total)
    {
        if (Weights.Bytes <= 0 || total <= Weights) return this;
        var factor = (double)total.Bytes / Weights.Bytes;
        return this with { Weights = total, Parameters = (long)(Parameters * factor), ActiveParameters = (long)(ActiveParameters * factor), ExpertWeights = new ByteSize((long)(ExpertWeights.Bytes * factor)) };
    }

    /// <summary>Adds the architecture that <c>config.json</c> gives.</summary>
    public ModelHeader With(ModelShape? shape)
    {
        if (shape is null) return this;
        var share = Weights.Bytes > 0 ? (double)ExpertWeights.Bytes / Weights.Bytes : 0;
        var embedding = Parameters > 0 ? Math.Min(1, (double)shape.Vocabulary * shape.Embedding / Parameters) : 0;
        var idle = shape.Experts > 0 ? share * (1 - ((double)Math.Min(shape.ExpertsUsed, shape.Experts) / shape.Experts)) : 0;
        return this with { Shape = shape with { ExpertShare = share, EmbeddingShare = embedding }, ActiveParameters = (long)(Parameters * (1 - idle)) };
    }

    /// <summary>A file of JSON, as far as one is believed to go.</summary>
    private static byte[] Small(string path)
    {
        var length = new FileInfo(path).Length;
        return length <= ModelConfig.MaxBytes ? File.ReadAllBytes(path) : throw new HeaderException($"{Path.GetFileName(path)} has {length} bytes");
    }
}

/// <summary>The header of one file.</summary>
internal abstract class HeaderPart
{
    public static HeaderPart Read(Stream stream, long? length)
    {
        var bytes = new HeaderBytes(stream);
        var first = bytes.U32();
        return first == GgufHeader.Magic ? GgufHeader.Read(bytes, length) : SafetensorsHeader.Read(bytes, first, length);
    }

    public abstract ModelHeader ToHeader();
}

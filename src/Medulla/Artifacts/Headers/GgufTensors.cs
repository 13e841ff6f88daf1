using System.Globalization;

namespace Medulla.Artifacts.Headers;

/// <summary>What the tensors of one layer say about it.</summary>
internal sealed class GgufLayer
{
    /// <summary>Rows of <c>attn_k</c> and <c>attn_v</c>: what is kept per token; 0 where there are none.</summary>
    public int KeyWidth { get; set; }

    public int ValueWidth { get; set; }

    /// <summary>Q, K and V are one matrix.</summary>
    public bool IsFused { get; set; }

    /// <summary>K and V come from one latent (MLA).</summary>
    public bool IsLatent { get; set; }

    /// <summary>It keeps a state of fixed size.</summary>
    public bool IsRecurrent { get; set; }

    public bool Attends => KeyWidth > 0 || IsLatent || (IsFused && !IsRecurrent);
}

/// <summary>Sums over the tensors of a GGUF, or of all parts of a split one.</summary>
internal sealed class GgufTensors
{
    private const int MaxTensors = 1 << 17;
    private const int MaxName = 256;
    private const long MaxElements = 1L << 46;
    private const long MaxOffset = 1L << 50;
    private const int MaxWidth = 1 << 24;

    public Dictionary<string, long> BytesByType { get; } = new(StringComparer.Ordinal);

    public Dictionary<int, GgufLayer> Layers { get; } = [];

    public int Count { get; private set; }

    public long Parameters { get; private set; }

    public long Bytes { get; private set; }

    public long ExpertParameters { get; private set; }

    public long ExpertBytes { get; private set; }

    public long EmbeddingBytes { get; private set; }

    /// <summary>Name of the type of the table of embeddings; empty when it was not met.</summary>
    public string EmbeddingType { get; private set; } = "";

    /// <summary>Rows of the table of embeddings; 0 when it was not met.</summary>
    public int Vocabulary { get; private set; }

    public bool HasOutput { get; private set; }

    /// <summary>Widest dense feed-forward or shared expert.</summary>
    public int FeedForward { get; private set; }

    public int ExpertFeedForward { get; private set; }

    /// <summary>Channels of the convolution before a state.</summary>
    public int RecurrentWidth { get; private set; }

    /// <param name="length">Length of the whole file; null when unknown.</param>
    /// <param name="alignment">Of the tensors' bytes.</param>
    public static GgufTensors Read(HeaderBytes bytes, ulong count, long? length, int alignment)
    {
        if (count > MaxTensors) throw new HeaderException($"it claims {count} tensors; {MaxTensors} are believed");
        var tensors = new GgufTensors();
        var end = 0L;
        var gaps = new List<(string Name, uint Type, long Offset, long Elements)>();
        var offsets = new List<long>();
        for (var i = 0UL; i < count; i++)
        {
            var name = bytes.Text(MaxName) ?? throw new HeaderException($"it has a tensor whose name is longer than {MaxName} bytes");
            var dimensions = Dimensions(bytes, name);
            var (number, offset) = (bytes.U32(), bytes.U64());
            if (offset > MaxOffset) throw new HeaderException($"the tensor {name} claims to begin at {offset}");
            var elements = dimensions.Aggregate(1L, (a, b) => a * b);
            offsets.Add((long)offset);
            if (GgufTypes.Of(number) is not { } type)
            {
                gaps.Add((name, number, (long)offset, elements));
                tensors.Learn(name, "", dimensions, 0);
                continue;
            }

            var size = (elements + type.Elements - 1) / type.Elements * type.Bytes;
            end = Math.Max(end, (long)offset + size);
            tensors.Add(name, type.Name, dimensions, elements, size);
        }

        var start = (bytes.Position + alignment - 1) / alignment * alignment;
        if (gaps.Count > 0) end = Math.Max(end, tensors.AddUnknown(gaps, offsets, length - start));
        if (length is { } whole && count > 0 && start + end > whole) throw new HeaderException($"its tensors need {start + end} bytes and the file has {whole}: it is cut off");
        return tensors;
    }

    /// <summary>Adds another part of the same model.</summary>
    public void Add(GgufTensors other)
    {
        foreach (var (type, bytes) in other.BytesByType) BytesByType[type] = BytesByType.GetValueOrDefault(type) + bytes;
        foreach (var (number, layer) in other.Layers)
        {
            var mine = LayerOf(number);
            mine.KeyWidth = Math.Max(mine.KeyWidth, layer.KeyWidth);
            mine.ValueWidth = Math.Max(mine.ValueWidth, layer.ValueWidth);
            mine.IsFused |= layer.IsFused;
            mine.IsLatent |= layer.IsLatent;
            mine.IsRecurrent |= layer.IsRecurrent;
        }

        Count += other.Count;
        Parameters += other.Parameters;
        Bytes += other.Bytes;
        ExpertParameters += other.ExpertParameters;
        ExpertBytes += other.ExpertBytes;
        EmbeddingBytes += other.EmbeddingBytes;
        if (EmbeddingType.Length == 0) EmbeddingType = other.EmbeddingType;
        Vocabulary = Math.Max(Vocabulary, other.Vocabulary);
        HasOutput |= other.HasOutput;
        FeedForward = Math.Max(FeedForward, other.FeedForward);
        ExpertFeedForward = Math.Max(ExpertFeedForward, other.ExpertFeedForward);
        RecurrentWidth = Math.Max(RecurrentWidth, other.RecurrentWidth);
    }

    private static long[] Dimensions(HeaderBytes bytes, string name)
    {
        var count = bytes.U32();
        if (count is 0 or > 4) throw new HeaderException($"the tensor {name} has {count} dimensions");
        var dimensions = new long[count];
        var elements = 1L;
        for (var d = 0; d < dimensions.Length; d++)
        {
            var n = bytes.U64();
            if (n == 0 || n > (ulong)(MaxElements / elements)) throw new HeaderException($"the tensor {name} claims more elements than is believed, or none");
            dimensions[d] = (long)n;
            elements *= (long)n;
        }

        return dimensions;
    }

    /// <summary>Tensors of a type that is newer than this program reach to the next one.</summary>
    /// <param name="room">Bytes after the header; null when unknown.</param>
    /// <returns>Where the last of them ends.</returns>
    private long AddUnknown(List<(string Name, uint Type, long Offset, long Elements)> unknown, List<long> offsets, long? room)
    {
        offsets.Sort();
        var end = 0L;
        foreach (var (name, type, offset, elements) in unknown)
        {
            var next = offsets.BinarySearch(offset + 1);
            next = next < 0 ? ~next : next;
            var to = next < offsets.Count ? offsets[next] : room ?? throw new HeaderException($"the tensor {name} is of type {type}, which is not known, and nothing says where it ends");
            if (to < offset) throw new HeaderException($"the tensor {name} claims to begin at {offset}, and there are {room} bytes");
            Sum(name, $"type {type.ToString(CultureInfo.InvariantCulture)}", elements, to - offset);
            end = Math.Max(end, to);
        }

        return end;
    }

    private void Add(string name, string type, long[] dimensions, long elements, long size)
    {
        Sum(name, type, elements, size);
        Learn(name, type, dimensions, size);
    }

    private void Sum(string name, string type, long elements, long size)
    {
        Count++;
        Parameters += elements;
        Bytes += size;
        BytesByType[type] = BytesByType.GetValueOrDefault(type) + size;
        if (!IsExpert(name)) return;
        ExpertParameters += elements;
        ExpertBytes += size;
    }

    private static bool IsExpert(string name) => name.EndsWith("_exps.weight", StringComparison.Ordinal) || name.EndsWith("_exps.bias", StringComparison.Ordinal);

    /// <summary>Names are those of llama.cpp's converter; the first dimension is what a matrix takes, the second what it gives.</summary>
    private void Learn(string name, string type, long[] dimensions, long size)
    {
        var from = (int)Math.Min(dimensions[0], MaxWidth);
        var to = dimensions.Length > 1 ? (int)Math.Min(dimensions[1], MaxWidth) : 0;
        if (name == "token_embd.weight")
        {
            EmbeddingBytes += size;
            EmbeddingType = type;
            Vocabulary = to;
            return;
        }

        HasOutput |= name == "output.weight";
        if (!name.StartsWith("blk.", StringComparison.Ordinal)) return;
        var dot = name.IndexOf('.', 4);
        if (dot < 0 || !int.TryParse(name.AsSpan(4, dot - 4), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number >= GgufKeys.MaxLayers) return;
        var layer = LayerOf(number);
        var part = name[(dot + 1)..];
        switch (part)
        {
            case "attn_k.weight":
                layer.KeyWidth = to;
                break;
            case "attn_v.weight":
                layer.ValueWidth = to;
                break;
            case "attn_qkv.weight":
                layer.IsFused = true;
                break;
            case "attn_kv_a_mqa.weight":
                layer.IsLatent = true;
                break;
            case "ffn_down.weight" or "ffn_down_shexp.weight":
                FeedForward = Math.Max(FeedForward, from);
                break;
            case "ffn_down_exps.weight":
                ExpertFeedForward = Math.Max(ExpertFeedForward, from);
                break;
            case "ssm_conv1d.weight":
                RecurrentWidth = Math.Max(RecurrentWidth, to);
                break;
        }

        layer.IsRecurrent |= part.StartsWith("ssm_", StringComparison.Ordinal) || part.StartsWith("shortconv.", StringComparison.Ordinal) || part.StartsWith("time_mix_", StringComparison.Ordinal);
    }

    private GgufLayer LayerOf(int number)
    {
        if (!Layers.TryGetValue(number, out var layer)) Layers[number] = layer = new GgufLayer();
        return layer;
    }
}

using System.Text.Json.Serialization;
using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

/// <summary>A model and the files it comes in.</summary>
public sealed record ModelEntry
{
    public required ModelId Id { get; init; }

    public required string Title { get; init; }

    public string Family { get; init; } = "";

    /// <summary>SPDX identifier.</summary>
    public required string Licence { get; init; }

    /// <summary>Month, such as <c>2025-04</c>; null when nobody has recorded it.</summary>
    public string? Released { get; init; }

    public required ImmutableArray<WorkloadTask> Tasks { get; init; }

    public Abilities Abilities { get; init; } = Abilities.None;

    /// <summary>How good its answers are, 0 to 100, comparable within the catalog and one task only.</summary>
    public required int Quality { get; init; }

    /// <summary>Where a skill differs from <see cref="Quality"/>, on the same scale.</summary>
    public ImmutableArray<KeyValuePair<Skill, int>> Skills { get; init; } = [];

    /// <summary>True for a model that keeps an unconfigured device answering and is fit for nothing else: it serves the default <c>chat</c>, or a workload that names it.</summary>
    public bool Placeholder { get; init; }

    /// <summary>1e9 parameters; 0 when nobody has recorded it.</summary>
    public double ParametersB { get; init; }

    /// <summary>1e9 parameters that one token touches; null for a dense model.</summary>
    public double? ActiveB { get; init; }

    /// <summary>Longest context in tokens that it was made for.</summary>
    public required int ContextMax { get; init; }

    /// <summary>Bytes of f16 KV cache per token of context.</summary>
    public required long KvBytesPerToken { get; init; }

    /// <summary>How a vector is made of those of the tokens, of one whose file does not say it: <c>mean</c>, <c>cls</c> or <c>last</c>.</summary>
    public string? Pooling { get; init; }

    /// <summary>Null when nobody has recorded it: the fit is then approximate.</summary>
    public ModelArchitecture? Architecture { get; init; }

    /// <summary>From the header of its file, for a model of the owner's; null for one of the catalog.</summary>
    public ModelShape? Shape { get; init; }

    /// <summary>One per quantisation, the best known first.</summary>
    public required ImmutableArray<ModelFile> Files { get; init; }

    /// <summary>Prompts with known answers, asked at temperature 0; empty means that any non-empty answer is proof.</summary>
    public ImmutableArray<GoldenPrompt> Golden { get; init; } = [];

    public int QualityAt(Skill skill)
    {
        foreach (var (known, quality) in Skills)
        {
            if (known == skill) return quality;
        }

        return Quality;
    }
}

/// <summary>Numbers of an architecture as its configuration publishes them; 0 for what there is none of or nobody has recorded.</summary>
public sealed record ModelArchitecture
{
    /// <summary>As GGUF's <c>general.architecture</c> calls it.</summary>
    public required string Name { get; init; }

    public required int Layers { get; init; }

    /// <summary>Layers that see everything: their cache grows with the context.</summary>
    public int AttentionLayers { get; init; }

    public int KvHeads { get; init; }

    public int HeadDim { get; init; }

    public int QueryHeads { get; init; }

    public int Embedding { get; init; }

    public int FeedForward { get; init; }

    public int Vocabulary { get; init; }

    /// <summary>Tokens that windowed layers look back.</summary>
    public int Window { get; init; }

    /// <summary>Layers that see only <see cref="Window"/>, beside <see cref="AttentionLayers"/>.</summary>
    public int WindowedLayers { get; init; }

    public int WindowKvHeads { get; init; }

    public int WindowHeadDim { get; init; }

    /// <summary>Elements kept per token and layer by latent attention (MLA).</summary>
    public int Latent { get; init; }

    public int RecurrentLayers { get; init; }

    /// <summary>Elements of the state of one such layer.</summary>
    public int RecurrentState { get; init; }

    public int Experts { get; init; }

    public int ExpertsUsed { get; init; }

    public int ExpertFeedForward { get; init; }
}

/// <param name="Prompt">One user message.</param>
/// <param name="Contains">What the answer must contain, case-sensitive; empty when the rest says it all.</param>
public sealed record GoldenPrompt(string Prompt, string Contains)
{
    /// <summary>The answer must be a JSON object with these keys; empty when it need not be one.</summary>
    public ImmutableArray<string> JsonKeys { get; init; } = [];
}

public enum ModelFormat
{
    Gguf,
    Safetensors,
    Ggml,
    Onnx,
    Mlx,
    Ollama,
}

/// <summary>One file of a model.</summary>
public sealed record ModelFile
{
    /// <summary>File name, without a path.</summary>
    public required string Name { get; init; }

    /// <summary>Such as <c>Q4_K_M</c>.</summary>
    public required string Quant { get; init; }

    public ModelFormat Format { get; init; } = ModelFormat.Gguf;

    /// <summary>Exact where <see cref="IsSizeExact"/>; otherwise what somebody wrote down.</summary>
    public required ByteSize Size { get; init; }

    /// <summary>The vision or audio projector that goes with it; null when there is none.</summary>
    public ModelFile? Projector { get; init; }

    /// <summary>False when <see cref="Size"/> is within a tenth of the true size, which the source is then asked for.</summary>
    public bool IsSizeExact { get; init; } = true;

    /// <summary>Its sha256, of a split one <see cref="DigestOf"/> its parts; null when nobody has seen one: such a file is not used.</summary>
    public required Digest? Digest { get; init; }

    /// <summary>The sha256 of every part, in order, of one that is split; empty for a whole one. <see cref="Name"/> and <see cref="Sources"/> are those of the first part, <see cref="Size"/> is that of all.</summary>
    public ImmutableArray<Digest> Parts { get; init; } = [];

    /// <summary>Tried in this order, and switched mid-file when one fails.</summary>
    public required ImmutableArray<ModelSource> Sources { get; init; }

    /// <summary>What stands for all parts of a split file together.</summary>
    public static Digest DigestOf(IEnumerable<Digest> parts) => Units.Digest.Of($"parts {string.Join(' ', parts)}");

    /// <summary>The files that it is fetched as: itself, or its parts, whose sizes are not known but for what all have together.</summary>
    public ImmutableArray<ModelFile> Pieces()
    {
        if (Parts.IsEmpty || SplitName.Of(Name) is not { } split) return [this];
        return [.. split.All().Zip(Parts, (name, digest) => this with { Name = name, Digest = digest, Parts = [], IsSizeExact = false, Sources = [.. Sources.Select(s => s.Named(name))] })];
    }
}

/// <summary>Where a model file comes from: a closed family. A folder of the owner's (<c>--models</c>) and a Hugging Face cache are looked at before any of these.</summary>
[JsonDerivedType(typeof(Embedded), "embedded")]
[JsonDerivedType(typeof(Shipped), "shipped")]
[JsonDerivedType(typeof(HuggingFace), "hugging_face")]
[JsonDerivedType(typeof(ModelScope), "modelscope")]
[JsonDerivedType(typeof(Web), "web")]
public abstract record ModelSource
{
    private ModelSource()
    {
    }

    /// <summary>What a person reads in progress output.</summary>
    [JsonIgnore]
    public abstract string Title { get; }

    /// <summary>True when it needs no network.</summary>
    [JsonIgnore]
    public virtual bool IsNearby => false;

    /// <summary>The same place with another file of it.</summary>
    public virtual ModelSource Named(string file) => this;

    /// <summary>Inside the daemon's own assembly.</summary>
    public sealed record Embedded(string Resource) : ModelSource
    {
        [JsonIgnore]
        public override string Title => "embedded";

        [JsonIgnore]
        public override bool IsNearby => true;
    }

    /// <summary>A file that ships beside the daemon, relative to its folder.</summary>
    public sealed record Shipped(string Path) : ModelSource
    {
        [JsonIgnore]
        public override string Title => "shipped file";

        [JsonIgnore]
        public override bool IsNearby => true;
    }

    /// <param name="Repository"><c>owner/name</c>.</param>
    /// <param name="Revision">Branch or commit.</param>
    /// <param name="Path">Path inside the repository.</param>
    public sealed record HuggingFace(string Repository, string Revision, string Path) : ModelSource
    {
        [JsonIgnore]
        public override string Title => $"Hugging Face {Repository}";

        public override ModelSource Named(string file) => this with { Path = Path[..(Path.LastIndexOf('/') + 1)] + file };
    }

    /// <param name="Repository"><c>owner/name</c>.</param>
    /// <param name="Revision">Branch or commit.</param>
    /// <param name="Path">Path inside the repository.</param>
    public sealed record ModelScope(string Repository, string Revision, string Path) : ModelSource
    {
        [JsonIgnore]
        public override string Title => $"ModelScope {Repository}";

        public override ModelSource Named(string file) => this with { Path = Path[..(Path.LastIndexOf('/') + 1)] + file };
    }

    public sealed record Web(Uri Address) : ModelSource
    {
        [JsonIgnore]
        public override string Title => Address.Host;

        public override ModelSource Named(string file) => new Web(new Uri(Address, file));
    }
}

using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

/// <summary>A model and the files it comes in.</summary>
public sealed record ModelEntry
{
    public required ModelId Id { get; init; }

    public required string Title { get; init; }

    /// <summary>SPDX identifier.</summary>
    public required string Licence { get; init; }

    public required ImmutableArray<WorkloadTask> Tasks { get; init; }

    /// <summary>How good its answers are, 0 to 100, comparable within the catalog only.</summary>
    public required int Quality { get; init; }

    /// <summary>True for a model that keeps an unconfigured device answering and is fit for nothing else: it serves the default <c>chat</c>, or a workload that names it.</summary>
    public bool Placeholder { get; init; }

    /// <summary>Longest context in tokens that it was made for.</summary>
    public required int ContextMax { get; init; }

    /// <summary>Bytes of f16 KV cache per token of context.</summary>
    public required long KvBytesPerToken { get; init; }

    /// <summary>One per quantisation.</summary>
    public required ImmutableArray<ModelFile> Files { get; init; }

    /// <summary>Prompts with known answers, asked at temperature 0; empty means that any non-empty answer is proof.</summary>
    public ImmutableArray<GoldenPrompt> Golden { get; init; } = [];
}

/// <param name="Prompt">One user message.</param>
/// <param name="Contains">What the answer must contain, case-sensitive.</param>
public sealed record GoldenPrompt(string Prompt, string Contains);

/// <summary>One file of a model.</summary>
public sealed record ModelFile
{
    /// <summary>File name, without a path.</summary>
    public required string Name { get; init; }

    /// <summary>Such as <c>Q4_K_M</c>.</summary>
    public required string Quant { get; init; }

    public required ByteSize Size { get; init; }

    /// <summary>False when <see cref="Size"/> is within a tenth of the true size, which the source is then asked for.</summary>
    public bool IsSizeExact { get; init; } = true;

    /// <summary>Its sha256; null when nobody has seen one: such a file is not used.</summary>
    public required Digest? Digest { get; init; }

    /// <summary>Tried in this order, and switched mid-file when one fails.</summary>
    public required ImmutableArray<ModelSource> Sources { get; init; }
}

/// <summary>Where a model file comes from: a closed family. A folder of the owner's (<c>--models</c>) and a Hugging Face cache are looked at before any of these.</summary>
public abstract record ModelSource
{
    private ModelSource()
    {
    }

    /// <summary>What a person reads in progress output.</summary>
    public abstract string Title { get; }

    /// <summary>True when it needs no network.</summary>
    public virtual bool IsNearby => false;

    /// <summary>Inside the daemon's own assembly.</summary>
    public sealed record Embedded(string Resource) : ModelSource
    {
        public override string Title => "embedded";

        public override bool IsNearby => true;
    }

    /// <summary>A file that ships beside the daemon, relative to its folder.</summary>
    public sealed record Shipped(string Path) : ModelSource
    {
        public override string Title => "shipped file";

        public override bool IsNearby => true;
    }

    /// <param name="Repository"><c>owner/name</c>.</param>
    /// <param name="Revision">Branch or commit.</param>
    /// <param name="Path">Path inside the repository.</param>
    public sealed record HuggingFace(string Repository, string Revision, string Path) : ModelSource
    {
        public override string Title => $"Hugging Face {Repository}";
    }

    /// <param name="Repository"><c>owner/name</c>.</param>
    /// <param name="Revision">Branch or commit.</param>
    /// <param name="Path">Path inside the repository.</param>
    public sealed record ModelScope(string Repository, string Revision, string Path) : ModelSource
    {
        public override string Title => $"ModelScope {Repository}";
    }

    public sealed record Web(Uri Address) : ModelSource
    {
        public override string Title => Address.Host;
    }
}

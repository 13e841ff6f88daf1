using System.Text.Json.Serialization;
using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

/// <summary>A kind of engine, what it runs, and where builds of it come from.</summary>
public sealed record EngineEntry
{
    public required EngineId Id { get; init; }

    public required string Title { get; init; }

    /// <summary>SPDX identifier; empty when nobody has recorded it.</summary>
    public string Licence { get; init; } = "";

    /// <summary>File name of the server inside a build's folder, without a path: <c>llama-server</c>.</summary>
    public required string Binary { get; init; }

    /// <summary>Formats of model files that it reads.</summary>
    public ImmutableArray<ModelFormat> Formats { get; init; } = [ModelFormat.Gguf];

    /// <summary>Patterns (<c>*</c> stands for anything) of quantisations that it runs.</summary>
    public ImmutableArray<string> Quants { get; init; } = ["*"];

    public ImmutableArray<WorkloadTask> Tasks { get; init; } = [WorkloadTask.Chat, WorkloadTask.Embedding];

    /// <summary>How it says what is wrong, the most telling first.</summary>
    public ImmutableArray<Symptom> Symptoms { get; init; } = [];

    /// <summary>One per backend and way of running; the first that a device can use is preferred where two would serve equally well.</summary>
    public required ImmutableArray<BuildEntry> Builds { get; init; }

    public bool Runs(ModelFile file) => Formats.Contains(file.Format) && Quants.Any(p => Matches(p, file.Quant));

    private static bool Matches(string pattern, string text)
    {
        if (!pattern.EndsWith('*')) return string.Equals(pattern, text, StringComparison.OrdinalIgnoreCase);
        return text.AsSpan().StartsWith(pattern.AsSpan(..^1), StringComparison.OrdinalIgnoreCase);
    }
}

/// <summary>How a condition shows in the end of an engine, or while it serves: all that is stated must hold.</summary>
/// <param name="Condition">Code of the condition.</param>
/// <param name="Says">Patterns of which a line of the log must hold one (<c>*</c> stands for anything); empty for any log.</param>
/// <param name="Unless">Patterns that the same line must not hold.</param>
/// <param name="Exits">Exit codes; empty for any.</param>
/// <param name="Killed">Numbers of signals; empty for any.</param>
/// <param name="Ready">Only before (false) or after (true) it had given a token; null for both.</param>
public sealed record Symptom(string Condition, ImmutableArray<string> Says, ImmutableArray<string> Unless, ImmutableArray<int> Exits, ImmutableArray<int> Killed, bool? Ready)
{
    /// <summary>True when it shows in the log of an engine that serves all the same, on an accelerator as it says.</summary>
    public bool Serves { get; init; }

    /// <summary>Patterns with two numbers, how many layers are on the accelerator and how many there are: it shows when they are fewer than planned.</summary>
    public ImmutableArray<string> Fewer { get; init; } = [];

    /// <summary>The latest line that shows it; null when none does.</summary>
    /// <param name="layers">Planned for the accelerator; null for all.</param>
    public string? FindIn(ImmutableArray<string> lines, int? layers = null)
    {
        for (var i = lines.Length - 1; i >= 0; i--)
        {
            if ((IsIn(lines[i], Says) || IsFewer(lines[i], layers)) && !IsIn(lines[i], Unless)) return lines[i];
        }

        return null;
    }

    private bool IsFewer(string line, int? layers) =>
        Fewer.Any(p => Pattern.NumbersIn(line, p, StringComparison.OrdinalIgnoreCase) is [var there, var all] && there < Math.Min(layers ?? all, all));

    private static bool IsIn(string line, ImmutableArray<string> patterns) => patterns.Any(p => Pattern.IsIn(line, p, StringComparison.OrdinalIgnoreCase));
}

/// <summary>How an engine build is run.</summary>
public enum Mechanism
{
    /// <summary>Files on this device, as a child process.</summary>
    Native,

    /// <summary>A container image.</summary>
    Container,

    /// <summary>A server that the owner already runs.</summary>
    Service,
}

/// <summary>A build of an engine for one backend.</summary>
public sealed record BuildEntry
{
    /// <summary><c>cpu</c>, <c>cuda</c>, <c>vulkan</c>, <c>rocm</c>, <c>metal</c>, <c>sycl</c>, …</summary>
    public required string Backend { get; init; }

    public Mechanism Runs { get; init; } = Mechanism.Native;

    /// <summary>Interfaces of which an accelerator must answer one; empty for a build that computes on the processor.</summary>
    public ImmutableArray<string> Needs { get; init; } = [];

    /// <summary><c>linux-x64</c>, <c>macos-arm64</c>, …; empty for all.</summary>
    public ImmutableArray<string> Platforms { get; init; } = [];

    /// <summary>Least CUDA compute capability, such as 7.0; null for any.</summary>
    public double? ComputeFrom { get; init; }

    /// <summary>Device memory that it takes besides weights, cache and buffers of the graph; null when nobody has recorded it.</summary>
    public ByteSize? Overhead { get; init; }

    /// <summary>Tried in this order; the first that is reachable wins.</summary>
    public required ImmutableArray<EngineSource> Sources { get; init; }

    public string? Notes { get; init; }

    [JsonIgnore]
    public bool OnProcessor => Needs.IsEmpty;
}

/// <summary>Where builds of an engine come from: a closed family.</summary>
[JsonDerivedType(typeof(Folder), "folder")]
[JsonDerivedType(typeof(GitHubRelease), "github_release")]
[JsonDerivedType(typeof(DebianClosure), "debian_closure")]
[JsonDerivedType(typeof(Container), "container")]
[JsonDerivedType(typeof(Service), "service")]
public abstract record EngineSource
{
    private EngineSource()
    {
    }

    /// <summary>What a person reads in progress output.</summary>
    [JsonIgnore]
    public abstract string Title { get; }

    /// <summary>A build in a folder of the owner's (<c>--engines DIR</c>); passed over when none was named.</summary>
    public sealed record Folder : EngineSource
    {
        [JsonIgnore]
        public override string Title => "folder";
    }

    /// <summary>An archive of a GitHub release, one per platform, used only with a digest that somebody has seen.</summary>
    /// <param name="Repository"><c>owner/name</c>.</param>
    /// <param name="Tag">Release tag, such as <c>b6000</c>.</param>
    /// <param name="Assets">For each operating system and architecture one, or several that are unpacked into one folder.</param>
    public sealed record GitHubRelease(string Repository, string Tag, ImmutableArray<ReleaseAsset> Assets) : EngineSource
    {
        [JsonIgnore]
        public override string Title => $"GitHub release {Repository} {Tag}";
    }

    /// <summary>A package and what it needs, from a suite of the machine's own Debian mirror, verified by apt, unpacked without root.</summary>
    /// <param name="Suite">Such as <c>sid</c>.</param>
    /// <param name="Package">The package that holds the server.</param>
    public sealed record DebianClosure(string Suite, string Package) : EngineSource
    {
        [JsonIgnore]
        public override string Title => $"Debian {Suite} package {Package}";
    }

    /// <summary>A container image.</summary>
    /// <param name="Image">Registry and name, without a tag.</param>
    /// <param name="Digest">Digest of its manifest; null when nobody has seen one.</param>
    public sealed record Container(string Image, string Tag, Digest? Digest) : EngineSource
    {
        [JsonIgnore]
        public override string Title => $"image {Image}:{Tag}";
    }

    /// <summary>A server that the owner runs already.</summary>
    /// <param name="Probe">Path that answers when it is there.</param>
    public sealed record Service(Uri Address, string Probe) : EngineSource
    {
        [JsonIgnore]
        public override string Title => $"service at {Address}";
    }
}

/// <param name="Os"><c>linux</c>, <c>windows</c> or <c>macos</c>.</param>
/// <param name="Architecture"><c>x64</c>, <c>arm64</c>, …</param>
/// <param name="File">Name of the archive.</param>
/// <param name="Digest">Its sha256; null when nobody has seen one, and then the source is skipped with that reason.</param>
public sealed record ReleaseAsset(string Os, string Architecture, string File, Digest? Digest);

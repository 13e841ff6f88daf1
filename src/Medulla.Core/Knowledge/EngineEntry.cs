using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

/// <summary>A kind of engine, and where builds of it come from.</summary>
public sealed record EngineEntry
{
    public required EngineId Id { get; init; }

    public required string Title { get; init; }

    /// <summary>File name of the server inside a build's folder, without a path: <c>llama-server</c>.</summary>
    public required string Binary { get; init; }

    /// <summary>Tried in this order; the first that is reachable wins.</summary>
    public required ImmutableArray<EngineSource> Sources { get; init; }
}

/// <summary>Where builds of an engine come from: a closed family.</summary>
public abstract record EngineSource
{
    private EngineSource()
    {
    }

    /// <summary>What a person reads in progress output.</summary>
    public abstract string Title { get; }

    /// <summary>A build in a folder of the owner's (<c>--engines DIR</c>); passed over when none was named.</summary>
    public sealed record Folder : EngineSource
    {
        public override string Title => "folder";
    }

    /// <summary>An archive of a GitHub release, one per platform, used only with a digest that somebody has seen.</summary>
    /// <param name="Repository"><c>owner/name</c>.</param>
    /// <param name="Tag">Release tag, such as <c>b6000</c>.</param>
    /// <param name="Assets">One per operating system and architecture.</param>
    public sealed record GitHubRelease(string Repository, string Tag, ImmutableArray<ReleaseAsset> Assets) : EngineSource
    {
        public override string Title => $"GitHub release {Repository} {Tag}";
    }

    /// <summary>A package and what it needs, from a suite of the machine's own Debian mirror, verified by apt, unpacked without root.</summary>
    /// <param name="Suite">Such as <c>sid</c>.</param>
    /// <param name="Package">The package that holds the server.</param>
    public sealed record DebianClosure(string Suite, string Package) : EngineSource
    {
        public override string Title => $"Debian {Suite} package {Package}";
    }
}

/// <param name="Os"><c>linux</c>, <c>windows</c> or <c>macos</c>.</param>
/// <param name="Architecture"><c>x64</c>, <c>arm64</c>, …</param>
/// <param name="File">Name of the archive.</param>
/// <param name="Digest">Its sha256; null when nobody has seen one, and then the source is skipped with that reason.</param>
public sealed record ReleaseAsset(string Os, string Architecture, string File, Digest? Digest);

namespace Medulla.Artifacts.Builds;

/// <summary>Where engine builds may come from.</summary>
internal sealed record BuildOptions
{
    /// <summary>The owner's folder with a build (<c>--engines DIR</c>); null for none.</summary>
    public required string? Folder { get; init; }

    /// <summary>A folder that several data directories share, so that one closure is fetched once (<c>MEDULLA_ENGINE_CACHE</c>); null for none.</summary>
    public required string? Cache { get; init; }

    public Uri GitHub { get; init; } = new("https://github.com");

    public TimeSpan ConnectLimit { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan StallLimit { get; init; } = TimeSpan.FromSeconds(30);
}

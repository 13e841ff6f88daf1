using Medulla.Core.Intents;

namespace Medulla.Artifacts;

/// <summary>Where model files may come from and how much they may take.</summary>
internal sealed record StoreOptions
{
    /// <summary>The owner's folder with model files (<c>--models DIR</c>); null for none.</summary>
    public required string? Models { get; init; }

    /// <summary>Folders of Hugging Face caches that may exist on this machine.</summary>
    public required IReadOnlyList<string> HuggingFaceCaches { get; init; }

    public required Policy Policy { get; init; }

    /// <summary>Where shipped files lie.</summary>
    public string Shipped { get; init; } = AppContext.BaseDirectory;

    public Uri HuggingFace { get; init; } = new("https://huggingface.co");

    public Uri ModelScope { get; init; } = new("https://modelscope.cn");

    public TimeSpan ConnectLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A source that sends nothing for this long is left for the next.</summary>
    public TimeSpan StallLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Pause before the second try of a source; doubled before the third.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>A durable point of resumption is made after this many bytes.</summary>
    public long CheckpointBytes { get; init; } = 64 << 20;

    /// <summary>The defaults, with what the environment says about Hugging Face (<c>HF_ENDPOINT</c>, <c>HF_HOME</c>, <c>HF_HUB_CACHE</c>).</summary>
    public static StoreOptions FromEnvironment(string? models, Policy policy)
    {
        var home = Environment.GetEnvironmentVariable("HF_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "huggingface");
        var cache = Environment.GetEnvironmentVariable("HF_HUB_CACHE") ?? Path.Combine(home, "hub");
        var options = new StoreOptions { Models = models, HuggingFaceCaches = [cache], Policy = policy };
        return Uri.TryCreate(Environment.GetEnvironmentVariable("HF_ENDPOINT"), UriKind.Absolute, out var endpoint) ? options with { HuggingFace = endpoint } : options;
    }
}

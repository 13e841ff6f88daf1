using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>Whether a real engine can be had here: asked once per run, by letting a device fetch one as a user's would.</summary>
internal static class Engine
{
    private static readonly Lazy<Task<string?>> Missing = new(FetchAsync);

    /// <summary>Skips the test, with the reason, where no source of the engine can be reached.</summary>
    public static async Task NeededAsync()
    {
        if (await Missing.Value is { } reason) Assert.Skip($"no real engine can be had here: {reason}");
    }

    private static async Task<string?> FetchAsync()
    {
        if (Directory.Exists(Places.EngineCache) && Directory.EnumerateDirectories(Places.EngineCache).Any(d => File.Exists(Path.Combine(d, "llama-server")))) return null;
        await using var device = new Device("fetch").Start("--no-climb");
        try
        {
            await device.ServesAsync();
            return null;
        }
        catch (TimeoutException)
        {
            return (await device.StatusAsync())?["holds"]?.ToJsonString() ?? device.Output;
        }
    }
}

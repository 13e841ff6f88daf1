using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>Whether a real engine can be had here: asked once per run, by letting a device fetch one as a user's would.</summary>
internal static class Engine
{
    /// <summary>Skips the test, with the reason, where no source of the engine can be reached.</summary>
    public static async Task NeededAsync()
    {
        if (await RealEngine.MissingAsync() is { } reason) Assert.Skip($"no real engine can be had here: {reason}");
    }
}

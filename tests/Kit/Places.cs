namespace Medulla.Tests.Kit;

/// <summary>Where things are on the machine that runs the tests.</summary>
public static class Places
{
    private static readonly string Configuration = AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";

    /// <summary>Root of the repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The product as built for this run.</summary>
    public static string Medulla => Path.Combine(Root, "src", "Medulla", "bin", Configuration, "net10.0", "medulla.dll");

    /// <summary>Folder with the fake engine, named like the real one.</summary>
    public static string FakeEngine => Path.Combine(Root, "tests", "FakeEngine", "bin", Configuration, "net10.0");

    /// <summary>One engine closure for all devices of a run.</summary>
    public static string EngineCache => Environment.GetEnvironmentVariable("MEDULLA_ENGINE_CACHE") ?? Path.Combine(Root, ".cache", "engines");

    /// <summary>A new folder for one test, short enough for everything; removed by its owner.</summary>
    public static string NewFolder(string name)
    {
        var folder = Path.Combine(Root, ".cache", "tests", $"{name}-{Guid.NewGuid():N}"[..Math.Min(name.Length + 9, 60)]);
        Directory.CreateDirectory(folder);
        return folder;
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Medulla.slnx"))) folder = folder.Parent ?? throw new DirectoryNotFoundException("the tests run outside the repository");
        return folder.FullName;
    }
}

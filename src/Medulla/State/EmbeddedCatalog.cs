using Medulla.Catalogs;
using Medulla.Core.Knowledge;

namespace Medulla.State;

/// <summary>The catalog that this build carries, and the one that may stand in its place.</summary>
internal static class EmbeddedCatalog
{
    public static Catalog Read()
    {
        using var bundle = typeof(EmbeddedCatalog).Assembly.GetManifestResourceStream("catalog.bundle") ?? throw new InvalidOperationException("this build carries no catalog");
        var (catalog, problem) = CatalogBundle.Read(bundle);
        return catalog ?? throw new InvalidOperationException($"the catalog of this build is damaged: {problem}");
    }

    /// <summary>The bundle in the data directory where there is a whole one, else the embedded catalog.</summary>
    /// <returns>The catalog in force; and why the one in the data directory is not, null when nothing is wrong.</returns>
    public static (Catalog Catalog, string? Problem) InForce(DataDirectory data)
    {
        if (!File.Exists(data.Catalog)) return (Read(), null);
        try
        {
            using var file = File.OpenRead(data.Catalog);
            var (catalog, problem) = CatalogBundle.Read(file);
            return catalog is null ? (Read(), $"{data.Catalog} is passed over: {problem}. The catalog of this build is in force; make another with 'medulla catalog build', or remove the file.") : (catalog, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (Read(), $"{data.Catalog} cannot be read ({e.Message}), and the catalog of this build is in force");
        }
    }
}

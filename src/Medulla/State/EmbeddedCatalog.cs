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
}

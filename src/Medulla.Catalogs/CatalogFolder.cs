using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;

namespace Medulla.Catalogs;

/// <summary>
/// Reads a folder of catalog files: one thing per file, a folder per kind. All that is wrong is told at once, with file and
/// line. Bounds: <see cref="MaxFiles"/> files, each of <see cref="YamlMap.MaxLength"/> characters.
/// </summary>
public static class CatalogFolder
{
    public const int MaxFiles = 4000;

    /// <summary>Reads the folder and learns from its evidence: what a bundle holds. Takes seconds.</summary>
    public static (Catalog Catalog, IReadOnlyList<string> Problems) Compile(string folder)
    {
        var (catalog, evidence, problems) = Read(folder);
        return problems.Count > 0 ? (catalog, problems) : (catalog with { Calibration = Learn(evidence) }, problems);
    }

    public static Calibration Learn(ImmutableArray<Evidence> evidence) => CalibrationFit.Of([.. evidence.SelectMany(Measurement.Of)], Measurement.ModelsOf(evidence));

    /// <returns>The catalog as far as it could be read, without what its evidence teaches; it is to be used only when there are no problems.</returns>
    public static (Catalog Catalog, ImmutableArray<Evidence> Evidence, IReadOnlyList<string> Problems) Read(string folder)
    {
        var problems = new List<string>();
        if (!Directory.Exists(folder))
        {
            problems.Add($"{folder}: there is no such folder");
            return (Empty, [], problems);
        }

        var files = Directory.EnumerateFiles(folder, "*.yaml", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 }).Take(MaxFiles + 1).Order(StringComparer.Ordinal).ToList();
        if (files.Count > MaxFiles) problems.Add($"{folder}: it has more than the {MaxFiles} files that are read");
        foreach (var stray in files.Where(f => !Kinds.Contains(KindOf(folder, f), StringComparer.Ordinal))) problems.Add($"{NameOf(folder, stray)}: it is in none of the folders {string.Join(", ", Kinds)}");
        var catalog = new Catalog
        {
            Engines = All("engines", EngineFiles.Read),
            Models = All("models", ModelFiles.Read),
            Hardware = All("hardware", HardwareFiles.Read),
            Profiles = All("workloads", ProfileFiles.Read),
            Recipes = All("recipes", RecipeFiles.Read),
            Remedies = All("remedies", RemedyFiles.Read),
        };
        var evidence = All("evidence", EvidenceFiles.Read, named: "hardware");
        return (catalog, evidence, problems);

        ImmutableArray<T> All<T>(string kind, Func<YamlMap, T> read, string named = "id")
        {
            var all = ImmutableArray.CreateBuilder<T>();
            foreach (var file in files.Where(f => KindOf(folder, f) == kind))
            {
                var found = new YamlProblems(NameOf(folder, file));
                if (YamlMap.Read(file, found) is { } map)
                {
                    var entry = read(map);
                    if (map.Text(named) is { } id && id != Path.GetFileNameWithoutExtension(file)) map.Problem($"its {named} '{id}' is not its file's name");
                    map.Finish();
                    if (found.All.Count == 0) all.Add(entry);
                }

                problems.AddRange(found.All);
            }

            return all.ToImmutable();
        }
    }

    private static readonly Catalog Empty = new() { Engines = [], Models = [] };

    private static readonly ImmutableArray<string> Kinds = ["engines", "models", "hardware", "workloads", "recipes", "remedies", "evidence"];

    private static string KindOf(string folder, string file) => Path.GetDirectoryName(Path.GetRelativePath(folder, file)) ?? "";

    private static string NameOf(string folder, string file) => "catalog/" + Path.GetRelativePath(folder, file);
}

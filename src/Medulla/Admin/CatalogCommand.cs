using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Catalogs;
using Medulla.Core.Knowledge;
using Medulla.Core.Wire;
using Medulla.State;
using Spectre.Console;

namespace Medulla.Admin;

/// <summary><c>medulla catalog check|build|diff</c>: what the community's CI runs, and how a catalog gets onto a device.</summary>
internal static class CatalogCommand
{
    private static readonly Argument<string?> Folder = new("folder") { Description = "Folder of the catalog's files (default: ./catalog)", Arity = ArgumentArity.ZeroOrOne };

    public static Command Create() => new("catalog", "Check, compile and compare catalogs") { Check(), Build(), Diff() };

    private static Command Check()
    {
        var against = new Option<string?>("--against") { Description = "Folder or bundle of the previous catalog (default: the one that this build carries)", HelpName = "DIR|FILE" };
        var command = new Command("check", "Read every file, check what they say of each other, and resolve every hardware for every workload") { Folder, against, Commands.Json };
        command.SetAction(async parsed =>
        {
            var folder = parsed.GetValue(Folder) ?? "catalog";
            var (report, problem) = CatalogReport.Of(folder, () => Previous(parsed.GetValue(against)), Progress);
            if (report is null) return await Commands.FailAsync(problem!);
            if (parsed.GetValue(Commands.Json)) Console.WriteLine(JsonSerializer.Serialize(report, CatalogJson.Default.CatalogReport));
            else Show(Commands.Screen, report);
            return report.Problems.IsEmpty ? ExitCode.Fine : ExitCode.Failed;
        });
        return command;
    }

    private static Command Build()
    {
        var output = new Option<string?>("--out") { Description = "Where the bundle goes (default: the data directory, where the next 'medulla up' takes it in place of its own)", HelpName = "FILE" };
        var command = new Command("build", "Compile a folder of files into a bundle") { Folder, output };
        command.SetAction(async parsed =>
        {
            var folder = parsed.GetValue(Folder) ?? "catalog";
            var (catalog, problems) = CatalogFolder.Compile(folder);
            problems = [.. problems, .. problems.Count == 0 ? CatalogReferences.Check(catalog) : []];
            foreach (var found in problems) await Console.Error.WriteLineAsync($"medulla: {found}");
            if (problems.Count > 0) return await Commands.FailAsync($"{folder} is not compiled: {problems.Count} problems; what is in force stays in force");
            var path = parsed.GetValue(output) ?? UpOptions.DataDirectoryOf(parsed.GetValue(Commands.Data)).Catalog;
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
                CatalogBundle.Write(path, catalog);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return await Commands.FailAsync($"cannot write {path}: {e.Message}");
            }

            Console.WriteLine($"{path}: {catalog.Hardware.Length} kinds of hardware, {catalog.Engines.Length} engines, {catalog.Models.Length} models, {catalog.Profiles.Length} applications, {catalog.Recipes.Length} recipes, {catalog.Remedies.Length} remedies");
            return ExitCode.Fine;
        });
        return command;
    }

    private static Command Diff()
    {
        var before = new Argument<string>("before") { Description = "Folder or bundle" };
        var after = new Argument<string>("after") { Description = "Folder or bundle" };
        var command = new Command("diff", "Show which boxes would run something else") { before, after, Commands.Json };
        command.SetAction(async parsed =>
        {
            var (old, problem) = Previous(parsed.GetValue(before));
            if (old is null) return await Commands.FailAsync(problem!);
            (var fresh, problem) = Previous(parsed.GetValue(after));
            if (fresh is null) return await Commands.FailAsync(problem!);
            var changes = CatalogReport.ChangesBetween(ChoiceTable.Of(old, Progress), ChoiceTable.Of(fresh, Progress));
            if (parsed.GetValue(Commands.Json)) Console.WriteLine(JsonSerializer.Serialize(changes, CatalogJson.Default.ImmutableArrayChoiceChange));
            else Show(Commands.Screen, changes);
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary>A catalog from a folder, from a bundle, or the one that this build carries.</summary>
    private static (Catalog? Catalog, string? Problem) Previous(string? path)
    {
        if (path is null) return (EmbeddedCatalog.Read(), null);
        if (Directory.Exists(path))
        {
            var (catalog, problems) = CatalogFolder.Compile(path);
            return problems.Count == 0 ? (catalog, null) : (null, $"cannot read the catalog {path}: {string.Join("; ", problems.Take(5))}");
        }

        if (!File.Exists(path)) return (null, $"cannot read the catalog {path}: there is no such folder or file");
        using var file = File.OpenRead(path);
        var (bundle, reason) = CatalogBundle.Read(file);
        return (bundle, bundle is null ? $"cannot read the catalog {path}: {reason}" : null);
    }

    /// <summary>For whoever watches: nothing is written into a file or a pipe.</summary>
    private static void Progress(int done)
    {
        if (!Console.IsErrorRedirected) Console.Error.Write($"\r{done} kinds of hardware resolved ");
    }

    private static void Show(IAnsiConsole console, CatalogReport report)
    {
        foreach (var problem in report.Problems) console.MarkupLineInterpolated($"[red]{problem}[/]");
        foreach (var remark in report.Remarks) console.MarkupLineInterpolated($"[yellow]{remark}[/]");
        console.WriteLine($"{report.Hardware} kinds of hardware, {report.Engines} engines, {report.Models} models ({report.ModelsFetchable} with a file that can be fetched), {report.Applications} applications, {report.Recipes} recipes, {report.Remedies} remedies, {report.Measurements} measurements of {report.MeasuredHardware} boxes ({report.Quarantined} quarantined)");
        if (report.Problems.Length > 0) return;
        console.WriteLine($"{report.Pairs} pairs of hardware and workload resolved in {report.ResolveS:0.0} s; {report.Unserved} have no model");
        Show(console, report.Changes);
    }

    private static void Show(IAnsiConsole console, ImmutableArray<ChoiceChange> changes)
    {
        if (changes.IsEmpty)
        {
            console.WriteLine("no box would run anything else than before");
            return;
        }

        console.WriteLine($"{changes.Length} choices differ, on {changes.Select(c => c.Hardware).Distinct().Count()} boxes:");
        var table = new Table().Border(TableBorder.Simple).AddColumns("hardware", "workload", "before", "after", "tokens/s", "because");
        foreach (var c in changes)
        {
            table.AddRow(Markup.Escape(c.Hardware), Markup.Escape(c.Workload), Markup.Escape(Or(c.Before)), Markup.Escape(Or(c.After)), $"{Speed(c.SpeedBefore)} → {Speed(c.SpeedAfter)}", Markup.Escape(c.Reason));
        }

        console.Write(table);

        static string Or(string text) => text.Length == 0 ? "nothing" : text;
        static string Speed(double? speed) => speed?.ToString("0.#", CultureInfo.InvariantCulture) ?? "?";
    }
}

/// <summary>What a check found.</summary>
internal sealed record CatalogReport
{
    public required int Hardware { get; init; }

    public required int Engines { get; init; }

    public required int Models { get; init; }

    /// <summary>Models of which at least one file has a digest.</summary>
    public required int ModelsFetchable { get; init; }

    public required int Applications { get; init; }

    public required int Recipes { get; init; }

    public required int Remedies { get; init; }

    public required int Measurements { get; init; }

    public required int MeasuredHardware { get; init; }

    /// <summary>Measurements that are kept and not learned from.</summary>
    public required int Quarantined { get; init; }

    /// <summary>What makes the catalog unfit, each with its file.</summary>
    public required ImmutableArray<string> Problems { get; init; }

    /// <summary>What somebody should look at.</summary>
    public required ImmutableArray<string> Remarks { get; init; }

    /// <summary>Hardware × workload pairs that were resolved.</summary>
    public required int Pairs { get; init; }

    public required int Unserved { get; init; }

    public required double ResolveS { get; init; }

    /// <summary>Pairs that would run something else than with the previous catalog.</summary>
    public required ImmutableArray<ChoiceChange> Changes { get; init; }

    /// <param name="previous">Asked only when there is nothing wrong.</param>
    /// <param name="done">Told how many kinds of hardware are resolved, from any thread.</param>
    public static (CatalogReport? Report, string? Problem) Of(string folder, Func<(Catalog? Catalog, string? Problem)> previous, Action<int>? done = null)
    {
        var (catalog, evidence, problems) = CatalogFolder.Read(folder);
        var all = problems.Concat(problems.Count == 0 ? CatalogReferences.Check(catalog).Concat(EvidenceCheck.Impossible(evidence)) : []).ToImmutableArray();
        var runs = evidence.SelectMany(e => e.Runs).ToList();
        var report = new CatalogReport
        {
            Hardware = catalog.Hardware.Length,
            Engines = catalog.Engines.Length,
            Models = catalog.Models.Length,
            ModelsFetchable = catalog.Models.Count(m => m.Files.Any(f => f.Digest is not null)),
            Applications = catalog.Profiles.Length,
            Recipes = catalog.Recipes.Length,
            Remedies = catalog.Remedies.Length,
            Measurements = runs.OfType<EvidenceRun.Measured>().Sum(r => r.Points.Length),
            MeasuredHardware = evidence.Length,
            Quarantined = runs.Where(r => r.Suspect.Length > 0).Sum(r => r.Points.Length),
            Problems = all,
            Remarks = [],
            Pairs = 0,
            Unserved = 0,
            ResolveS = 0,
            Changes = [],
        };
        if (all.Length > 0) return (report, null);
        var (old, problem) = previous();
        if (old is null) return (null, problem);
        catalog = catalog with { Calibration = CatalogFolder.Learn(evidence) };
        report = report with { Remarks = [.. EvidenceCheck.Outliers(evidence, catalog.Calibration)] };
        var start = System.Diagnostics.Stopwatch.GetTimestamp();
        var choices = ChoiceTable.Of(catalog, done);
        var took = System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (report with { Pairs = choices.Length, Unserved = choices.Count(c => c.IsNone), ResolveS = Math.Round(took, 2), Changes = IsSame(old, catalog) ? [] : ChangesBetween(ChoiceTable.Of(old, done), choices) }, null);
    }

    public static ImmutableArray<ChoiceChange> ChangesBetween(ImmutableArray<Choice> before, ImmutableArray<Choice> after) =>
        [.. ChoiceTable.Differences(before, after).Select(d => new ChoiceChange((d.After ?? d.Before)!.Hardware, (d.After ?? d.Before)!.Workload, d.Before?.Text ?? "", d.After?.Text ?? "", d.Before?.Speed, d.After?.Speed, d.After?.Reason ?? "it is not in the catalog any more"))];

    /// <summary>Catalogs that are written alike choose alike.</summary>
    private static bool IsSame(Catalog a, Catalog b) => JsonSerializer.SerializeToUtf8Bytes(a, CoreJson.Default.Catalog).AsSpan().SequenceEqual(JsonSerializer.SerializeToUtf8Bytes(b, CoreJson.Default.Catalog));
}

/// <param name="Before">Model, quantisation, engine; empty for nothing.</param>
/// <param name="After">The same with the new catalog.</param>
internal sealed record ChoiceChange(string Hardware, string Workload, string Before, string After, double? SpeedBefore, double? SpeedAfter, string Reason);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(CatalogReport))]
[JsonSerializable(typeof(ImmutableArray<ChoiceChange>))]
internal sealed partial class CatalogJson : JsonSerializerContext;

using System.Diagnostics;
using Medulla.Admin;
using Medulla.Catalogs;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Tests.Unit.Knowledge;

public sealed class CatalogCheckTests : IDisposable
{
    private const string Recipe = "id: x\nengine: llama.cpp\nbackend: cuda\nhardware: [gb10]\nsettings: { SETTINGS }\nreason: r\nsources: [s]\n";

    private static readonly Catalog Catalog = EmbeddedCatalog.Read();

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_catalog_of_the_project_has_nothing_wrong_with_it()
    {
        var (catalog, evidence, problems) = CatalogFolder.Read(Path.Combine(Repository.Root, "catalog"));
        Assert.Empty(problems);
        Assert.Empty(CatalogReferences.Check(catalog));
        Assert.Empty(EvidenceCheck.Impossible(evidence));
    }

    [Theory]
    [InlineData("claimed")]
    [InlineData("measured")]
    public void A_speed_that_memory_does_not_allow_is_refused(string kind)
    {
        Write("evidence/x.yaml", $"hardware: x\nclass: nvidia-dgpu\ndevices: 1\nbandwidth_gbs: 100\nmodels:\n  - name: m\n    parameters_b: 8\n    measurements:\n      - {{ kind: {kind}, by: somebody, engine: llama.cpp, quant: Q8_0, weights_gib: 8, points: [tg 128 @0 x1 = 30] }}\n");
        var (_, evidence, problems) = CatalogFolder.Read(_folder.Path);
        Assert.Empty(problems);
        var refused = Assert.Single(EvidenceCheck.Impossible(evidence));
        Assert.Contains("catalog/evidence/x.yaml", refused, StringComparison.Ordinal);
        Assert.Contains("30 tokens/s is faster than its memory can be read (11.6)", refused, StringComparison.Ordinal);
    }

    [Fact]
    public void A_speed_that_nobody_else_has_seen_is_pointed_out()
    {
        Write("evidence/rtx-4090.yaml", "hardware: rtx-4090\nclass: nvidia-dgpu\ndevices: 1\nbandwidth_gbs: 1008\nmodels:\n  - name: Meta-Llama-3-8B\n    parameters_b: 8\n    measurements:\n      - { by: somebody, engine: llama.cpp, backend: cuda, quant: Q4_K_M, weights_gib: 4.6, points: [tg 128 @0 x1 = 3] }\n");
        var (_, evidence, _) = CatalogFolder.Read(_folder.Path);
        Assert.Contains("until a second source agrees", Assert.Single(EvidenceCheck.Outliers(evidence, Catalog.Calibration)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("environment: { LD_PRELOAD: x }", "may not be set by a recipe")]
    [InlineData("environment: { GGML_VK_VISIBLE_DEVICES: '$(reboot)' }", "must be a short number or word")]
    [InlineData("split: '; reboot'", "layer or row is needed")]
    [InlineData("arguments: [--tools]", "unknown key 'arguments'")]
    public void A_recipe_cannot_carry_a_command(string settings, string expected)
    {
        Write("recipes/x.yaml", Recipe.Replace("SETTINGS", settings, StringComparison.Ordinal));
        Assert.Contains(CatalogFolder.Read(_folder.Path).Problems, p => p.StartsWith("catalog/recipes/x.yaml:5", StringComparison.Ordinal) && p.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void What_a_recipe_names_must_exist()
    {
        Write("recipes/x.yaml", Recipe.Replace("SETTINGS", "micro_batch: 512", StringComparison.Ordinal));
        var problems = CatalogReferences.Check(CatalogFolder.Read(_folder.Path).Catalog);
        Assert.Contains("catalog/recipes/x.yaml: there is no engine 'llama.cpp'", problems);
        Assert.Contains("catalog/recipes/x.yaml: there is no hardware 'gb10'", problems);
    }

    [Fact]
    public void Hostile_sizes_are_refused_in_bounded_time_and_memory()
    {
        Write("models/laughs.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n");
        using (var large = File.Create(_folder["models/large.yaml"])) large.SetLength(10L << 30);
        Write("models/deep.yaml", new string('[', 200_000));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        var problems = CatalogFolder.Read(_folder.Path).Problems;
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 512L << 20);
        Assert.Contains(problems, p => p.StartsWith("catalog/models/laughs.yaml:2: it is not YAML: aliases are not allowed", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.StartsWith("catalog/models/large.yaml: it has 10737418240 bytes", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.StartsWith("catalog/models/deep.yaml", StringComparison.Ordinal));
    }

    [Fact]
    public void A_bundle_in_the_data_directory_takes_the_place_of_the_embedded_catalog_and_a_damaged_one_does_not()
    {
        var data = new DataDirectory(_folder.Path);
        CatalogBundle.Write(data.Catalog, Catalog with { Models = [Catalog.Models[0]] });
        var (catalog, problem) = EmbeddedCatalog.InForce(data);
        Assert.Null(problem);
        Assert.Equal(Catalog.Models[0].Id, Assert.Single(catalog.Models).Id);

        File.WriteAllBytes(data.Catalog, [.. File.ReadAllBytes(data.Catalog).Take(500)]);
        (catalog, problem) = EmbeddedCatalog.InForce(data);
        Assert.Equal(Catalog.Models.Length, catalog.Models.Length);
        Assert.Contains("is passed over", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bundle_says_what_its_files_say()
    {
        using var packed = new MemoryStream();
        CatalogBundle.Write(packed, Catalog);
        packed.Position = 0;
        var again = CatalogBundle.Read(packed).Catalog!;
        Assert.Equal(Catalog.Engines.SelectMany(e => e.Builds).SelectMany(b => b.Sources).Select(s => s.Title), again.Engines.SelectMany(e => e.Builds).SelectMany(b => b.Sources).Select(s => s.Title));
        Assert.Equal(Catalog.Models.SelectMany(m => m.Files).Select(f => (f.Name, f.Size, f.Digest)), again.Models.SelectMany(m => m.Files).Select(f => (f.Name, f.Size, f.Digest)));
        Assert.Equal(Catalog.Calibration.Corrections, again.Calibration.Corrections);
    }

    [Fact]
    public void A_change_of_the_catalog_is_told_box_by_box()
    {
        var few = Catalog with { Hardware = [.. Catalog.Hardware.Where(h => h.Id.Value is "rtx-4090" or "cpu-x64-16g")], Profiles = [Catalog.FindProfile(new EntryId("chat-assistant"))!] };
        var before = ChoiceTable.Of(few);
        var chosen = Assert.Single(before, c => c.Hardware == "rtx-4090").Text.Split(' ')[0];
        var after = ChoiceTable.Of(few with { Models = [.. few.Models.Where(m => m.Id.Value != chosen)] });
        var change = Assert.Single(CatalogReport.ChangesBetween(before, after), c => c.Hardware == "rtx-4090");
        Assert.StartsWith(chosen, change.Before, StringComparison.Ordinal);
        Assert.NotEmpty(change.Reason);
        Assert.Empty(ChoiceTable.Differences(before, before));
    }

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllText(_folder[name], text);
    }
}

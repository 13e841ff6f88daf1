using System.Security.Cryptography;
using Medulla.Catalogs;
using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;
using Medulla.State;
using OperatingSystem = Medulla.Core.Machines.OperatingSystem;

namespace Medulla.Tests.Unit.Knowledge;

public class CatalogTests
{
    private static readonly EngineBuild Build = new(new EngineId("llama.cpp"), Digest.Of("build"), "b1");

    [Fact]
    public void Every_file_of_the_catalog_is_read_without_a_problem()
    {
        var (catalog, _, problems) = CatalogFolder.Read(Path.Combine(Repository.Root, "catalog"));
        Assert.Empty(problems);
        Assert.Equal(catalog.Models.Length, EmbeddedCatalog.Read().Models.Length);
        Assert.Equal(["folder", "GitHub release ggml-org/llama.cpp b11120", "Debian sid package llama.cpp-tools"], catalog.Engines.Single(e => e.Id == Build.Engine).Builds[0].Sources.Select(s => s.Title));
    }

    [Fact]
    public void The_models_that_ship_are_the_ones_that_the_catalog_knows()
    {
        var catalog = EmbeddedCatalog.Read();
        foreach (var file in catalog.Models.Where(m => m.Placeholder).SelectMany(m => m.Files))
        {
            var bytes = File.ReadAllBytes(Path.Combine(Repository.Root, "models", file.Name));
            Assert.Equal(file.Size.Bytes, bytes.Length);
            Assert.Equal(file.Digest, Digest.FromHash(SHA256.HashData(bytes)));
        }
    }

    [Fact]
    public void A_mistake_in_a_catalog_file_is_told_with_file_and_line()
    {
        using var folder = new Folder();
        Directory.CreateDirectory(folder["models"]);
        File.WriteAllText(folder["models/x.yaml"], "id: x\ntitle: X\nlicence: MIT\ntasks: [chat]\nquality: 300\ncontext_max: 1024\nkv_bytes_per_token: 1\nfiles:\n  - name: ../x.gguf\n    quant: Q8_0\n    size: 1\n    sha256: beef\n    sources: []\n");
        var (_, _, problems) = CatalogFolder.Read(folder.Path);
        Assert.Contains(problems, p => p.StartsWith("catalog/models/x.yaml:5: 'quality'", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("'sha256' is 'beef'", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("without a path", StringComparison.Ordinal));
    }

    [Fact]
    public void Parts_of_a_split_file_are_as_many_as_its_name_says()
    {
        using var folder = new Folder();
        Directory.CreateDirectory(folder["models"]);
        var (one, two) = (new string('1', 64), new string('2', 64));
        Assert.Empty(Read($"x-00001-of-00002.gguf", $"[{one}, {two}]"));
        Assert.Contains(Read("x-00001-of-00003.gguf", $"[{one}, {two}]"), p => p.StartsWith("catalog/models/x.yaml:", StringComparison.Ordinal) && p.Contains("named as the first of so many", StringComparison.Ordinal));
        Assert.Contains(Read("x-00002-of-00002.gguf", $"[{one}, {two}]"), p => p.Contains("named as the first of so many", StringComparison.Ordinal));
        Assert.Contains(Read("x-00001-of-00002.gguf", $"[{one}, beef]"), p => p.Contains("'beef' in 'parts'", StringComparison.Ordinal));
        Assert.Contains(Read("x-00001-of-00002.gguf", $"[{one}, {two}]\n    sha256: {one}"), p => p.Contains("one of them is needed", StringComparison.Ordinal));

        List<string> Read(string name, string parts)
        {
            File.WriteAllText(folder["models/x.yaml"], $"id: x\ntitle: X\nlicence: MIT\ntasks: [chat]\nquality: 30\ncontext_max: 1024\nkv_bytes_per_token: 1\nfiles:\n  - name: {name}\n    quant: Q8_0\n    size: 1GiB\n    parts: {parts}\n    sources: [ {{ web: {{ address: 'https://example.com/{name}' }} }} ]\n");
            return [.. CatalogFolder.Read(folder.Path).Problems];
        }
    }

    [Fact]
    public void The_best_that_fits_the_memory_comes_first_and_every_other_has_a_reason()
    {
        var catalog = Only(EmbeddedCatalog.Read(), "tinychat-s", "tinychat-m", "qwen3-0.6b", "qwen3-1.7b", "qwen3-4b", "qwen3-8b");
        Assert.Equal("qwen3-8b", Best(24));
        Assert.Equal("qwen3-4b", Best(5));
        Assert.Equal("tinychat-m", Best(1));
        var small = Resolve(Chat, Known(catalog, 1));
        Assert.Equal(catalog.Models.Length, small.Candidates.Select(c => c.Model.Id).Concat(small.Rejections.Select(r => r.Model)).Distinct().Count());
        Assert.Contains(small.Rejections, r => r.Model.Value == "qwen3-8b" && r.Reason.Contains("of memory", StringComparison.Ordinal));

        // Any speed will do: the test is about memory.
        string Best(double gib) => Resolve(Chat with { Service = new ServiceLevel(null, null, 1) }, Known(catalog, gib)).Candidates[0].Model.Id.Value;
    }

    [Fact]
    public void A_placeholder_serves_only_what_nobody_has_configured_or_what_names_it()
    {
        var known = Known(EmbeddedCatalog.Read(), 24) with { IsDefault = false };
        Assert.DoesNotContain(Resolve(Chat, known).Candidates, c => c.Spec.Placeholder);
        Assert.Equal("tinychat-s", Resolve(Chat with { Model = new ModelId("tinychat-s") }, known).Candidates.Single().Model.Id.Value);
    }

    [Fact]
    public void A_file_without_a_digest_is_not_run()
    {
        var catalog = EmbeddedCatalog.Read();
        var undigested = catalog with { Models = [.. catalog.Models.Select(m => m with { Files = [.. m.Files.Select(f => f with { Digest = null })] })] };
        var resolution = Resolve(Chat, Known(undigested, 24));
        Assert.Empty(resolution.Candidates);
        Assert.NotEmpty(resolution.Blocked);
        Assert.All(resolution.Blocked, c => Assert.NotNull(c.Blocked));
    }

    private static readonly Workload Chat = new() { Name = new("chat"), Task = WorkloadTask.Chat };

    private static Resolution Resolve(Workload workload, Knowing known) => Resolver.Resolve(workload, known, PoolUse.None);

    private static Catalog Only(Catalog catalog, params string[] models) => catalog with { Models = [.. catalog.Models.Where(m => models.Contains(m.Id.Value, StringComparer.Ordinal))] };

    private static Knowing Known(Catalog catalog, double gib) => new() { Policy = new Policy(), IsDefault = true, Machine = Machine(gib), Catalog = catalog, Builds = [Build] };

    private static Machine Machine(double gib) => new()
    {
        Os = new OperatingSystem("linux", "", "", "x64"),
        Cpu = new Cpu("", 4, 8, []),
        Memory = new MemoryPool(ByteSize.GiB(gib), null),
        Disks = [],
    };
}

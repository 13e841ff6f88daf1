using System.Security.Cryptography;
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
        var (catalog, problems) = CatalogReader.ReadEmbedded();
        Assert.Empty(problems);
        Assert.Equal(catalog.Models.Length, CatalogReader.Read(Path.Combine(Repository.Root, "catalog")).Catalog.Models.Length);
        Assert.Equal(["folder", "GitHub release ggml-org/llama.cpp b11120", "Debian sid package llama.cpp-tools"], catalog.Engines.Single().Sources.Select(s => s.Title));
    }

    [Fact]
    public void The_models_that_ship_are_the_ones_that_the_catalog_knows()
    {
        var (catalog, _) = CatalogReader.ReadEmbedded();
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
        var (_, problems) = CatalogReader.Read(folder.Path);
        Assert.Contains(problems, p => p.StartsWith("catalog/models/x.yaml:5: 'quality'", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("'sha256' is 'beef'", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("without a path", StringComparison.Ordinal));
    }

    [Fact]
    public void The_best_that_fits_the_memory_comes_first_and_every_other_has_a_reason()
    {
        var (catalog, _) = CatalogReader.ReadEmbedded();
        var intent = Intent.Default(new Policy());
        Assert.Equal("qwen3-8b", Best(24));
        Assert.Equal("qwen3-4b", Best(5));
        Assert.Equal("tinychat-m", Best(1));
        var small = Resolver.Resolve(intent.Workloads[0], intent, Machine(1), catalog.Models, Build, ByteSize.Zero);
        Assert.Equal(catalog.Models.Length, small.Candidates.Length + small.Rejections.Length);
        Assert.Contains(small.Rejections, r => r.Model.Value == "qwen3-8b" && r.Reason.Contains("of memory", StringComparison.Ordinal));

        string Best(double gib) => Resolver.Resolve(intent.Workloads[0], intent, Machine(gib), catalog.Models, Build, ByteSize.Zero).Candidates[0].Model.Id.Value;
    }

    [Fact]
    public void A_placeholder_serves_only_what_nobody_has_configured_or_what_names_it()
    {
        var (catalog, _) = CatalogReader.ReadEmbedded();
        Assert.DoesNotContain(Candidates(new Workload { Name = new("chat"), Task = WorkloadTask.Chat }), c => c.Spec.Placeholder);
        Assert.Equal("tinychat-s", Candidates(new Workload { Name = new("chat"), Task = WorkloadTask.Chat, Model = new ModelId("tinychat-s") }).Single().Model.Id.Value);

        IEnumerable<Candidate> Candidates(Workload workload) =>
            Resolver.Resolve(workload, Intent.Default(new Policy()) with { IsDefault = false, Workloads = [workload] }, Machine(24), catalog.Models, Build, ByteSize.Zero).Candidates;
    }

    [Fact]
    public void A_file_without_a_digest_is_not_run()
    {
        var (catalog, _) = CatalogReader.ReadEmbedded();
        var intent = Intent.Default(new Policy());
        ModelEntry[] undigested = [.. catalog.Models.Select(m => m with { Files = [.. m.Files.Select(f => f with { Digest = null })] })];
        var resolution = Resolver.Resolve(intent.Workloads[0], intent, Machine(24), undigested, Build, ByteSize.Zero);
        Assert.Empty(resolution.Candidates);
        Assert.All(resolution.Rejections, r => Assert.Contains("sha256", r.Reason, StringComparison.Ordinal));
    }

    private static Machine Machine(double gib) => new()
    {
        Os = new OperatingSystem("linux", "", "", "x64"),
        Cpu = new Cpu("", 4, 8, []),
        Memory = new MemoryPool(ByteSize.GiB(gib), null),
        Disks = [],
    };
}

using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Medulla.Artifacts.Builds;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Loop;
using Medulla.State;
using Medulla.Tests.Unit.Artifacts;
using Microsoft.Extensions.Logging.Abstractions;

namespace Medulla.Tests.Unit.Builds;

public sealed class BuildsTests : IDisposable
{
    private const string Script = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'version: 7 (abc)' >&2; else echo '-m,    --model FNAME      the model'; echo '--no-mmap     the argument has been removed. use --load-mode'; fi\n";

    private readonly Folder _folder = new();
    private readonly Signals _signals = new(new Wake(TimeProvider.System));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("version: 0.7.0 (build 11669, commit Debian)\nbuilt with GNU", "b11669")]
    [InlineData("version: 8173 (2e7e63852)\n", "b8173")]
    [InlineData("version: 0.1.0-dev (build 10430, commit 4c1a0af40)", "b10430")]
    [InlineData("version: b10707 (62acc89)", "b10707")]
    [InlineData("nothing of the kind", null)]
    public void A_build_says_its_version_in_four_ways(string text, string? version) => Assert.Equal(version, BuildTraits.ParseVersion(text));

    [Fact]
    public void Flags_are_read_from_the_help_without_removed_ones_and_without_prose()
    {
        var flags = BuildTraits.ParseFlags("-m,    --model FNAME                   model path, see also --other\n-np,   --parallel N   slots\n--no-mmap                 the argument has been removed. use --load-mode\n--embedding, --embeddings               only embeddings\n");
        Assert.Equal(["--embedding", "--embeddings", "--model", "--parallel"], flags);
    }

    [Fact]
    public void The_machines_own_archive_is_found_in_both_formats()
    {
        Assert.Equal(
            [new AptSource("http://mirror.example/debian", "/k.gpg")],
            AptSources.ReadLines("# deb http://x/debian sid main\ndeb http://mirror.example/security/debian-security bookworm-security main\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n"));
        Assert.Equal(
            [new AptSource("http://mirror.example/debian/", "/usr/share/keyrings/debian-archive-keyring.gpg")],
            AptSources.ReadStanzas("Types: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n\nTypes: deb deb-src\n# a comment: with a colon\nURIs: http://mirror.example/debian/\nSuites: bookworm bookworm-updates\nComponents: main\n\nTypes: deb\nURIs: http://mirror.example/debian-security\nSuites: bookworm-security\nComponents: main\n"));
    }

    [Fact]
    public async Task A_folder_of_the_owners_is_recorded_where_it_is()
    {
        var shelf = Shelf(Build(_folder["mine"]));
        var fetched = await FetchAsync(shelf, new EngineSource.Folder());
        Assert.Equal(FetchOutcome.Done, fetched.Outcome);
        var record = BuildRecord.Read(shelf.Facts.Single().Folder)!;
        Assert.Equal(_folder["mine"], record.Folder);
        Assert.Equal(["--model"], record.Flags);
        Assert.Equal("b7", record.Build.Version);
    }

    [Fact]
    public async Task A_build_whose_files_were_changed_is_set_aside()
    {
        var shelf = Shelf(Build(_folder["mine"]));
        await FetchAsync(shelf, new EngineSource.Folder());
        await File.AppendAllTextAsync(_folder["mine/llama-server"], "# tampered\n", TestContext.Current.CancellationToken);
        await shelf.CheckAsync(TestContext.Current.CancellationToken);
        Assert.Empty(shelf.Facts);
        Assert.Contains("another content", _signals.Drain().OfType<Signal.ArtifactDamaged>().Single().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sources_are_tried_in_order_and_each_skipped_one_is_named_with_the_reason()
    {
        var fetched = await FetchAsync(Shelf(null), new EngineSource.Folder(), Release(null), new EngineSource.GitHubRelease("x/y", "b1", []));
        Assert.Equal(FetchOutcome.NoSource, fetched.Outcome);
        Assert.Contains("no folder was given", fetched.Failures[0].Reason, StringComparison.Ordinal);
        Assert.Contains("nobody has recorded a sha256", fetched.Failures[1].Reason, StringComparison.Ordinal);
        Assert.Contains("no archive for", fetched.Failures[2].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_is_unpacked_when_its_digest_is_the_one_that_somebody_has_seen()
    {
        var archive = Archive("llama-b7/llama-server");
        await using var mirror = await Mirror.StartAsync(archive);
        var shelf = Shelf(null, mirror.Address);
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(shelf, Release(Digest.Of(archive)))).Outcome);
        Assert.True(File.Exists(Path.Combine(BuildRecord.Read(shelf.Facts.Single().Folder)!.Folder, "llama-server")));
        Assert.False(Directory.Exists(_folder["data/engines/staging"]));
    }

    [Fact]
    public async Task An_archive_of_another_content_is_not_unpacked()
    {
        await using var mirror = await Mirror.StartAsync(Archive("llama-b7/llama-server"));
        var fetched = await FetchAsync(Shelf(null, mirror.Address), Release(Digest.Of("another")));
        Assert.Contains("not the archive that the catalog knows", fetched.Failures.Single().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_that_leads_out_of_its_folder_is_refused()
    {
        var archive = Archive("../../escaped");
        await using var mirror = await Mirror.StartAsync(archive);
        var fetched = await FetchAsync(Shelf(null, mirror.Address), Release(Digest.Of(archive)));
        Assert.Equal(FetchOutcome.NoSource, fetched.Outcome);
        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "escaped", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_build_that_does_not_run_is_not_recorded()
    {
        Directory.CreateDirectory(_folder["mine"]);
        await File.WriteAllTextAsync(_folder["mine/llama-server"], "not a program", TestContext.Current.CancellationToken);
        var shelf = Shelf(_folder["mine"]);
        var fetched = await FetchAsync(shelf, new EngineSource.Folder());
        Assert.Empty(shelf.Facts);
        Assert.Contains("cannot start", fetched.Failures.Single().Reason, StringComparison.Ordinal);
    }

    private static EngineSource.GitHubRelease Release(Digest? digest) =>
        new("x/y", "b7", [new ReleaseAsset("linux", RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(), "llama-b7.tar.gz", digest)]);

    private static string Build(string folder)
    {
        Directory.CreateDirectory(folder);
        var server = Path.Combine(folder, "llama-server");
        File.WriteAllText(server, Script);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(server, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return folder;
    }

    private static byte[] Archive(string name)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress, leaveOpen: true))
        using (var tar = new TarWriter(gzip))
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(Script)), Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute });
        }

        return packed.ToArray();
    }

    private EngineShelf Shelf(string? folder, Uri? gitHub = null)
    {
        var data = new DataDirectory(_folder["data"]);
        Directory.CreateDirectory(data.Engines);
        var options = new BuildOptions { Folder = folder, Cache = null, GitHub = gitHub ?? new Uri("http://127.0.0.1:1") };
        return new EngineShelf(data, options, _signals, TimeProvider.System, NullLogger<EngineShelf>.Instance);
    }

    private async Task<Signal.EngineFetched> FetchAsync(EngineShelf shelf, params EngineSource[] sources)
    {
        var build = new BuildEntry { Backend = "cpu", Sources = [.. sources] };
        var engine = new EngineEntry { Id = new EngineId("llama.cpp"), Title = "llama.cpp", Binary = "llama-server", Builds = [build] };
        await shelf.FetchAsync(new Move.FetchEngine(engine, build) { Reason = "test" }, new Progress<OperationFact>(), TestContext.Current.CancellationToken);
        return _signals.Drain().OfType<Signal.EngineFetched>().Single();
    }
}

using System.Collections.Immutable;
using Medulla.Artifacts;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Loop;
using Medulla.State;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Medulla.Tests.Unit.Artifacts;

public sealed class ArtifactStoreTests : IDisposable
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 3_000_000).Select(i => (byte)((i * 31) ^ (i >> 7)))];

    private readonly Folder _folder = new();
    private readonly Signals _signals = new(new Wake(TimeProvider.System));
    private Policy _policy = new() { DiskReserve = ByteSize.Zero };
    private string? _models;
    private string? _cache;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_file_is_fetched_verified_and_lies_under_its_digest_and_name()
    {
        await using var mirror = await Mirror.StartAsync(Content);
        var fetched = await FetchAsync(Store(), From(mirror));
        Assert.Equal(FetchOutcome.Done, fetched.Outcome);
        using var store = Store();
        store.Load();
        var fact = store.Facts.Single();
        Assert.EndsWith($"store/weights/{Digest.Of(Content)}/model.gguf", fact.Path, StringComparison.Ordinal);
        Assert.Equal(Content, await File.ReadAllBytesAsync(fact.Path, TestContext.Current.CancellationToken));
        Assert.True(store.Trusts(fact.Digest));
    }

    [Fact]
    public async Task A_connection_that_breaks_is_taken_up_where_it_broke()
    {
        await using var mirror = await Mirror.StartAsync(Content, CutAfter(1_000_000, times: 1));
        var fetched = await FetchAsync(Store(), From(mirror));
        Assert.Equal(FetchOutcome.Done, fetched.Outcome);
        Assert.Equal(2, mirror.Asked.Count);
        Assert.True(mirror.Asked[1] > 0, "the second request began at the first byte");
    }

    [Fact]
    public async Task A_source_that_fails_mid_file_is_continued_by_the_next()
    {
        await using var bad = await Mirror.StartAsync(Content, CutAfter(600_000, times: 100));
        await using var good = await Mirror.StartAsync(Content);
        var fetched = await FetchAsync(Store(), From(bad, good));
        Assert.Equal(FetchOutcome.Done, fetched.Outcome);
        Assert.True(good.Asked.Single() > 1_000_000, "the second source was asked for everything");
        Assert.Contains("broke", fetched.Failures.Single().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_later_life_of_the_daemon_goes_on_where_the_first_stopped()
    {
        await using var slow = await Mirror.StartAsync(Content, async (context, rest, _) =>
        {
            context.Response.ContentLength = rest.Length;
            await context.Response.Body.WriteAsync(rest[..2_000_000]);
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        });
        using (var first = Store())
        {
            using var life = new CancellationTokenSource();
            var fetch = first.FetchAsync(From(slow), new Progress<OperationFact>(), life.Token);
            var part = Path.Combine(_folder["data"], "store", "staging", $"{Digest.Of(Content)}.part.json");
            while (!File.Exists(part)) await Task.Delay(5, TestContext.Current.CancellationToken);
            await life.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch);
        }

        await using var good = await Mirror.StartAsync(Content);
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(Store(), From(good))).Outcome);
        Assert.True(good.Asked.Single() >= 500_000, "it began at the first byte again");
    }

    [Theory]
    [InlineData("page", "a page instead of the file")]
    [InlineData("length", "bytes, and the catalog knows")]
    [InlineData("content", "not the file that the catalog knows")]
    [InlineData("loop", "redirects more than")]
    [InlineData("range", "it sent them from")]
    [InlineData("404", "it answered 404")]
    [InlineData("500", "it answered 500")]
    public async Task A_mirror_that_lies_is_found_out_and_the_next_one_is_asked(string lie, string words)
    {
        await using var liar = await Mirror.StartAsync(Content, (context, rest, _) => LieAsync(lie, context, rest));
        await using var good = await Mirror.StartAsync(Content);
        using var store = Store();
        if (lie == "range") await PrepareAsync(store);
        var fetched = await FetchAsync(store, From(liar, good));
        Assert.Equal(FetchOutcome.Done, fetched.Outcome);
        Assert.Contains(words, fetched.Failures.Single(f => f.Source == liar.Address.Host && f.Reason.Contains(words, StringComparison.Ordinal)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_that_stalls_is_left()
    {
        await using var stalled = await Mirror.StartAsync(Content, async (context, _, _) =>
        {
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        });
        await using var good = await Mirror.StartAsync(Content);
        var fetched = await FetchAsync(Store(), From(stalled, good));
        Assert.Equal(FetchOutcome.Done, fetched.Outcome);
        Assert.Contains("nothing came", fetched.Failures.Single().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_that_asks_for_patience_is_asked_again_after_it()
    {
        await using var busy = await Mirror.StartAsync(Content, (context, _, before) =>
        {
            if (before > 0) return Task.FromResult(false);
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = "0";
            return Task.FromResult(true);
        });
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(Store(), From(busy))).Outcome);
        Assert.Equal(2, busy.Asked.Count);
    }

    [Fact]
    public async Task Sources_that_cannot_be_reached_are_each_named_with_the_reason()
    {
        var fetched = await FetchAsync(Store(), Move(new ModelSource.Web(new Uri("http://127.0.0.1:1/x")), new ModelSource.Web(new Uri("http://no-such-host.invalid/x"))));
        Assert.Equal(FetchOutcome.NoSource, fetched.Outcome);
        Assert.Contains("cannot be reached", fetched.Failures[0].Reason, StringComparison.Ordinal);
        Assert.Contains("cannot be resolved", fetched.Failures[1].Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flip")]
    [InlineData("truncate")]
    public async Task A_file_that_was_changed_is_set_aside_and_fetched_again(string how)
    {
        await using var mirror = await Mirror.StartAsync(Content);
        using var store = Store();
        await FetchAsync(store, From(mirror));
        var path = store.Facts.Single().Path;
        await using (var file = File.OpenWrite(path))
        {
            if (how == "truncate") file.SetLength(file.Length - 1);
            else file.WriteByte(0xff);
        }

        Assert.False(store.Trusts(Digest.Of(Content)));
        await store.CheckAsync(TestContext.Current.CancellationToken);
        Assert.Empty(store.Facts);
        var damage = _signals.Drain().OfType<Signal.ArtifactDamaged>().Single();
        Assert.Contains("set aside", damage.Reason, StringComparison.Ordinal);
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(store, From(mirror))).Outcome);
    }

    [Fact]
    public async Task A_file_that_was_only_touched_is_hashed_again_and_kept()
    {
        await using var mirror = await Mirror.StartAsync(Content);
        using var store = Store();
        await FetchAsync(store, From(mirror));
        File.SetLastWriteTimeUtc(store.Facts.Single().Path, DateTime.UnixEpoch);
        await store.CheckAsync(TestContext.Current.CancellationToken);
        Assert.Single(store.Facts);
        Assert.True(store.Trusts(Digest.Of(Content)));
    }

    [Fact]
    public async Task A_file_of_the_owners_is_used_where_it_is()
    {
        _models = Directory.CreateDirectory(_folder["mine"]).FullName;
        await File.WriteAllBytesAsync(Path.Combine(_models, "other-name.gguf"), Content, TestContext.Current.CancellationToken);
        using var store = Store();
        await store.CheckAsync(TestContext.Current.CancellationToken);
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(store, Move(new ModelSource.Web(new Uri("http://127.0.0.1:1/x"))))).Outcome);
        Assert.Equal(Path.Combine(_models, "other-name.gguf"), store.Facts.Single(f => f.Digest == Digest.Of(Content)).Path);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_folder["data"], "store", "weights")));
    }

    [Fact]
    public async Task A_hugging_face_cache_is_used_where_it_is()
    {
        _cache = _folder["hub"];
        var blobs = Directory.CreateDirectory(Path.Combine(_cache, "models--owner--name", "blobs")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(blobs, Digest.Of(Content).Hex), Content, TestContext.Current.CancellationToken);
        using var store = Store();
        var fetched = await FetchAsync(store, Move(new ModelSource.HuggingFace("owner/name", "main", "model.gguf")));
        Assert.Equal(FetchOutcome.Done, fetched.Outcome);
        Assert.StartsWith(blobs, store.Facts.Single().Path, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_larger_than_the_policy_allows_is_refused_with_numbers_before_a_byte_is_fetched()
    {
        await using var mirror = await Mirror.StartAsync(Content);
        _policy = _policy with { DiskCap = ByteSize.MiB(1) };
        var fetched = await FetchAsync(Store(), From(mirror));
        Assert.Equal(FetchOutcome.NoSpace, fetched.Outcome);
        Assert.Contains("policy.disk_cap is 1 MiB", fetched.Failures.Single().Reason, StringComparison.Ordinal);
        Assert.Empty(mirror.Asked);
    }

    [Fact]
    public async Task A_length_that_the_catalog_knows_only_roughly_is_asked_for()
    {
        await using var mirror = await Mirror.StartAsync(Content);
        var move = From(mirror);
        move = move with { File = move.File with { Size = new ByteSize(3_100_000), IsSizeExact = false } };
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(Store(), move)).Outcome);
        move = move with { File = move.File with { Size = new ByteSize(9_000_000), Digest = Digest.Of("other") } };
        Assert.Contains("knows about", (await FetchAsync(Store(), move)).Failures.Single().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_embedded_needs_no_network_and_little_of_the_disk()
    {
        _policy = _policy with { DiskReserve = ByteSize.GiB(1 << 20) };
        var catalog = EmbeddedCatalog.Read();
        var file = catalog.FindModel(new ModelId("tinychat-s"))!.Files[0];
        using var store = Store();
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(store, new Move.FetchWeights(new ModelId("tinychat-s"), file) { Reason = "test" })).Outcome);
    }

    [Fact]
    public async Task A_split_file_is_fetched_part_by_part_and_there_when_all_parts_are()
    {
        await using var parts = await Parts.StartAsync();
        using var store = Store();
        parts.Refused = 2;
        Assert.Equal(FetchOutcome.NoSource, (await FetchAsync(store, parts.Move())).Outcome);
        Assert.Empty(store.Facts);

        parts.Refused = -1;
        parts.Asked.Clear();
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(store, parts.Move())).Outcome);
        Assert.Equal([2], parts.Asked.Distinct());
        using var later = Store();
        later.Load();
        var fact = later.Facts.Single();
        Assert.Equal((parts.File.Digest!.Value, (long)Content.Length), (fact.Digest, fact.Size.Bytes));
        Assert.EndsWith($"store/weights/{parts.File.Digest}/{parts.File.Name}", fact.Path, StringComparison.Ordinal);
        Assert.Equal(parts.File.Pieces().Select(p => p.Name), Directory.EnumerateFiles(Path.GetDirectoryName(fact.Path)!).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.True(later.Trusts(fact.Digest));

        later.Sweep([fact.Digest], new HashSet<string>());
        Assert.Single(later.Facts);
        later.Sweep([], new HashSet<string>());
        Assert.Empty(later.Facts);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_folder["data"], "store", "weights")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_folder["data"], "store", "commits")));
    }

    [Fact]
    public async Task Of_a_split_file_only_the_damaged_part_is_fetched_again()
    {
        await using var parts = await Parts.StartAsync();
        using var store = Store();
        await FetchAsync(store, parts.Move());
        var damaged = Path.Combine(Path.GetDirectoryName(store.Facts.Single().Path)!, parts.File.Pieces()[1].Name);
        await using (var file = File.OpenWrite(damaged)) file.WriteByte(0xff);
        Assert.False(store.Trusts(parts.File.Digest!.Value));
        await store.VerifyAsync(new Move.VerifyWeights(parts.File.Digest.Value, parts.File.Name) { Reason = "test" }, TestContext.Current.CancellationToken);
        var signals = _signals.Drain().ToList();
        Assert.Equal(Subjects.Weights(parts.File.Digest.Value), signals.OfType<Signal.ArtifactDamaged>().Single().Subject);
        Assert.Contains(parts.File.Pieces()[1].Name, signals.OfType<Signal.Verified>().Single(v => !v.Sound).Text, StringComparison.Ordinal);
        Assert.Empty(store.Facts);
        parts.Asked.Clear();
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(store, parts.Move())).Outcome);
        Assert.Equal([1], parts.Asked.Distinct());
    }

    [Fact]
    public async Task Parts_in_a_hugging_face_cache_lie_beside_each_other_by_links()
    {
        await using var parts = await Parts.StartAsync();
        _cache = _folder["hub"];
        var blobs = Directory.CreateDirectory(Path.Combine(_cache, "models--owner--name", "blobs")).FullName;
        foreach (var (piece, bytes) in parts.File.Pieces().Zip(Parts.All)) await File.WriteAllBytesAsync(Path.Combine(blobs, piece.Digest!.Value.Hex), bytes, TestContext.Current.CancellationToken);
        using var store = Store();
        Assert.Equal(FetchOutcome.Done, (await FetchAsync(store, parts.Move(new ModelSource.HuggingFace("owner/name", "main", $"deep/{parts.File.Name}")))).Outcome);
        Assert.Equal(Parts.All[0], await File.ReadAllBytesAsync(store.Facts.Single().Path, TestContext.Current.CancellationToken));
        Assert.True(store.Trusts(parts.File.Digest!.Value));
        store.Sweep([], new HashSet<string>());
        Assert.Equal(3, Directory.EnumerateFiles(blobs).Count());
    }

    [Fact]
    public async Task Parts_of_the_owners_are_one_model_and_a_missing_one_is_named()
    {
        await using var parts = await Parts.StartAsync();
        _models = Directory.CreateDirectory(_folder["mine"]).FullName;
        foreach (var (piece, bytes) in parts.File.Pieces().Zip(Parts.All)) await File.WriteAllBytesAsync(Path.Combine(_models, piece.Name), [.. "GGUF"u8, .. bytes], TestContext.Current.CancellationToken);
        using var store = Store();
        await store.CheckAsync(TestContext.Current.CancellationToken);
        var own = store.OwnModels.Single();
        Assert.Equal(("big", (long)Content.Length + 12), (own.Id.Value, own.Files[0].Size.Bytes));
        Assert.Equal(own.Files[0].Digest, store.Facts.Single().Digest);
        Assert.EndsWith(parts.File.Name, store.Facts.Single().Path, StringComparison.Ordinal);

        File.Delete(Path.Combine(_models, parts.File.Pieces()[2].Name));
        await store.CheckAsync(TestContext.Current.CancellationToken);
        Assert.Empty(store.OwnModels);
        Assert.Contains("big-00003-of-00003.gguf is not beside it", store.Findings.Single(), StringComparison.Ordinal);
    }

    private static async Task<bool> LieAsync(string lie, HttpContext context, ReadOnlyMemory<byte> rest)
    {
        switch (lie)
        {
            case "page":
                context.Response.ContentType = "text/html";
                await context.Response.WriteAsync("<html>sign in</html>");
                return true;
            case "length":
                context.Response.ContentLength = 10;
                await context.Response.Body.WriteAsync(rest[..10]);
                return true;
            case "content":
                var other = rest.ToArray();
                other[^1] ^= 1;
                context.Response.ContentLength = other.Length;
                await context.Response.Body.WriteAsync(other);
                return true;
            case "loop":
                context.Response.Redirect("/again");
                return true;
            case "range":
                context.Response.StatusCode = 206;
                context.Response.Headers.ContentRange = $"bytes 0-{Content.Length - 1}/{Content.Length}";
                await context.Response.Body.WriteAsync(Content);
                return true;
            default:
                context.Response.StatusCode = int.Parse(lie, System.Globalization.CultureInfo.InvariantCulture);
                return true;
        }
    }

    private static Func<HttpContext, ReadOnlyMemory<byte>, int, Task<bool>> CutAfter(int bytes, int times) => async (context, rest, before) =>
    {
        if (before >= times) return false;
        context.Response.StatusCode = rest.Length < Content.Length ? 206 : 200;
        if (rest.Length < Content.Length) context.Response.Headers.ContentRange = $"bytes {Content.Length - rest.Length}-{Content.Length - 1}/{Content.Length}";
        context.Response.ContentLength = rest.Length;
        await context.Response.Body.WriteAsync(rest[..Math.Min(bytes, rest.Length)]);
        await context.Response.Body.FlushAsync();
        await Task.Delay(50);
        context.Abort();
        return true;
    };

    private static Move.FetchWeights From(params Mirror[] mirrors) => Move([.. mirrors.Select(m => new ModelSource.Web(new Uri(m.Address, "/model.gguf")))]);

    private static Move.FetchWeights Move(params ModelSource[] sources) => new(
        new ModelId("model"),
        new ModelFile { Name = "model.gguf", Quant = "Q8_0", Size = new ByteSize(Content.Length), Digest = Digest.Of(Content), Sources = [.. sources] })
    {
        Reason = "test",
    };

    /// <summary>Leaves a durable first part behind, so that the next request asks for a range.</summary>
    private static async Task PrepareAsync(ArtifactStore store)
    {
        await using var cut = await Mirror.StartAsync(Content, CutAfter(600_000, times: 100));
        await store.FetchAsync(From(cut), new Progress<OperationFact>(), TestContext.Current.CancellationToken);
    }

    private ArtifactStore Store()
    {
        var data = new DataDirectory(_folder["data"]);
        var options = new StoreOptions
        {
            Models = _models,
            HuggingFaceCaches = _cache is null ? [] : [_cache],
            Policy = _policy,
            StallLimit = TimeSpan.FromMilliseconds(300),
            RetryPause = TimeSpan.FromMilliseconds(1),
            CheckpointBytes = 500_000,
        };
        return new ArtifactStore(data, options, new Catalog { Engines = [], Models = [] }, _signals, TimeProvider.System, NullLogger<ArtifactStore>.Instance);
    }

    private async Task<Signal.WeightsFetched> FetchAsync(ArtifactStore store, Move.FetchWeights move)
    {
        _signals.Drain();
        await store.FetchAsync(move, new Progress<OperationFact>(), TestContext.Current.CancellationToken);
        return _signals.Drain().OfType<Signal.WeightsFetched>().Single();
    }

    /// <summary>A model in three parts on a mirror that says how often it sent each.</summary>
    private sealed class Parts(Mirror mirror) : IAsyncDisposable
    {
        public static readonly byte[][] All = [Content[..100], Content[100..2_000_000], Content[2_000_000..]];

        /// <summary>Of the parts that are not sent, the index; -1 for none.</summary>
        public int Refused { get; set; } = -1;

        public List<int> Asked { get; } = [];

        public ModelSource[] Sources => [new ModelSource.Web(new Uri(mirror.Address, "/big-00001-of-00003.gguf"))];

        public ModelFile File => Move().File;

        public static async Task<Parts> StartAsync()
        {
            Parts? parts = null;
            return parts = new Parts(await Mirror.StartAsync([], (context, _, _) => parts!.SendAsync(context)));
        }

        public Move.FetchWeights Move(params ModelSource[] sources)
        {
            var digests = All.Select(b => Digest.Of(b)).ToImmutableArray();
            return new(new ModelId("model"), new ModelFile { Name = "big-00001-of-00003.gguf", Quant = "Q8_0", Size = new ByteSize(Content.Length), IsSizeExact = false, Digest = ModelFile.DigestOf(digests), Parts = digests, Sources = [.. sources.Length > 0 ? sources : Sources] }) { Reason = "test" };
        }

        public ValueTask DisposeAsync() => mirror.DisposeAsync();

        private async Task<bool> SendAsync(HttpContext context)
        {
            var part = SplitName.Of(context.Request.Path.Value![1..])!.Part - 1;
            lock (Asked) Asked.Add(part);
            if (part == Refused)
            {
                context.Response.StatusCode = 404;
                return true;
            }

            context.Response.ContentLength = All[part].Length;
            await context.Response.Body.WriteAsync(All[part]);
            return true;
        }
    }
}

using System.Collections.Immutable;
using System.Security.Cryptography;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Loop;
using Medulla.State;

namespace Medulla.Artifacts;

/// <summary>
/// Owns the verified model files by content, in <c>store/weights/DIGEST/NAME</c>, and where the owner's own copies lie.
/// Written by fetches of the executor and by <see cref="CheckAsync"/>; read by the observer.
/// A file is trusted while it looks as its commit record says, and is hashed again when it does not; one that is damaged is
/// set aside, or no longer referred to when it is the owner's.
/// Bounds: the policy's disk cap and reserve; one staging file per digest.
/// </summary>
internal sealed partial class ArtifactStore : IDisposable
{
    private const int Tries = 3;
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromMilliseconds(250);

    private readonly DataDirectory _data;
    private readonly StoreOptions _options;
    private readonly Catalog _catalog;
    private readonly Signals _signals;
    private readonly TimeProvider _time;
    private readonly ILogger<ArtifactStore> _log;
    private readonly HttpMessageInvoker _http;
    private readonly Neighbourhood _near;
    private readonly Lock _gate = new();
    private ImmutableDictionary<Digest, CommitRecord> _commits = ImmutableDictionary<Digest, CommitRecord>.Empty;

    public ArtifactStore(DataDirectory data, StoreOptions options, Catalog catalog, Signals signals, TimeProvider time, ILogger<ArtifactStore> log)
    {
        (_data, _options, _catalog, _signals, _time, _log) = (data, options, catalog, signals, time, log);
        _http = Download.CreateClient(options);
        _near = new Neighbourhood(options);
        foreach (var folder in new[] { Weights, Staged, Commits }) Directory.CreateDirectory(folder);
    }

    private string Weights => Path.Combine(_data.Store, "weights");

    private string Staged => Path.Combine(_data.Store, "staging");

    private string Commits => Path.Combine(_data.Store, "commits");

    /// <summary>Verified files.</summary>
    public ImmutableArray<WeightsFact> Facts { get; private set; } = [];

    /// <summary>Catalog files within reach that are not in the store.</summary>
    public ImmutableArray<Digest> Nearby { get; private set; } = [];

    /// <summary>The owner's files that the catalog does not know.</summary>
    public ImmutableArray<ModelEntry> OwnModels { get; private set; } = [];

    /// <summary>Why a file of the owner's is not used.</summary>
    public ImmutableArray<string> Findings { get; private set; } = [];

    /// <summary>Bytes that the disk of the store has free.</summary>
    public long FreeSpace => new DriveInfo(_data.Store).AvailableFreeSpace;

    /// <summary>Reads the records. A file that looks as it did is trusted; any other counts as absent until <see cref="CheckAsync"/> has read it.</summary>
    public void Load()
    {
        foreach (var path in Directory.EnumerateFiles(Commits, "*.json"))
        {
            if (CommitRecord.Read(path) is { } commit && Posix.Stat(commit.Path) == commit.Stamp) Keep(commit);
        }

        Nearby = [.. Absent().Where(f => f.Sources.Any(s => s.IsNearby)).Select(f => f.Digest!.Value)];
        Publish();
    }

    /// <summary>
    /// Looks at everything that is recorded, and at what lies around. A file is read only when it does not look as it did.
    /// </summary>
    public async Task CheckAsync(CancellationToken cancel)
    {
        foreach (var record in Directory.EnumerateFiles(Commits, "*.json"))
        {
            if (CommitRecord.Read(record) is not { } commit) File.Delete(record);
            else if (Posix.Stat(commit.Path) is not { } stamp) Lose(commit, record, "it is gone");
            else if (stamp == commit.Stamp) Keep(commit);
            else await ReadAgainAsync(commit, record, cancel);
        }

        await AdoptOwnAsync(cancel);
        Nearby = [.. Absent().Where(f => f.Sources.Any(s => s.IsNearby) || _near.Find(f).Any()).Select(f => f.Digest!.Value)];
        Publish();
        _signals.Nudge();
    }

    /// <summary>Reads a file from end to end however it looks; the result is a signal.</summary>
    public async Task VerifyAsync(Move.VerifyWeights move, CancellationToken cancel)
    {
        var text = $"{move.Name} is not in the store";
        var sound = _commits.TryGetValue(move.Digest, out var commit) && await ReadAgainAsync(commit, RecordOf(move.Digest), cancel);
        if (commit is not null) text = sound ? $"{commit.Path} was read from end to end and is what was verified" : $"{commit.Path} is not what was verified";
        Publish();
        _signals.Post(new Signal.Verified(move.Subject, sound, text));
    }

    /// <summary>Removes staged parts that nobody fetches, and models of ours that are not to be kept; the owner's files are never touched.</summary>
    public void Sweep(ImmutableArray<Digest> keep, ISet<string> staged)
    {
        foreach (var part in Directory.EnumerateFiles(Staged).Where(p => !staged.Contains(Path.GetFileName(p).Split('.')[0]))) File.Delete(part);
        foreach (var commit in _commits.Values.Where(c => IsOurs(c) && !keep.Contains(c.Digest)).ToList())
        {
            File.Delete(RecordOf(commit.Digest));
            lock (_gate) _commits = _commits.Remove(commit.Digest);
            Directory.Delete(Path.GetDirectoryName(commit.Path)!, recursive: true);
            LogSwept(commit.Path);
        }

        if (Directory.Exists(_data.Aside)) Directory.Delete(_data.Aside, recursive: true);
        Publish();
    }

    /// <summary>True while the file looks as it did when it was verified: asked right before it is run.</summary>
    public bool Trusts(Digest digest) => _commits.TryGetValue(digest, out var commit) && Posix.Stat(commit.Path) == commit.Stamp;

    /// <summary>Brings a file here from the first source that has it; the outcome is a signal.</summary>
    public async Task FetchAsync(Move.FetchWeights move, IProgress<OperationFact> progress, CancellationToken cancel)
    {
        var digest = move.File.Digest!.Value;
        var failures = new List<SourceFailure>();
        FetchOutcome outcome;
        try
        {
            outcome = await FetchAsync(move, digest, failures, new Meter(move, progress, _time), cancel);
        }
        catch (StagingException e)
        {
            failures.Add(new SourceFailure("disk", e.Message));
            outcome = FetchOutcome.NoSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogFetchFailed(move.Subject, e);
            failures.Add(new SourceFailure("store", e.Message));
            outcome = e.HResult == Posix.NoSpace ? FetchOutcome.NoSpace : FetchOutcome.NoSource;
        }

        Publish();
        _signals.Post(new Signal.WeightsFetched(digest, $"{move.Model} {move.File.Quant}", outcome, [.. failures]));
    }

    public void Dispose() => _http.Dispose();

    private async Task<FetchOutcome> FetchAsync(Move.FetchWeights move, Digest digest, List<SourceFailure> failures, Meter meter, CancellationToken cancel)
    {
        if (_commits.ContainsKey(digest)) return FetchOutcome.Done;
        foreach (var (path, source) in _near.Find(move.File))
        {
            meter.Say($"{source}: verifying");
            if (await HashAsync(path, cancel) == digest)
            {
                Recommit(new CommitRecord(digest, path, default), RecordOf(digest));
                return FetchOutcome.Done;
            }

            failures.Add(new SourceFailure(source, $"{path} is not the file that the catalog knows", FailureKind.WrongContent));
        }

        if (NoRoom(move.File) is { } noRoom)
        {
            failures.Add(new SourceFailure("disk", noRoom));
            return FetchOutcome.NoSpace;
        }

        var file = move.File.IsSizeExact ? move.File : await MeasureAsync(move.File, failures, meter, cancel);
        if (file is null) return FetchOutcome.NoSource;
        using var staging = await Staging.OpenAsync(Path.Combine(Staged, digest.Hex + ".part"), digest, file.Size.Bytes, _options.CheckpointBytes, cancel);
        meter.Begin(staging);
        var damaged = false;
        foreach (var source in file.Sources)
        {
            if (source is ModelSource.Shipped) continue;
            if (await FromAsync(source, file, staging, meter, cancel) is { } failure)
            {
                failures.Add(failure);
                meter.Say($"{source.Title}: {failure.Reason}");
                continue;
            }

            if (staging.Current() == digest)
            {
                var commit = staging.Commit(Path.Combine(Weights, digest.Hex, move.File.Name), RecordOf(digest));
                Keep(commit);
                return FetchOutcome.Done;
            }

            damaged = true;
            failures.Add(new SourceFailure(source.Title, "what it sent is not the file that the catalog knows", FailureKind.WrongContent));
            staging.Reset();
        }

        if (staging.Length > 0) staging.Checkpoint();
        return damaged ? FetchOutcome.Damaged : FetchOutcome.NoSource;
    }

    /// <summary>Null when all bytes came.</summary>
    private async Task<SourceFailure?> FromAsync(ModelSource source, ModelFile file, Staging staging, Meter meter, CancellationToken cancel)
    {
        if (source is ModelSource.Embedded embedded) return await FromResourceAsync(embedded, file, staging, cancel) is { } problem ? new SourceFailure(source.Title, problem) : null;
        var (address, token) = AddressOf(source);
        var download = new Download(_http, _options, _time);
        var pause = _options.RetryPause;
        for (var attempt = 1; ; attempt++)
        {
            var before = staging.Length;
            meter.Say(source.Title);
            switch (await download.RunAsync(address, token, staging, file.Size.Bytes, meter.Count, cancel))
            {
                case DownloadOutcome.Complete:
                    return null;
                case DownloadOutcome.Refused refused:
                    return new SourceFailure(source.Title, refused.Reason, refused.Kind);
                case DownloadOutcome.Broken broken:
                    if (staging.Length > before) staging.Checkpoint();
                    if (attempt == Tries) return new SourceFailure(source.Title, broken.Reason, broken.Kind);
                    meter.Say($"{source.Title}: {broken.Reason}; trying again");
                    await Task.Delay(broken.Pause ?? pause, _time, cancel);
                    pause *= 2;
                    break;
            }
        }
    }

    /// <summary>The file with the length that the first reachable source gives it; null when none does.</summary>
    private async Task<ModelFile?> MeasureAsync(ModelFile file, List<SourceFailure> failures, Meter meter, CancellationToken cancel)
    {
        foreach (var source in file.Sources.Where(s => !s.IsNearby))
        {
            meter.Say(source.Title);
            var (address, token) = AddressOf(source);
            var (length, reason, kind) = await new Download(_http, _options, _time).LengthAsync(address, token, cancel);
            if (length is { } bytes && Math.Abs(bytes - file.Size.Bytes) <= file.Size.Bytes / 10) return file with { Size = new ByteSize(bytes), IsSizeExact = true };
            failures.Add(new SourceFailure(source.Title, reason ?? $"its file has {length} bytes, and the catalog knows about {file.Size.Bytes}", kind));
            meter.Say($"{source.Title}: {failures[^1].Reason}");
        }

        return null;
    }

    private (Uri Address, string? Token) AddressOf(ModelSource source) => source switch
    {
        ModelSource.HuggingFace hub => (new Uri(_options.HuggingFace, $"/{hub.Repository}/resolve/{hub.Revision}/{hub.Path}"), Environment.GetEnvironmentVariable("HF_TOKEN")),
        ModelSource.ModelScope scope => (new Uri(_options.ModelScope, $"/models/{scope.Repository}/resolve/{scope.Revision}/{scope.Path}"), null),
        ModelSource.Web web => (web.Address, null),
        _ => throw new InvalidOperationException($"no address for {source}"),
    };

    private static async Task<string?> FromResourceAsync(ModelSource.Embedded embedded, ModelFile file, Staging staging, CancellationToken cancel)
    {
        await using var resource = typeof(ArtifactStore).Assembly.GetManifestResourceStream(embedded.Resource);
        if (resource is null) return $"this daemon has no resource {embedded.Resource}";
        if (staging.Length > 0) staging.Reset();
        var buffer = new byte[128 << 10];
        int read;
        while ((read = await resource.ReadAsync(buffer, cancel)) > 0) await staging.AppendAsync(buffer.AsMemory(0, read), cancel);
        return staging.IsComplete ? null : $"its resource has {staging.Length} bytes, and the catalog knows {file.Size.Bytes}";
    }

    /// <summary>
    /// Null when there is room for it within disk and policy; what is staged already counts as taken. What the daemon carries is the
    /// last that a device can serve with, so it may take from what else stays free.
    /// </summary>
    private string? NoRoom(ModelFile file)
    {
        var (size, free) = (file.Size, new ByteSize(FreeSpace));
        if (file.Sources.Any(s => s is ModelSource.Embedded))
        {
            if (size > free) return $"it needs {size}, and {free} are free below {_data.Store}. Make room";
        }
        else if (size + _options.Policy.DiskReserve > free)
        {
            return $"it needs {size}, {free} are free below {_data.Store}, and {_options.Policy.DiskReserve} stay free. Make room, or lower policy.disk_reserve";
        }

        var held = new ByteSize(_commits.Values.Where(IsOurs).Sum(c => c.Stamp.Size));
        return _options.Policy.DiskCap is { } cap && held + size > cap ? $"it needs {size}, the store holds {held}, and policy.disk_cap is {cap}" : null;
    }

    private async Task AdoptOwnAsync(CancellationToken cancel)
    {
        var known = _catalog.Models.SelectMany(m => m.Files).Select(f => f.Digest).OfType<Digest>().ToHashSet();
        var own = ImmutableArray.CreateBuilder<ModelEntry>();
        var findings = ImmutableArray.CreateBuilder<string>();
        foreach (var path in _near.Owned())
        {
            if (!Neighbourhood.IsGguf(path))
            {
                findings.Add($"{path} does not begin as a GGUF file does, so it is not offered");
                continue;
            }

            var commit = _commits.Values.FirstOrDefault(c => c.Path == path);
            if (commit is null)
            {
                Digest digest;
                try
                {
                    digest = await HashAsync(path, cancel);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    findings.Add($"{path} cannot be read, so it is not offered: {e.Message}");
                    continue;
                }

                if (_commits.ContainsKey(digest)) continue;
                commit = Recommit(new CommitRecord(digest, path, default), RecordOf(digest));
            }

            if (!known.Contains(commit.Digest)) own.Add(Neighbourhood.Adopted(path, commit.Stamp.Size, commit.Digest));
        }

        // The same models stay the same array: what was resolved from them stays remembered.
        if (!own.Select(m => m.Files[0].Digest).SequenceEqual(OwnModels.Select(m => m.Files[0].Digest))) OwnModels = own.ToImmutable();
        Findings = findings.ToImmutable();
    }

    private IEnumerable<ModelFile> Absent() => _catalog.Models.SelectMany(m => m.Files).Where(f => f.Digest is not null && !_commits.ContainsKey(f.Digest.Value));

    private string RecordOf(Digest digest) => Path.Combine(Commits, digest.Hex + ".json");

    private void Keep(CommitRecord commit)
    {
        lock (_gate) _commits = _commits.SetItem(commit.Digest, commit);
    }

    private CommitRecord Recommit(CommitRecord commit, string record)
    {
        commit = commit with { Stamp = Posix.Stat(commit.Path) ?? throw new IOException($"{commit.Path} is gone") };
        commit.Write(record);
        Keep(commit);
        return commit;
    }

    /// <summary>True when it is what was verified; else it is set aside, or not referred to any more.</summary>
    private async Task<bool> ReadAgainAsync(CommitRecord commit, string record, CancellationToken cancel)
    {
        var damage = "";
        try
        {
            if (await HashAsync(commit.Path, cancel) != commit.Digest) damage = $"it has {Posix.Stat(commit.Path)?.Size ?? 0} bytes of another content than was verified";
        }
        catch (Exception e) when (e is FileNotFoundException or UnauthorizedAccessException || (e is IOException && e.HResult is Posix.ReadFault))
        {
            damage = $"it cannot be read: {e.Message}";
        }

        if (damage.Length > 0)
        {
            Lose(commit, record, damage);
            return false;
        }

        try
        {
            Recommit(commit, record);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is sound; only the note of it cannot be written now.
            Keep(commit with { Stamp = Posix.Stat(commit.Path) ?? commit.Stamp });
        }

        return true;
    }

    private bool IsOurs(CommitRecord commit) => commit.Path.StartsWith(_data.Store + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private void Lose(CommitRecord commit, string record, string reason)
    {
        lock (_gate) _commits = _commits.Remove(commit.Digest);
        var aside = "";
        try
        {
            File.Delete(record);
            if (IsOurs(commit) && File.Exists(commit.Path)) aside = $"; set aside as {AtomicFile.SetAside(commit.Path, _data.Aside, keep: 4)}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            aside = $"; it could not be set aside: {e.Message}";
        }

        _signals.Post(new Signal.ArtifactDamaged(Subjects.Weights(commit.Digest), $"{commit.Path}: {reason}{aside}"));
    }

    private void Publish()
    {
        Facts = [.. _commits.Values.OrderBy(c => c.Path, StringComparer.Ordinal).Select(c => new WeightsFact(c.Digest, new ByteSize(c.Stamp.Size), c.Path))];
        Nearby = Nearby.RemoveAll(_commits.ContainsKey);
    }

    private static async Task<Digest> HashAsync(string path, CancellationToken cancel)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 20, FileOptions.SequentialScan | FileOptions.Asynchronous);
        return Digest.FromHash(await SHA256.HashDataAsync(file, cancel));
    }

    [LoggerMessage(3002, LogLevel.Warning, "removed {Path}: room was needed and nothing uses it")]
    private partial void LogSwept(string path);

    [LoggerMessage(3001, LogLevel.Warning, "the fetch of {Subject} failed in the store")]
    private partial void LogFetchFailed(string subject, Exception e);

    /// <summary>Progress of one fetch: said four times a second at most, with a smoothed rate.</summary>
    private sealed class Meter(Move.FetchWeights move, IProgress<OperationFact> progress, TimeProvider time)
    {
        private Staging? _staging;
        private string _detail = "";
        private double? _rate;
        private long _lastLength;
        private long _lastAt;

        public void Begin(Staging staging)
        {
            (_staging, _lastLength, _lastAt) = (staging, staging.Length, time.GetTimestamp());
        }

        public void Say(string detail)
        {
            _detail = detail;
            Report();
        }

        public void Count()
        {
            var elapsed = time.GetElapsedTime(_lastAt);
            if (elapsed < ProgressEvery) return;
            var now = (_staging!.Length - _lastLength) / elapsed.TotalSeconds;
            _rate = _rate is { } before ? (0.7 * before) + (0.3 * now) : now;
            (_lastLength, _lastAt) = (_staging.Length, time.GetTimestamp());
            Report();
        }

        private void Report() => progress.Report(new OperationFact(move.Subject, _detail, _staging is null ? null : new ByteSize(_staging.Length), move.File.Size, _rate));
    }
}

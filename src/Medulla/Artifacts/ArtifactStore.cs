using System.Collections.Immutable;
using System.Security.Cryptography;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Loop;
using Medulla.State;

namespace Medulla.Artifacts;

/// <summary>
/// Owns the verified model files by content, in <c>store/weights/DIGEST/NAME</c>, and where the owner's own copies lie. The parts of a
/// split file lie beside each other, as engines want them, and are there when all are.
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
    private ImmutableDictionary<string, CommitRecord> _commits = ImmutableDictionary<string, CommitRecord>.Empty;

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
        Nearby = [.. Absent().Where(f => f.Sources.Any(s => s.IsNearby) || f.Pieces().All(p => _near.Find(p).Any())).Select(f => f.Digest!.Value)];
        Publish();
        _signals.Nudge();
    }

    /// <summary>Reads a file from end to end however it looks; the result is a signal.</summary>
    public async Task VerifyAsync(Move.VerifyWeights move, CancellationToken cancel)
    {
        var files = FilesOf(move.Digest);
        var damaged = new List<string>();
        foreach (var commit in files)
        {
            if (!await ReadAgainAsync(commit, RecordOf(commit.Key), cancel)) damaged.Add(commit.Path);
        }

        var text = files.IsEmpty ? $"{move.Name} is not in the store"
            : damaged.Count > 0 ? $"{string.Join(" and ", damaged)} is not what was verified"
            : $"{files[0].Path} was read from end to end{(files.Length > 1 ? $", with its other {files.Length - 1} parts," : "")} and is what was verified";
        Publish();
        _signals.Post(new Signal.Verified(move.Subject, !files.IsEmpty && damaged.Count == 0, text));
    }

    /// <summary>Removes staged parts that nobody fetches, and models of ours that are not to be kept; the owner's files are never touched.</summary>
    public void Sweep(ImmutableArray<Digest> keep, ISet<string> staged)
    {
        foreach (var part in Directory.EnumerateFiles(Staged).Where(p => !staged.Contains(Path.GetFileName(p).Split('.')[0]))) File.Delete(part);
        foreach (var commit in _commits.Values.Where(c => IsOurs(c) && !keep.Contains(c.Whole)).ToList())
        {
            File.Delete(RecordOf(commit.Key));
            Forget(commit);
            if (Path.GetDirectoryName(commit.Path) is { } folder && Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            LogSwept(commit.Path);
        }

        if (Directory.Exists(_data.Aside)) Directory.Delete(_data.Aside, recursive: true);
        Publish();
    }

    /// <summary>True while the file looks as it did when it was verified: asked right before it is run.</summary>
    public bool Trusts(Digest digest) => FilesOf(digest) is { IsEmpty: false } files && files.All(f => Posix.Stat(f.Path) == f.Stamp);

    /// <summary>Brings a file here from the first source that has it; the outcome is a signal.</summary>
    public async Task FetchAsync(Move.FetchWeights move, IProgress<OperationFact> progress, CancellationToken cancel)
    {
        var digest = move.File.Digest!.Value;
        var failures = new List<SourceFailure>();
        FetchOutcome outcome;
        try
        {
            outcome = await FetchAsync(move.File, failures, new Meter(move, progress, _time), cancel);
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

    private async Task<FetchOutcome> FetchAsync(ModelFile file, List<SourceFailure> failures, Meter meter, CancellationToken cancel)
    {
        var whole = file.Digest!.Value;
        var pieces = file.Pieces();
        for (var i = 0; i < pieces.Length; i++)
        {
            var part = pieces.Length == 1 ? null : new PartOf(whole, i + 1, pieces.Length);
            if (_commits.TryGetValue(CommitRecord.KeyOf(pieces[i].Digest!.Value, part), out var here))
            {
                meter.Have(here.Stamp.Size);
                continue;
            }

            if (part is not null) meter.Name($"part {part.Number} of {part.Count}, ");
            var outcome = await FetchAsync(pieces[i], whole, part, failures, meter, cancel);
            if (outcome != FetchOutcome.Done) return outcome;
        }

        return FetchOutcome.Done;
    }

    private async Task<FetchOutcome> FetchAsync(ModelFile file, Digest whole, PartOf? part, List<SourceFailure> failures, Meter meter, CancellationToken cancel)
    {
        var digest = file.Digest!.Value;
        var record = RecordOf(CommitRecord.KeyOf(digest, part));
        var target = Path.Combine(Weights, whole.Hex, file.Name);
        foreach (var (path, source) in _near.Find(file))
        {
            meter.Say($"{source}: verifying");
            if (await HashAsync(path, cancel) == digest)
            {
                Recommit(new CommitRecord(digest, part is null ? path : Linked(path, target), default) { Part = part }, record);
                return FetchOutcome.Done;
            }

            failures.Add(new SourceFailure(source, $"{path} is not the file that the catalog knows", FailureKind.WrongContent));
        }

        if (NoRoom(file, whole) is { } noRoom)
        {
            failures.Add(new SourceFailure("disk", noRoom));
            return FetchOutcome.NoSpace;
        }

        if (!file.IsSizeExact)
        {
            if (await MeasureAsync(file, part, failures, meter, cancel) is not { } measured) return FetchOutcome.NoSource;
            file = measured;
        }

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
                Keep(staging.Commit(target, record, part));
                meter.Have(file.Size.Bytes);
                return FetchOutcome.Done;
            }

            damaged = true;
            failures.Add(new SourceFailure(source.Title, "what it sent is not the file that the catalog knows", FailureKind.WrongContent));
            staging.Reset();
        }

        if (staging.Length > 0) staging.Checkpoint();
        return damaged ? FetchOutcome.Damaged : FetchOutcome.NoSource;
    }

    /// <summary>A name beside the other parts for one that lies elsewhere under another.</summary>
    private static string Linked(string path, string link)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        if (new FileInfo(link) is { LinkTarget: not null } or { Exists: true }) File.Delete(link);
        File.CreateSymbolicLink(link, path);
        Posix.SyncDirectory(Path.GetDirectoryName(link)!);
        return link;
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

    /// <summary>The file with the length that the first reachable source gives it; null when none does. Of a part only the size of all is known.</summary>
    private async Task<ModelFile?> MeasureAsync(ModelFile file, PartOf? part, List<SourceFailure> failures, Meter meter, CancellationToken cancel)
    {
        foreach (var source in file.Sources.Where(s => !s.IsNearby))
        {
            meter.Say(source.Title);
            var (address, token) = AddressOf(source);
            var (length, reason, kind) = await new Download(_http, _options, _time).LengthAsync(address, token, cancel);
            var most = file.Size.Bytes + (file.Size.Bytes / 10);
            if (length is { } bytes && bytes <= most && bytes >= (part is null ? most - (file.Size.Bytes / 5) : 1)) return file with { Size = new ByteSize(bytes), IsSizeExact = true };
            failures.Add(new SourceFailure(source.Title, reason ?? $"its file has {length} bytes, and the catalog knows about {file.Size.Bytes}{(part is null ? "" : " for all parts")}", kind));
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
    private string? NoRoom(ModelFile file, Digest whole)
    {
        var here = _commits.Values.Where(c => c.Whole == whole).Sum(c => c.Stamp.Size);
        var (size, free) = (new ByteSize(Math.Max(0, file.Size.Bytes - here)), new ByteSize(FreeSpace));
        if (file.Sources.Any(s => s is ModelSource.Embedded))
        {
            if (size > free) return $"it needs {size}, and {free} are free below {_data.Store}. Make room";
        }
        else if (size + _options.Policy.DiskReserve > free)
        {
            return $"it needs {size}, {free} are free below {_data.Store}, and {_options.Policy.DiskReserve} stay free. Make room, or lower policy.disk_reserve";
        }

        var held = new ByteSize(_commits.Values.Where(c => IsOurs(c) && new FileInfo(c.Path).LinkTarget is null).Sum(c => c.Stamp.Size));
        return _options.Policy.DiskCap is { } cap && held + size > cap ? $"it needs {size}, the store holds {held}, and policy.disk_cap is {cap}" : null;
    }

    private async Task AdoptOwnAsync(CancellationToken cancel)
    {
        var known = Known().Select(f => f.Digest).OfType<Digest>().ToHashSet();
        var own = new List<(string Path, ModelEntry Model)>();
        var projectors = new List<(string Path, ModelFile File)>();
        var findings = ImmutableArray.CreateBuilder<string>();
        foreach (var paths in Neighbourhood.Models(_near.Owned(), findings))
        {
            if (!Neighbourhood.IsGguf(paths[0]))
            {
                findings.Add($"{paths[0]} does not begin as a GGUF file does, so it is not offered");
                continue;
            }

            try
            {
                var (whole, size) = await AdoptAsync(paths, cancel);
                var header = Neighbourhood.HeaderOf(paths[0]);
                if (header is { IsProjector: true }) projectors.Add((paths[0], new ModelFile { Name = Path.GetFileName(paths[0]), Quant = "", Size = new ByteSize(size), Digest = whole, Sources = [] }));
                else if (!known.Contains(whole) && FilesOf(whole)[0].Path == paths[0]) own.Add((paths[0], UnknownModel.Of(paths[0], size, whole, header)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                findings.Add($"{paths[0]} cannot be read, so it is not offered: {e.Message}");
            }
        }

        ImmutableArray<ModelEntry> models = [.. own.Select(m => Seeing(m.Path, m.Model))];

        // The same models stay the same array: what was resolved from them stays remembered.
        if (!models.Select(Identity).SequenceEqual(OwnModels.Select(Identity))) OwnModels = models;
        Findings = findings.ToImmutable();

        static (Digest?, Digest?) Identity(ModelEntry model) => (model.Files[0].Digest, model.Files[0].Projector?.Digest);

        // A projector says nothing of whose it is: the only one of a folder is that of the models beside it.
        ModelEntry Seeing(string path, ModelEntry model)
        {
            var beside = projectors.Where(p => Path.GetDirectoryName(p.Path) == Path.GetDirectoryName(path)).ToList();
            if (beside.Count > 1) findings.Add($"{Path.GetDirectoryName(path)} has {beside.Count} projectors of pictures, so {Path.GetFileName(path)} has none: give each model a folder with its own");
            return beside.Count == 1 ? model with { Abilities = Abilities.Vision, Files = [model.Files[0] with { Projector = beside[0].File }] } : model;
        }
    }

    /// <summary>Files that were committed are not read again; the others are, and are committed where they are.</summary>
    private async Task<(Digest Whole, long Size)> AdoptAsync(ImmutableArray<string> paths, CancellationToken cancel)
    {
        var digests = new List<Digest>();
        foreach (var path in paths) digests.Add(_commits.Values.FirstOrDefault(c => c.Path == path)?.Digest ?? await HashAsync(path, cancel));
        var whole = paths.Length == 1 ? digests[0] : ModelFile.DigestOf(digests);
        if (FilesOf(whole).IsEmpty)
        {
            for (var i = 0; i < paths.Length; i++)
            {
                var commit = new CommitRecord(digests[i], paths[i], default) { Part = paths.Length == 1 ? null : new PartOf(whole, i + 1, paths.Length) };
                Recommit(commit, RecordOf(commit.Key));
            }
        }

        return (whole, FilesOf(whole).Sum(c => c.Stamp.Size));
    }

    /// <summary>The verified files of a model in the order of its parts; empty while one is missing.</summary>
    private ImmutableArray<CommitRecord> FilesOf(Digest whole)
    {
        if (_commits.TryGetValue(whole.Hex, out var one)) return [one];
        ImmutableArray<CommitRecord> parts = [.. _commits.Values.Where(c => c.Part?.Whole == whole).OrderBy(c => c.Part!.Number)];
        return parts.Length > 0 && parts.Length == parts[0].Count ? parts : [];
    }

    /// <summary>Every file of the catalog, those that make tokens of pictures among them.</summary>
    private IEnumerable<ModelFile> Known() => _catalog.Models.SelectMany(m => m.Files).SelectMany(f => f.Projector is { } projector ? new[] { f, projector } : [f]);

    private IEnumerable<ModelFile> Absent() => Known().Where(f => f.Digest is { } digest && FilesOf(digest).IsEmpty);

    private string RecordOf(string key) => Path.Combine(Commits, key + ".json");

    private void Keep(CommitRecord commit)
    {
        lock (_gate) _commits = _commits.SetItem(commit.Key, commit);
    }

    private void Forget(CommitRecord commit)
    {
        lock (_gate) _commits = _commits.Remove(commit.Key);
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
        Forget(commit);
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

        _signals.Post(new Signal.ArtifactDamaged(Subjects.Weights(commit.Whole), $"{commit.Path}: {reason}{aside}"));
    }

    private void Publish()
    {
        Facts = [.. from model in _commits.Values.Select(c => c.Whole).Distinct().Select(FilesOf)
                    where !model.IsEmpty
                    orderby model[0].Path
                    select new WeightsFact(model[0].Whole, new ByteSize(model.Sum(c => c.Stamp.Size)), model[0].Path)];
        Nearby = Nearby.RemoveAll(d => !FilesOf(d).IsEmpty);
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
        private string _part = "";
        private string _detail = "";
        private double? _rate;
        private long _before;
        private long _lastLength;
        private long _lastAt;

        private long Length => _before + (_staging?.Length ?? 0);

        /// <summary>Parts that are here.</summary>
        public void Have(long bytes)
        {
            _before += bytes;
            _staging = null;
        }

        /// <summary>Which part is meant.</summary>
        public void Name(string part) => _part = part;

        public void Begin(Staging staging)
        {
            _staging = staging;
            (_lastLength, _lastAt) = (Length, time.GetTimestamp());
        }

        public void Say(string detail)
        {
            _detail = $"{_part}{detail}";
            Report();
        }

        public void Count()
        {
            var elapsed = time.GetElapsedTime(_lastAt);
            if (elapsed < ProgressEvery) return;
            var now = (Length - _lastLength) / elapsed.TotalSeconds;
            _rate = _rate is { } before ? (0.7 * before) + (0.3 * now) : now;
            (_lastLength, _lastAt) = (Length, time.GetTimestamp());
            Report();
        }

        private void Report() => progress.Report(new OperationFact(move.Subject, _detail, Length == 0 && _staging is null ? null : new ByteSize(Length), move.File.Size, _rate));
    }
}

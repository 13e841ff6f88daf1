using System.Collections.Immutable;
using System.Security.Cryptography;
using Medulla.Core.Blueprints;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Loop;
using Medulla.State;

namespace Medulla.Artifacts.Builds;

/// <summary>
/// Owns the engine builds, side by side in <c>engines/ENGINE/DIGEST/</c>: a record, and the files where the build was ours
/// to unpack. Written by fetches of the executor; read by the observer, and by the engines room through the record.
/// Nothing is recorded that was not verified and has not said its version.
/// Bounds: one staging folder; a build that is damaged is set aside.
/// </summary>
internal sealed partial class EngineShelf(DataDirectory data, BuildOptions options, Signals signals, TimeProvider time, ILogger<EngineShelf> log)
{
    private readonly GitHubArchive _gitHub = new(options, time);

    /// <summary>Builds that are here and whole.</summary>
    public ImmutableArray<EngineFact> Facts { get; private set; } = [];

    private string Staging => Path.Combine(data.Engines, "staging");

    /// <summary>Looks at what is recorded: a file that does not look as it did is hashed again.</summary>
    /// <param name="again">A build whose files are hashed however they look.</param>
    public async Task CheckAsync(CancellationToken cancel, Digest? again = null)
    {
        var facts = ImmutableArray.CreateBuilder<EngineFact>();
        foreach (var folder in Directory.EnumerateDirectories(data.Engines).Where(d => d != Staging).SelectMany(Directory.EnumerateDirectories))
        {
            if (BuildRecord.Read(folder) is not { } record) continue;
            if (await DamageAsync(record, folder, again == record.Build.Digest, cancel) is { } damage) Lose(folder, record, damage);
            else facts.Add(new EngineFact(record.Build, folder, record.Source));
        }

        Facts = [.. facts.OrderBy(f => f.Folder, StringComparer.Ordinal)];
    }

    /// <summary>Reads every file of a build however it looks, and asks it anew what it is; the result is a signal.</summary>
    public async Task VerifyAsync(Move.VerifyBuild move, CancellationToken cancel)
    {
        await CheckAsync(cancel, move.Build.Digest);
        var fact = Facts.FirstOrDefault(f => f.Build.Digest == move.Build.Digest);
        var problem = fact is null ? "it was not what was verified" : BuildRecord.Read(fact.Folder) is { } record ? (await BuildTraits.AskAsync(record, cancel)).Problem : "its record cannot be read";
        signals.Post(new Signal.Verified(move.Subject, problem is null, problem is null ? $"{move.Build}: every file was read and is what was verified, and it says its version" : $"{move.Build}: {problem}"));
    }

    /// <summary>Removes builds of ours that are not to be kept.</summary>
    public async Task SweepAsync(ImmutableArray<Digest> keep, CancellationToken cancel)
    {
        foreach (var fact in Facts.Where(f => !keep.Contains(f.Build.Digest)))
        {
            if (BuildRecord.Read(fact.Folder) is { } record && record.Folder.StartsWith(data.Engines, StringComparison.Ordinal)) Directory.Delete(fact.Folder, recursive: true);
        }

        await CheckAsync(cancel);
    }

    /// <summary>True while its files look as they did when they were verified: asked right before it is run.</summary>
    public static bool Trusts(string folder) => BuildRecord.Read(folder) is { } record && record.Files.All(f => Posix.Stat(Path.Combine(record.Folder, f.Name)) == f.Stamp);

    /// <summary>Brings a build here from the first source that has one; the outcome is a signal.</summary>
    public async Task FetchAsync(Move.FetchEngine move, IProgress<OperationFact> progress, CancellationToken cancel)
    {
        var failures = ImmutableArray.CreateBuilder<SourceFailure>();
        var outcome = FetchOutcome.NoSource;
        foreach (var source in move.Build.Sources)
        {
            Say(source.Title);
            Refusal? refusal;
            try
            {
                refusal = await FromAsync(source, move.Engine, move.Build.Backend, Say, cancel);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
            {
                LogSourceFailed(source.Title, e);
                refusal = e.Message;
            }

            if (refusal is null)
            {
                outcome = FetchOutcome.Done;
                break;
            }

            failures.Add(new SourceFailure(source.Title, refusal.Reason, refusal.Kind));
            Say($"{source.Title}: skipped, {refusal.Reason}");
        }

        await CheckAsync(cancel);
        signals.Post(new Signal.EngineFetched(move.Engine.Id, move.Build.Backend, outcome, failures.ToImmutable()));

        void Say(string detail) => progress.Report(new OperationFact(move.Subject, detail, null, null, null));
    }

    /// <summary>Null when a build was recorded.</summary>
    private async Task<Refusal?> FromAsync(EngineSource source, EngineEntry engine, string backend, Action<string> say, CancellationToken cancel)
    {
        if (Directory.Exists(Staging)) Directory.Delete(Staging, recursive: true);
        var files = Path.Combine(Staging, "files");
        switch (source)
        {
            case EngineSource.Folder:
                if (options.Folder is not { } owned) return "no folder was given (--engines DIR)";
                return FindBinary(owned, engine.Binary) is { } found
                    ? await RecordAsync(found, null, engine, backend, source.Title, say, cancel)
                    : $"{owned} holds no {engine.Binary}";
            case EngineSource.GitHubRelease release:
                Directory.CreateDirectory(files);
                if (await _gitHub.FetchAsync(release, Staging, files, say, cancel) is { } reason) return reason;
                return FindBinary(files, engine.Binary) is { } unpacked
                    ? await RecordAsync(unpacked, files, engine, backend, source.Title, say, cancel)
                    : $"the archive holds no {engine.Binary}";
            case EngineSource.DebianClosure closure:
                Directory.CreateDirectory(files);
                if (options.Cache is { } cache && CacheOf(cache, closure) is { } cached && Directory.Exists(cached))
                {
                    say($"{source.Title}: from the shared cache");
                    CopyFiles(cached, files);
                }
                else
                {
                    if (await new DebianMirror(Path.Combine(data.Engines, "staging", "apt")).FetchAsync(closure, files, say, cancel) is { } problem) return problem;
                    if (options.Cache is { } shared) Share(files, CacheOf(shared, closure));
                }

                return await RecordAsync(files, files, engine, backend, source.Title, say, cancel);
            case EngineSource.Container:
                return "this release starts no containers";
            case EngineSource.Service:
                return "a server of the owner's is not fetched";
            default:
                throw new InvalidOperationException($"no way to fetch from {source}");
        }
    }

    /// <summary>Asks the build what it is, and records it. Files that were unpacked move into the record's folder with one rename.</summary>
    /// <param name="unpacked">The staged folder; null when the files stay where their owner has them.</param>
    private async Task<Refusal?> RecordAsync(string folder, string? unpacked, EngineEntry engine, string backend, string source, Action<string> say, CancellationToken cancel)
    {
        say($"{source}: verifying");
        var loader = Directory.EnumerateFiles(folder, "ld-linux-*").Select(Path.GetFileName).FirstOrDefault();
        var files = ImmutableArray.CreateBuilder<BuildFile>();
        foreach (var path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            files.Add(new BuildFile(Path.GetFileName(path), await HashAsync(path, cancel), Posix.Stat(path)!.Value));
        }

        var digest = Digest.Of(string.Join('\n', files.Select(f => $"{f.Name} {f.Digest}")));
        var record = new BuildRecord
        {
            Build = new EngineBuild(engine.Id, digest, "") { Backend = backend },
            Folder = folder,
            Binary = engine.Binary,
            Loader = loader,
            Flags = [],
            Source = source,
            Files = files.ToImmutable(),
        };
        var traits = await BuildTraits.AskAsync(record, cancel);
        if (traits.Problem is { } problem) return new Refusal(problem, FailureKind.Unusable);
        var home = Path.Combine(data.Engines, engine.Id.Value, digest.Short);
        if (BuildRecord.Read(home) is not null) return null;
        if (Directory.Exists(home)) Directory.Delete(home, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(home)!);
        record = record with { Build = record.Build with { Version = traits.Version }, Flags = traits.Flags, Folder = unpacked is null ? folder : Path.Combine(home, "files") };
        var staged = Path.Combine(Staging, "build");
        Directory.CreateDirectory(staged);
        if (unpacked is not null)
        {
            Flatten(folder, unpacked);
            Directory.Move(unpacked, Path.Combine(staged, "files"));
            SyncAll(Path.Combine(staged, "files"));
            record = record with { Files = [.. record.Files.Select(f => f with { Stamp = Posix.Stat(Path.Combine(staged, "files", f.Name))!.Value })] };
        }

        record.Write(staged);
        Directory.Move(staged, home);
        Posix.SyncDirectory(Path.GetDirectoryName(home)!);
        Directory.Delete(Staging, recursive: true);
        return null;
    }

    /// <summary>Null when every file is what it was.</summary>
    private static async Task<string?> DamageAsync(BuildRecord record, string folder, bool again, CancellationToken cancel)
    {
        var files = record.Files;
        foreach (var file in record.Files)
        {
            var path = Path.Combine(record.Folder, file.Name);
            if (Posix.Stat(path) is not { } stamp) return $"{file.Name} is gone";
            if (stamp == file.Stamp && !again) continue;
            try
            {
                if (await HashAsync(path, cancel) != file.Digest) return $"{file.Name} has another content than was verified";
                RestoreMode(path, file.Name == record.Binary || file.Name == record.Loader);
                files = files.Replace(file, file with { Stamp = Posix.Stat(path) ?? stamp });
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return $"{file.Name} cannot be read: {e.Message}";
            }
        }

        if (!files.SequenceEqual(record.Files)) (record with { Files = files }).Write(folder);
        return null;
    }

    /// <summary>A program that lost its right to be executed is the same program.</summary>
    private static void RestoreMode(string path, bool executed)
    {
        if (OperatingSystem.IsWindows() || !executed) return;
        var mode = File.GetUnixFileMode(path);
        if (!mode.HasFlag(UnixFileMode.UserExecute)) File.SetUnixFileMode(path, mode | UnixFileMode.UserExecute | UnixFileMode.UserRead);
    }

    private void Lose(string folder, BuildRecord record, string damage)
    {
        // Files of the owner's stay where they are; only what we know of them is forgotten.
        var ours = record.Folder.StartsWith(data.Engines, StringComparison.Ordinal);
        var told = $"engine build {record.Build}: {damage}";
        if (ours) told += $"; set aside as {AtomicFile.SetAside(folder, data.Aside, keep: 4)}";
        else Directory.Delete(folder, recursive: true);
        signals.Post(new Signal.ArtifactDamaged(Subjects.Build(record.Build), told));
    }

    /// <summary>The folder that holds the server: this one, its <c>bin</c>, or the one folder in it.</summary>
    private static string? FindBinary(string folder, string binary)
    {
        if (!Directory.Exists(folder)) return null;
        return new[] { folder, Path.Combine(folder, "bin") }.Concat(Directory.EnumerateDirectories(folder)).FirstOrDefault(d => File.Exists(Path.Combine(d, binary)));
    }

    private static void Flatten(string folder, string root)
    {
        if (folder == root) return;
        foreach (var path in Directory.EnumerateFiles(folder)) File.Move(path, Path.Combine(root, Path.GetFileName(path)), overwrite: true);
    }

    private static void SyncAll(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder))
        {
            using var file = File.OpenHandle(path);
            AtomicFile.Sync(file, path);
        }

        Posix.SyncDirectory(folder);
    }

    private static string CacheOf(string cache, EngineSource.DebianClosure closure) =>
        Path.Combine(cache, $"{closure.Suite}-{closure.Package}-{System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture}".ToLowerInvariant());

    private static void Share(string files, string cached)
    {
        var staged = $"{cached}.{Environment.ProcessId}.new";
        Directory.CreateDirectory(staged);
        CopyFiles(files, staged);
        if (Directory.Exists(cached)) Directory.Delete(staged, recursive: true);
        else Directory.Move(staged, cached);
    }

    private static void CopyFiles(string from, string to)
    {
        foreach (var path in Directory.EnumerateFiles(from)) File.Copy(path, Path.Combine(to, Path.GetFileName(path)));
    }

    private static async Task<Digest> HashAsync(string path, CancellationToken cancel)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        return Digest.FromHash(await SHA256.HashDataAsync(file, cancel));
    }

    /// <summary>Why a source gave no build.</summary>
    private sealed record Refusal(string Reason, FailureKind Kind = FailureKind.Other)
    {
        public static implicit operator Refusal(string reason) => new(reason);
    }

    [LoggerMessage(3101, LogLevel.Warning, "the source {Title} failed")]
    private partial void LogSourceFailed(string title, Exception e);
}

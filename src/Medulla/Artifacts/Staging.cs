using System.Security.Cryptography;
using System.Text.Json;
using Medulla.Core.Units;
using Medulla.State;
using Microsoft.Win32.SafeHandles;

namespace Medulla.Artifacts;

/// <summary>
/// A file on its way into the store: written from the front, hashed while it comes, with durable points of resumption that
/// survive the daemon. It is on the store's filesystem, so its commit is a rename.
/// </summary>
internal sealed class Staging : IDisposable
{
    private readonly string _path;
    private readonly string _record;
    private readonly Digest _digest;
    private readonly long _size;
    private readonly long _checkpointBytes;
    private readonly SafeFileHandle _file;
    private IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _durable;

    private Staging(string path, Digest digest, long size, long checkpointBytes)
    {
        (_path, _record, _digest, _size, _checkpointBytes) = (path, path + ".json", digest, size, checkpointBytes);
        _file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
    }

    /// <summary>Bytes that are here.</summary>
    public long Length { get; private set; }

    public bool IsComplete => Length == _size;

    /// <summary>Goes on where an earlier life stopped: the durable bytes are read and hashed once, the rest is dropped.</summary>
    public static async Task<Staging> OpenAsync(string path, Digest digest, long size, long checkpointBytes, CancellationToken cancel)
    {
        var staging = new Staging(path, digest, size, checkpointBytes);
        try
        {
            await staging.ResumeAsync(cancel);
            return staging;
        }
        catch
        {
            staging.Dispose();
            throw;
        }
    }

    public async Task AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        try
        {
            await RandomAccess.WriteAsync(_file, bytes, Length, cancel);
        }
        catch (IOException e)
        {
            throw new StagingException($"cannot write byte {Length} of {_path}: {e.Message}", e);
        }

        _hash.AppendData(bytes.Span);
        Length += bytes.Length;
        if (Length - _durable >= _checkpointBytes) Checkpoint();
    }

    /// <summary>Makes what is here a point of resumption.</summary>
    public void Checkpoint()
    {
        if (Length == _durable) return;
        AtomicFile.Sync(_file, _path);
        AtomicFile.Write(_record, JsonSerializer.SerializeToUtf8Bytes(new ResumeRecord(_digest, _size, Length), StoreJson.Default.ResumeRecord));
        _durable = Length;
    }

    /// <summary>The digest of all bytes that are here.</summary>
    public Digest Current() => Digest.FromHash(_hash.GetCurrentHash());

    /// <summary>Drops everything: what came was not what was promised.</summary>
    public void Reset()
    {
        File.Delete(_record);
        RandomAccess.SetLength(_file, 0);
        _hash.Dispose();
        _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        (Length, _durable) = (0, 0);
    }

    /// <summary>Into the store: synced, renamed, recorded.</summary>
    public CommitRecord Commit(string target, string record, PartOf? part)
    {
        AtomicFile.Sync(_file, _path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        Posix.SyncDirectory(Path.GetDirectoryName(Path.GetDirectoryName(target))!);
        AtomicFile.Rename(_path, target);
        var commit = new CommitRecord(_digest, target, Posix.Stat(target) ?? throw new IOException($"{target} is gone right after its commit")) { Part = part };
        commit.Write(record);
        File.Delete(_record);
        return commit;
    }

    public void Dispose()
    {
        _file.Dispose();
        _hash.Dispose();
    }

    private async Task ResumeAsync(CancellationToken cancel)
    {
        var durable = Math.Min(ReadRecord(), RandomAccess.GetLength(_file));
        RandomAccess.SetLength(_file, durable);
        var buffer = new byte[1 << 20];
        while (Length < durable)
        {
            var read = await RandomAccess.ReadAsync(_file, buffer, Length, cancel);
            if (read == 0) break;
            _hash.AppendData(buffer.AsSpan(0, read));
            Length += read;
        }

        _durable = Length;
    }

    private long ReadRecord()
    {
        try
        {
            var record = JsonSerializer.Deserialize(File.ReadAllBytes(_record), StoreJson.Default.ResumeRecord);
            return record is not null && record.Digest == _digest && record.Size == _size ? record.Durable : 0;
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return 0;
        }
    }
}

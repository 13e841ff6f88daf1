using System.Security.Cryptography;
using Medulla.Catalogs;
using Medulla.State;

namespace Medulla.Admin;

/// <summary>
/// The file of the intent while the daemon runs. Another intent in it is begun anew with; one that cannot be read, or a file that is gone, is
/// a problem that is told, and the intent in force stays.
/// Bounds: a file is read once it has stood still from one look to the next, and is another intent no sooner than <see cref="Settled"/>
/// after the start.
/// </summary>
internal sealed class IntentWatch
{
    public static readonly TimeSpan Settled = TimeSpan.FromSeconds(10);

    private readonly string _file;
    private readonly TimeSpan _began;
    private readonly byte[]? _atStart;
    private readonly string? _problemAtStart;
    private FileStamp? _seen;
    private bool _moved;
    private int _looking;

    /// <param name="content">What the file held (<see cref="ContentOf"/>) before it was read at the start: what came since is looked at.</param>
    /// <param name="problem">Why it was not used; null when it was.</param>
    /// <param name="began">Boot time of the start.</param>
    public IntentWatch(string file, byte[]? content, string? problem, TimeSpan began)
    {
        (_file, _atStart, _problemAtStart, _began) = (file, content, problem, began);
        (_seen, _moved, Problem) = (Posix.Stat(file), true, problem);
    }

    /// <summary>What is wrong with the file, in a sentence; null when it holds the intent in force.</summary>
    public string? Problem { get; private set; }

    /// <summary>True when another intent is to be begun with. Called every few seconds; one look at a time, however long a disk takes.</summary>
    /// <param name="now">Boot time.</param>
    public bool Look(TimeSpan now)
    {
        if (Interlocked.Exchange(ref _looking, 1) == 1) return false;
        try
        {
            var stamp = Posix.Stat(_file);
            if (stamp != _seen)
            {
                (_seen, _moved) = (stamp, true);
                return false;
            }

            if (!_moved || now - _began < Settled) return false;
            _moved = false;
            return IsAnother();
        }
        finally
        {
            Volatile.Write(ref _looking, 0);
        }
    }

    private bool IsAnother()
    {
        if (_atStart is not null && ContentOf(_file) is { } content && content.AsSpan().SequenceEqual(_atStart))
        {
            Problem = _problemAtStart;
            return false;
        }

        var (intent, wrong) = IntentFile.Read(_file);
        Problem = intent is null ? $"{string.Join("; ", wrong)}; the intent in force stays" : null;
        return intent is not null;
    }

    /// <summary>A digest of what a file holds; null when it cannot be read.</summary>
    public static byte[]? ContentOf(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return SHA256.HashData(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

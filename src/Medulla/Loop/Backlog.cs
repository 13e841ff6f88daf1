namespace Medulla.Loop;

/// <summary>
/// How long a new request would wait inside an engine, by what the latest answers took: an engine queues without a bound and without a word.
/// A queue is too long when more requests are at work than <see cref="Most"/>, or when the wait is longer than anybody waits and longer than
/// <see cref="Rounds"/> answers take: who has slow requests is used to waiting for them.
/// </summary>
/// <param name="slots">Requests that the engine works on at once.</param>
internal sealed class Backlog(int slots)
{
    public const int Most = 1024;
    public const int Rounds = 4;

    /// <summary>Answers before which nothing is said about time.</summary>
    private const int Enough = 8;

    /// <summary>Share of the latest answer in the estimate.</summary>
    private const double Latest = 0.1;

    private readonly Lock _gate = new();
    private double _seconds;
    private int _answers;

    /// <summary>An answer was given.</summary>
    /// <param name="took">From the request's entry to the answer's end.</param>
    /// <param name="ahead">Requests that were at work when it came: it has shared the slots with them.</param>
    public void Took(TimeSpan took, int ahead)
    {
        var alone = took.TotalSeconds / Math.Max(1, (ahead + 1.0) / slots);
        lock (_gate)
        {
            if (_answers < Enough) _answers++;
            _seconds += (alone - _seconds) * Math.Max(Latest, 1.0 / _answers);
        }
    }

    /// <summary>How long a request would wait, where that is too long; null where it is welcome.</summary>
    /// <param name="ahead">Requests at work now.</param>
    /// <param name="limit">As long as anybody waits.</param>
    public TimeSpan? TooLong(int ahead, TimeSpan limit)
    {
        if (ahead < slots) return null;
        lock (_gate)
        {
            var wait = _seconds * (ahead + 1 - slots) / slots;
            var tooLong = _answers >= Enough && wait > Math.Max(limit.TotalSeconds, Rounds * _seconds);
            return tooLong || ahead >= Most ? TimeSpan.FromSeconds(wait) : null;
        }
    }
}

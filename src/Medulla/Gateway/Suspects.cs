using System.Security.Cryptography;
using Medulla.Core.Units;
using Medulla.Loop;

namespace Medulla.Gateway;

/// <summary>
/// Requests that were at work in engines when these crashed. One that was there too often is refused for an hour, so that the
/// others are served. An engine that was killed from outside proves nothing against anybody, and one that ends by itself while nothing is at
/// work in it clears everybody: it needs no request for that. A request that is answered well is cleared: one that many send is at work
/// whenever something happens.
/// Bound: <see cref="Most"/> requests, known by digest only.
/// </summary>
internal sealed class Suspects(TimeProvider time)
{
    public const int Most = 256;

    /// <summary>Suspicion at which a request is refused: alone at work in two crashes, or in company in four.</summary>
    public const int Enough = 4;

    public static readonly TimeSpan Term = TimeSpan.FromHours(1);

    /// <summary>So long after an engine has ended by itself nobody is suspected.</summary>
    public static readonly TimeSpan Illness = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<Digest, Suspicion> _known = [];
    private readonly Dictionary<WorkloadName, long> _ill = [];

    /// <summary>True while nobody is suspected: then no request need be looked at.</summary>
    public bool IsEmpty => _known.Count == 0;

    public static Digest Of(string path, ReadOnlyMemory<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(path));
        hash.AppendData(body.Span);
        return Digest.FromHash(hash.GetHashAndReset());
    }

    /// <summary>How many engines crashed while it was at work in them; 0 when it is welcome.</summary>
    public int DeathsOf(Digest request)
    {
        lock (_gate)
        {
            if (!_known.TryGetValue(request, out var known)) return 0;
            if (time.GetElapsedTime(known.At) < Term) return known.Weight >= Enough ? known.Deaths : 0;
            Forget(k => time.GetElapsedTime(k.At) >= Term);
            return 0;
        }
    }

    /// <summary>It was at work in this engine when it ended; however many sent it, that counts once.</summary>
    /// <returns>How often now, when it is refused from now on; else 0.</returns>
    public int Witness(Digest request, WorkloadName workload, Upstream upstream)
    {
        if (!upstream.Crashed) return 0;
        lock (_gate)
        {
            if (_ill.TryGetValue(workload, out var ill) && time.GetElapsedTime(ill) < Illness) return 0;
            var known = _known.TryGetValue(request, out var before) && time.GetElapsedTime(before.At) < Term ? before : new Suspicion(workload, Deaths: 0, Weight: 0, At: 0, default);
            if (known.Deaths > 0 && known.Last == upstream.Id) return 0;
            if (known.Deaths == 0 && _known.Count >= Most) _known.Remove(_known.MinBy(k => k.Value.At).Key);
            _known[request] = known = known with { Deaths = known.Deaths + 1, Weight = known.Weight + (upstream.AtWork <= 1 ? 2 : 1), At = time.GetTimestamp(), Last = upstream.Id };
            return known.Weight >= Enough ? known.Deaths : 0;
        }
    }

    /// <summary>It was answered well.</summary>
    public void Acquit(Digest request)
    {
        lock (_gate) _known.Remove(request);
    }

    /// <summary>An engine of the workload ended by itself, with nothing at work in it.</summary>
    public void Clear(WorkloadName workload)
    {
        lock (_gate)
        {
            foreach (var (other, at) in _ill)
            {
                if (time.GetElapsedTime(at) >= Illness) _ill.Remove(other);
            }

            _ill[workload] = time.GetTimestamp();
            Forget(k => k.Workload == workload);
        }
    }

    private void Forget(Predicate<Suspicion> which)
    {
        foreach (var (request, known) in _known)
        {
            if (which(known)) _known.Remove(request);
        }
    }

    /// <param name="Last">The engine that crashed last while it was at work.</param>
    private readonly record struct Suspicion(WorkloadName Workload, int Deaths, int Weight, long At, InstanceId Last);
}

using Medulla.Core.Observing;
using Medulla.Loop;
using Medulla.State;

namespace Medulla.Engines;

/// <summary>
/// Feels the pulse of one process, once a second: what the kernel says of it always, its counters only while it owes an
/// answer, and a tiny prompt now and then while it has nothing to do. Decides nothing: <see cref="Current"/> is a fact.
/// Cost while idle: one small file a second, and a look whether its socket is there.
/// </summary>
internal sealed class PulseWatch(Instance instance, TimeProvider time, Action nudge)
{
    /// <summary>Clock ticks (10 ms) of computing within <see cref="Window"/> that our own questions cannot make.</summary>
    private const long Ticks = 8;

    private const long ReadBytes = 256 << 10;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan CountersLimit = TimeSpan.FromMilliseconds(900);
    private static readonly TimeSpan CountKills = TimeSpan.FromSeconds(5);

    /// <summary>Looks that lie further apart are not one watch.</summary>
    private static readonly TimeSpan Gap = TimeSpan.FromSeconds(5);

    /// <summary>Without work for so long: the next tiny prompt.</summary>
    private static readonly TimeSpan IdleProbe = TimeSpan.FromSeconds(20);

    /// <summary>With one slot only, a tiny prompt drives a conversation out of its cache: one that goes on is left alone.</summary>
    private static readonly TimeSpan IdleWithOneSlot = TimeSpan.FromMinutes(5);

    /// <summary>Errors in a row at which it is doubted, and asked a tiny prompt.</summary>
    private const int Doubtful = 3;

    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(60);

    private readonly int _pid = instance.Pid;
    private readonly Lock _gate = new();
    private (long Ticks, TimeSpan At) _anchor;
    private (long Faults, long Read, long Device) _last;
    private (long Bytes, double Counters) _moved;
    private TimeSpan _computedAt = Posix.BootTime();
    private TimeSpan _movedAt = Posix.BootTime();
    private TimeSpan _provenAt = Posix.BootTime();
    private TimeSpan _workedAt = Posix.BootTime();
    private TimeSpan _feltAt = Posix.BootTime();
    private TimeSpan _killsAt;
    private TimeSpan? _owes;
    private TimeSpan? _stopped;
    private TimeSpan? _stuck;
    private TimeSpan? _refused;
    private TimeSpan? _unreachable;
    private TimeSpan? _silent;
    private TimeSpan? _failing;
    private bool _asking;
    private bool _counts;
    private bool _sees;
    private string? _events;

    public Pulse? Current { get; private set; }

    /// <summary>Kills for want of memory as they were a few seconds ago.</summary>
    public KillCounters Kills { get; private set; }

    /// <summary>The same now.</summary>
    public KillCounters KillsNow => KillCounters.Read(_events);

    public async Task RunAsync()
    {
        var cancel = instance.Life.Token;
        using var timer = new PeriodicTimer(Every, time);
        try
        {
            do
            {
                await FeelAsync(cancel);
            }
            while (await timer.WaitForNextTickAsync(cancel));
        }
        catch (OperationCanceledException)
        {
            // It is gone.
        }
    }

    private async Task FeelAsync(CancellationToken cancel)
    {
        var now = Posix.BootTime();

        // We did not look for a while (the machine slept, or we were stopped): that is nobody's standstill but ours.
        if (now - _feltAt > Gap) Forget(now);
        _feltAt = now;
        if (now - _killsAt >= CountKills)
        {
            _killsAt = now;
            _events = KillCounters.EventsOf(_pid) ?? _events;
            Kills = KillCounters.Read(_events);
        }

        if (ProcTable.Find(_pid) is not { } process) return;
        _stopped = process.State is 'T' or 't' ? _stopped ?? now : null;
        _stuck = process.State == 'D' ? _stuck ?? now : null;
        if (instance.Upstream is { RefusesKey: true } || instance.Client is { RefusesKey: true }) _refused ??= now;
        var starts = instance.State == InstanceState.Starting;
        _unreachable = instance is { State: InstanceState.Ready, Client.HasSocket: false } ? _unreachable ?? now : null;
        Computed(process, now, deep: starts || _owes is not null);
        if (instance is { Upstream: { } upstream, Client: { } client } && !starts) await WorkAsync(upstream, client, now, cancel);
        Current = new Pulse
        {
            OwesSince = _owes,
            ComputedAt = _computedAt,
            MovedAt = _movedAt,
            HasCounters = _counts,
            SeesAccelerator = _sees,
            StoppedSince = _stopped,
            StuckSince = _stuck,
            SilentSince = Silent(),
            RefusedSince = _refused,
            UnreachableSince = _unreachable,
            FailingSince = instance.Upstream?.ErrorsInARow >= Doubtful ? Failing() : null,
            FeltAt = now,
        };
        if (IsOdd(Current, starts)) nudge();
    }

    /// <summary>True when the loop should look: whether anything is wrong is not decided here.</summary>
    private static bool IsOdd(Pulse pulse, bool starts)
    {
        if (pulse.StoppedSince is not null || pulse.SilentSince is not null || pulse.FailingSince is not null || pulse.UnreachableSince is not null || pulse.RefusedSince is not null || Longer(pulse.StuckSince, 10)) return true;
        var still = Longer(pulse.ComputedAt, starts ? 10 : 5) && Longer(pulse.MovedAt, starts ? 10 : 5);
        return starts ? still : pulse.OwesSince is not null && (still || Longer(pulse.MovedAt, 30));

        bool Longer(TimeSpan? since, int seconds) => pulse.FeltAt - since > TimeSpan.FromSeconds(seconds);
    }

    /// <summary>Computing time, pages and bytes that it read, and time on its accelerator where the kernel tells it.</summary>
    private void Computed(ProcEntry process, TimeSpan now, bool deep)
    {
        if (process.Ticks - _anchor.Ticks >= Ticks)
        {
            (_computedAt, _anchor) = (now, (process.Ticks, now));
        }
        else if (now - _anchor.At >= Window)
        {
            _anchor = (process.Ticks, now);
        }

        if (process.Faults > _last.Faults) _computedAt = now;
        _last.Faults = process.Faults;
        if (!deep) return;
        var read = ProcTable.BytesRead(_pid);
        if (read - _last.Read >= ReadBytes) _computedAt = now;
        _last.Read = read;
        if (ProcTable.DeviceTime(_pid) is not { } device) return;
        _sees = true;
        if (device > _last.Device) _computedAt = now;
        _last.Device = device;
    }

    /// <summary>
    /// What it owes. Begun when somebody waits for it, ended only by motion or by its own word that it has nothing to do: a
    /// client that gives up does not end it.
    /// </summary>
    private async Task WorkAsync(Upstream upstream, EngineClient client, TimeSpan now, CancellationToken cancel)
    {
        var waiting = upstream.Awaited > 0;
        var bytes = upstream.Moved;
        if (bytes != _moved.Bytes) (_moved.Bytes, _movedAt, _provenAt, _workedAt) = (bytes, now, now, now);
        if (waiting)
        {
            _owes ??= now;
            _workedAt = now;
        }

        if (upstream.ErrorsInARow >= Doubtful) _ = AskAsync(client, now, cancel);
        if (_owes is null)
        {
            Idle(client, now, cancel);
            return;
        }

        var counters = await client.CountersAsync(CountersLimit, cancel);
        if (counters is { } seen)
        {
            _counts = true;
            if (seen.Sum != _moved.Counters) (_moved.Counters, _movedAt, _provenAt) = (seen.Sum, now, now);
        }

        if (waiting) return;
        if (_counts ? counters is { Busy: 0 } : _movedAt > _owes) _owes = null;
        else if (!_counts && now - _owes > Every * 2) _ = AskAsync(client, now, cancel);
    }

    private void Idle(EngineClient client, TimeSpan now, CancellationToken cancel)
    {
        if (Silent() is null && now - _provenAt < IdleProbe) return;
        if ((instance.Record?.Slots ?? 1) == 1 && now - _workedAt < IdleWithOneSlot) return;
        _ = AskAsync(client, now, cancel);
    }

    /// <summary>One token, or one vector: the proof that it lives.</summary>
    private async Task AskAsync(EngineClient client, TimeSpan now, CancellationToken cancel)
    {
        lock (_gate)
        {
            if (_asking) return;
            _asking = true;
            _silent ??= now;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(ProbeLimit);
        try
        {
            var gives = await client.GivesTokenAsync(instance.Record!.Task, limit.Token);
            lock (_gate)
            {
                _failing = gives ? null : _failing ?? Posix.BootTime();
                if (!gives) return;
                _silent = null;
            }

            instance.Upstream?.Forgive();
            _provenAt = Posix.BootTime();
            if (_owes <= now) _owes = null;
        }
        catch (OperationCanceledException)
        {
            // It is gone, or it stays silent: then it is asked again.
        }
        finally
        {
            lock (_gate) _asking = false;
        }
    }

    private TimeSpan? Silent()
    {
        lock (_gate) return _silent;
    }

    private TimeSpan? Failing()
    {
        lock (_gate) return _failing;
    }

    private void Forget(TimeSpan now)
    {
        (_computedAt, _movedAt, _provenAt, _owes, _stopped, _stuck) = (now, now, now, null, null, null);
        instance.WatchedAt = now;
        lock (_gate) (_silent, _failing) = (null, null);
    }
}

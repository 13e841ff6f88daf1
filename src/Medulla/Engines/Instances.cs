using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Loop;
using Medulla.State;

namespace Medulla.Engines;

/// <summary>
/// Owns the engine processes of this data directory: starts, proves, watches, probes, ends and adopts them.
/// Written by moves of the executor and by exits; read by the observer, and by the gateway through <see cref="Upstream"/>.
/// An instance is <i>ready</i> when our own process listens on its socket and has produced a token.
/// Engines outlive the daemon: a run record, durable before the process exists, and a mark in its environment find it again.
/// Bounds: one process per specification; <see cref="KeptFolders"/> folders of the dead; logs as <see cref="LogTail"/> says.
/// </summary>
internal sealed partial class Instances : IDisposable
{
    public const int KeptFolders = 5;

    private const int LastLines = 100;
    private const int SocketPathLimit = 100;
    private static readonly TimeSpan TermWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SecondTermWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan KillWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LogCheck = TimeSpan.FromSeconds(5);

    private readonly DataDirectory _data;
    private readonly string _mark;
    private readonly string _bootId;
    private readonly Signals _signals;
    private readonly TimeProvider _time;
    private readonly ILogger<Instances> _log;
    private readonly ExitWatch _watch = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<InstanceId, Instance> _instances = [];
    private readonly int _runHandle;
    private readonly ITimer _logTimer;

    public Instances(DataDirectory data, string identity, string bootId, Signals signals, TimeProvider time, ILogger<Instances> log)
    {
        _data = data;
        _mark = $"MEDULLA_INSTANCE={identity}/";
        _bootId = bootId;
        _signals = signals;
        _time = time;
        _log = log;
        _runHandle = Posix.OpenDirectoryHandle(data.Run);
        _logTimer = time.CreateTimer(_ => RotateLogs(), null, LogCheck, LogCheck);
    }

    /// <summary>Told of the workload when an engine has ended by itself, with nothing at work in it.</summary>
    public Action<WorkloadName> DiedByItself { get; init; } = static _ => { };

    public ImmutableArray<InstanceFact> Read()
    {
        lock (_gate) return [.. _instances.Values.Select(i => i.Fact).OrderBy(f => f.Id.Value, StringComparer.Ordinal)];
    }

    /// <summary>How to reach the ready ones.</summary>
    public ImmutableDictionary<InstanceId, Upstream> Upstreams()
    {
        lock (_gate) return _instances.Values.Where(i => i.State == InstanceState.Ready).ToImmutableDictionary(i => i.Id, i => i.Upstream!);
    }

    /// <summary>Finds the engines of earlier daemons: those with a matching record are adopted, the rest are orphans. Before anything is started.</summary>
    public void Adopt()
    {
        foreach (var (process, value) in ProcTable.Marked(_mark).ToList())
        {
            var id = InstanceId.TryParse(value, null, out var parsed) ? parsed : new InstanceId($"orphan-{process.Pid}");
            var folder = Path.Combine(_data.Run, id.Value);
            var record = RunRecord.Read(folder);
            if (process.Session != process.Pid && ProcTable.Find(process.Session) is { State: not 'Z' }) continue;
            if (record is not null && process.Session == process.Pid && IsOurs(record, process)) Watch(Living(record, folder, process, adopted: true));
            else Watch(new Instance(new InstanceId($"orphan-{process.Pid}"), "", process.Session, adopted: true, TimeSpan.Zero) { State = InstanceState.Orphan });
        }

        ForgetTheDead();
    }

    /// <summary>Done when the process exists and its record is durable; a failure is a signal.</summary>
    public void Start(Move.StartInstance move)
    {
        var spec = move.Spec;
        lock (_gate)
        {
            if (_instances.Values.Any(i => i.Record?.Spec == spec.Id && i.State != InstanceState.Lost)) return;
        }

        try
        {
            if (BuildRecord.Read(move.Folder) is not { } build)
            {
                Refuse(move, $"the record of the engine build in {move.Folder} cannot be read");
                return;
            }

            var id = new InstanceId($"{spec.Workload}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
            var folder = Path.Combine(_data.Run, id.Value);
            Directory.CreateDirectory(folder);
            var record = new RunRecord
            {
                Id = id,
                Spec = spec.Id,
                Workload = spec.Workload,
                Model = spec.Model,
                ModelPath = move.ModelPath,
                Task = spec.Task,
                Slots = spec.Parallel,
                Key = RandomNumberGenerator.GetHexString(32, lowercase: true),
                Arguments = Arguments.Of(build, move),
            };
            record.Write(folder);
            switch (Spawn.Start(record.Arguments, Arguments.Environment(_mark + id, record.Key, spec.Settings.Environment), folder, Path.Combine(folder, "engine.log")))
            {
                case SpawnOutcome.Failed failed:
                    Directory.Delete(folder, recursive: true);
                    Refuse(move, $"cannot start {record.Arguments[0]}: {failed.Reason}", failed.Errno);
                    return;
                case SpawnOutcome.Started started:
                    ProcTable.Prefer(started.Pid);
                    var process = ProcTable.Find(started.Pid) ?? new ProcEntry(started.Pid, 'Z', started.Pid, 0);
                    record = record with { Pid = started.Pid, StartTicks = process.StartTicks, BootId = _bootId, StartedAt = Posix.BootTime() };
                    Remember(record, folder);
                    Watch(Living(record, folder, process, adopted: false));
                    return;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Refuse(move, $"cannot start {spec.Model}: {e.Message}");
        }
    }

    /// <summary>Done when the process and its group are gone. Once begun it is seen through.</summary>
    public async Task StopAsync(Move.StopInstance move)
    {
        Instance? instance;
        lock (_gate)
        {
            if (!_instances.TryGetValue(move.Id, out instance)) return;
            instance.Asked = true;
            if (instance.State != InstanceState.Orphan) instance.State = InstanceState.Stopping;
        }

        instance.Upstream?.Close();
        _signals.Nudge();
        await DrainAsync(instance, move.Drain);
        await EndAsync(instance, move.Kill);
    }

    /// <summary>Asks the golden prompts; the result is in the facts.</summary>
    public async Task ProbeAsync(Move.ProbeInstance move, CancellationToken cancel)
    {
        Instance? instance;
        lock (_gate) _instances.TryGetValue(move.Id, out instance);
        if (instance?.Client is not { } client) return;
        using var life = CancellationTokenSource.CreateLinkedTokenSource(cancel, instance.Life.Token);
        try
        {
            var probe = await client.ProbeAsync(move, life.Token);
            Keep(probe);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested && !instance.Life.IsCancellationRequested)
        {
            Keep(new ProbeFact(0, Math.Max(1, move.Golden.Length), "a golden prompt was not answered in time") { NoAnswer = true });
        }
        catch (Exception e) when (e is HttpRequestException or IOException or System.Text.Json.JsonException or KeyNotFoundException)
        {
            Keep(new ProbeFact(0, Math.Max(1, move.Golden.Length), e.Message) { NoAnswer = true });
        }

        _signals.Post(new Signal.Probed(move.Id));

        void Keep(ProbeFact probe)
        {
            lock (_gate) instance.Probe = probe with { At = Posix.BootTime(), InARow = probe.IsGood ? 0 : (instance.Probe?.InARow ?? 0) + 1 };
        }
    }

    /// <summary>Measures its speed; the result is in the facts, and is told. One that gives none is asked again later.</summary>
    public async Task MeasureAsync(Move.MeasureInstance move, CancellationToken cancel)
    {
        Instance? instance;
        lock (_gate) _instances.TryGetValue(move.Id, out instance);
        if (instance is not { Client: { } client, Record: { } record }) return;
        using var life = CancellationTokenSource.CreateLinkedTokenSource(cancel, instance.Life.Token);
        var decode = await client.SpeedAsync(move.Tokens, life.Token);

        // A request that came meanwhile had its share of it.
        var speed = new SpeedFact(instance.Upstream?.Requests is null or 0 ? decode : null, Posix.BootTime());
        lock (_gate) instance.Speed = speed;
        if (speed.TokensPerS is not null) _signals.Post(new Signal.Measured(record.Spec, record.Workload, speed));
    }

    /// <summary>Ends every engine: the owner stopped the device's work.</summary>
    public async Task StopAllAsync(TimeSpan drain)
    {
        var moves = Read().Select(f => new Move.StopInstance(f.Id, f.Workload, f.Pid, drain) { Reason = "the daemon is stopped" });
        await Task.WhenAll(moves.Select(m => StopAsync(m)));
    }

    /// <summary>Lets go of the engines without ending them.</summary>
    public void Dispose()
    {
        _logTimer.Dispose();
        _watch.Dispose();
        lock (_gate)
        {
            foreach (var instance in _instances.Values) instance.Life.Cancel();
        }

        _ = Posix.Close(_runHandle);
    }

    private bool IsOurs(RunRecord record, ProcEntry process)
    {
        if (record.Pid != 0 && (record.Pid != process.Pid || record.StartTicks != process.StartTicks || record.BootId != _bootId)) return false;
        lock (_gate)
        {
            if (_instances.Values.Any(i => i.Record?.Spec == record.Spec)) return false;
        }

        return ProcTable.Arguments(process.Pid).SequenceEqual(record.Arguments);
    }

    private Instance Living(RunRecord record, string folder, ProcEntry process, bool adopted)
    {
        var key = new Secret(record.Key);
        var socket = Path.Combine(folder, Arguments.Socket);
        if (socket.Length >= SocketPathLimit) socket = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{_runHandle}/{record.Id}/{Arguments.Socket}");
        return new Instance(record.Id, folder, process.Pid, adopted, record.StartedAt)
        {
            Record = record,
            Upstream = new Upstream(record.Id, socket, key, record.Slots),
            Client = new EngineClient(socket, process.Pid, key, _time),
            WasReady = record.LoadTime is not null,
        };
    }

    private void Watch(Instance instance)
    {
        lock (_gate) _instances[instance.Id] = instance;
        if (!_watch.TryWatch(instance.Pid, exit => Exited(instance, exit)))
        {
            Posix.Signal(-instance.Pid, Posix.SigKill);
            Exited(instance, default);
        }
        else
        {
            if (instance.Client is not null) _ = ProveAsync(instance, instance.Client);
            instance.Pulse = new PulseWatch(instance, _time, _signals.Nudge);
            _ = instance.Pulse.RunAsync();
        }
    }

    /// <summary>Looks often at first, for a small model is up within 20 ms, and adds no more than a fiftieth to any load time.</summary>
    private async Task ProveAsync(Instance instance, EngineClient client)
    {
        var cancel = instance.Life.Token;
        var record = instance.Record!;
        var start = _time.GetTimestamp();
        try
        {
            while (!await client.IsUpAsync(cancel) || !await client.GivesTokenAsync(record.Task, cancel))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Clamp(_time.GetElapsedTime(start).TotalMilliseconds / 50, 2, 100)), _time, cancel);
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }

        var load = record.LoadTime ?? Posix.BootTime() - instance.StartedAt;
        lock (_gate)
        {
            if (instance.State != InstanceState.Starting) return;
            instance.State = InstanceState.Ready;
            instance.ReadyAt = Posix.BootTime();
            instance.WasReady = true;
        }

        _signals.Post(new Signal.InstanceReady(instance.Id, record.Spec, record.Workload, load) { Lines = instance.Adopted ? [] : LogTail.Last(instance.Log, LastLines) });
        if (record.LoadTime is null) Remember(record with { Pid = instance.Pid, LoadTime = load }, instance.Folder);
    }

    /// <summary>For a later daemon. The process runs already: where this cannot be written, what was written before it must do.</summary>
    private void Remember(RunRecord record, string folder)
    {
        try
        {
            record.Write(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogUnremembered(record.Id, e);
        }
    }

    private async Task DrainAsync(Instance instance, TimeSpan drain)
    {
        if (instance.Upstream is not { } upstream) return;
        var start = _time.GetTimestamp();
        while (upstream.Requests > 0 && _time.GetElapsedTime(start) < drain && !instance.Gone.IsCompleted) await Task.Delay(TimeSpan.FromMilliseconds(20), _time);
        await upstream.LetGo.CancelAsync();
    }

    private async Task EndAsync(Instance instance, bool kill)
    {
        if (!kill && Posix.Signal(instance.Pid, Posix.SigTerm) && !await GoneWithin(instance, TermWait) && Posix.Signal(instance.Pid, Posix.SigTerm)) _ = await GoneWithin(instance, SecondTermWait);
        Posix.Signal(-instance.Pid, Posix.SigKill);
        if (!await GoneWithin(instance, KillWait))
        {
            // It waits in the kernel. Its exit will be seen whenever it comes.
            lock (_gate) instance.State = InstanceState.Lost;
            _signals.Nudge();
            return;
        }

        var killed = _time.GetTimestamp();
        while (ProcTable.IsSessionAlive(instance.Pid) && _time.GetElapsedTime(killed) < TermWait) await Task.Delay(TimeSpan.FromMilliseconds(20), _time);
    }

    private async Task<bool> GoneWithin(Instance instance, TimeSpan limit)
    {
        try
        {
            await instance.Gone.WaitAsync(limit, _time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private void Exited(Instance instance, Exit exit)
    {
        bool wasReady, asked;
        lock (_gate)
        {
            _instances.Remove(instance.Id);
            (wasReady, asked) = (instance.WasReady, instance.Asked);
        }

        if (instance.Upstream is { } upstream)
        {
            upstream.AtWork = upstream.Requests + upstream.BrokenJustNow;
            upstream.Crashed = !asked && exit.KilledBy is not (9 or 15) && exit != default;
            upstream.Close();
            if (upstream is { Crashed: true, AtWork: 0 }) DiedByItself(instance.Record!.Workload);
        }

        instance.Life.Cancel();
        instance.Upstream?.LetGo.Cancel();
        if (instance.Record is { } record)
        {
            _signals.Post(new Signal.InstanceExited
            {
                Id = instance.Id,
                Spec = record.Spec,
                Workload = record.Workload,
                Pid = instance.Pid,
                ExitCode = exit.Code,
                KilledBy = exit.KilledBy,
                WasReady = wasReady,
                Asked = asked,
                Uptime = Posix.BootTime() - instance.StartedAt,
                LastLines = LogTail.Last(instance.Log, LastLines),
                KilledFor = exit.KilledBy is 9 or null && exit.Code is null && instance.Pulse is { } pulse ? pulse.KillsNow.Since(pulse.Kills) : null,
            });
        }

        instance.SetGone();
        instance.Dispose();
        ForgetTheDead();
    }

    private void Refuse(Move.StartInstance move, string reason, int error = 0) => _signals.Post(new Signal.StartFailed(move.Spec.Id, move.Spec.Workload, reason, error));

    /// <summary>The latest dead leave their logs; older ones leave nothing.</summary>
    private void ForgetTheDead()
    {
        HashSet<string> living;
        lock (_gate) living = [.. _instances.Values.Select(i => i.Folder)];
        if (!Directory.Exists(_data.Run)) return;
        try
        {
            var dead = new DirectoryInfo(_data.Run).EnumerateDirectories().Where(d => !living.Contains(d.FullName)).OrderByDescending(d => d.LastWriteTimeUtc).Skip(KeptFolders);
            foreach (var folder in dead.ToList()) folder.Delete(recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogUnforgotten(e);
        }
    }

    private void RotateLogs()
    {
        List<string> logs;
        lock (_gate) logs = [.. _instances.Values.Where(i => i.Folder.Length > 0).Select(i => i.Log)];
        foreach (var log in logs)
        {
            try
            {
                LogTail.Rotate(log);
            }
            catch (IOException e)
            {
                LogUnrotated(log, e);
            }
        }
    }

    [LoggerMessage(2001, LogLevel.Warning, "the record of instance {Id} could not be brought up to date")]
    private partial void LogUnremembered(InstanceId id, Exception e);

    [LoggerMessage(2002, LogLevel.Warning, "folders of ended instances could not be removed")]
    private partial void LogUnforgotten(Exception e);

    [LoggerMessage(2003, LogLevel.Warning, "the log {Path} could not be rotated")]
    private partial void LogUnrotated(string path, Exception e);
}

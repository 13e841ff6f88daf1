using System.Collections.Immutable;
using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Incidents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Loop;

namespace Medulla.Tests.Simulation;

/// <summary>How unkind a simulated device is: probabilities per simulated second.</summary>
internal sealed record Weather
{
    public static readonly Weather Calm = new() { Asks = 0.001 };

    public double Crash { get; init; }

    public double Kill { get; init; }

    public double FetchFails { get; init; }

    public double Damage { get; init; }

    public double SpawnFails { get; init; }

    public double ClockJump { get; init; }

    /// <summary>Engines that go on without any progress.</summary>
    public double Hang { get; init; }

    /// <summary>Engines that are stopped by a signal.</summary>
    public double Freeze { get; init; }

    /// <summary>Engines that become a tenth as fast as they were.</summary>
    public double Slow { get; init; }

    /// <summary>Engines that refuse their key from some moment on.</summary>
    public double Locked { get; init; }

    /// <summary>Of the engines that hang: those that cannot be killed for a while.</summary>
    public double Unkillable { get; init; }

    /// <summary>Kills by the kernel for want of memory.</summary>
    public double Shortage { get; init; }

    /// <summary>A file of the engine's build goes bad: it does not start until it was read again.</summary>
    public double BadBuild { get; init; }

    /// <summary>Engines that end with the words of some condition for a while, whatever they run.</summary>
    public double Words { get; init; }

    /// <summary>Engines that answer everything with an error, or whose socket is gone.</summary>
    public double Deaf { get; init; }

    /// <summary>Engines whose answers go bad: wrong ones, or one character over and over.</summary>
    public double Garbled { get; init; }

    /// <summary>Sensors that show trouble: memory, disk, descriptors, heat; and lines of the kernel's log.</summary>
    public double Trouble { get; init; }

    /// <summary>No source outside the device answers.</summary>
    public bool Offline { get; init; }

    /// <summary>Operations that end without having done anything or said so.</summary>
    public double Lost { get; init; }

    /// <summary>Requests per second for each workload.</summary>
    public double Asks { get; init; } = 0.02;

    /// <summary>Probability that the memory cannot be written when a tick asks for it.</summary>
    public double Unwritable { get; init; }
}

/// <summary>
/// A device in a seeded world, behind the same seam as the real one: processes that load, crash and refuse; fetches that
/// are slow, fail or come damaged; a memory that kills what outgrows it; clocks that jump; power that goes.
/// </summary>
internal sealed class SimWorld(Random random, ByteSize memory, ByteSize disk) : IWorld
{
    /// <summary>As long as the gateway lets a request wait.</summary>
    public static readonly TimeSpan WaitLimit = TimeSpan.FromSeconds(60);

    private static readonly EngineBuild Build = new(Shelf.Engine, Digest.Of("engine"), "b1");

    private readonly List<Process> _processes = [];
    private readonly List<Signal> _signals = [];
    private readonly Dictionary<string, Operation> _operations = new(StringComparer.Ordinal);
    private readonly HashSet<Digest> _weights = [];
    private readonly List<Waiting> _waiting = [];
    private bool _engine;
    private bool _badBuild;
    private Symptom? _words;
    private TimeSpan _wordsUntil;
    private HostFact _host = Healthy;
    private TimeSpan _troubleUntil;
    private int _pids = 100;
    private int _boots;
    private TimeSpan _boot = TimeSpan.FromSeconds(random.Next(5, 500));
    private TimeSpan _wallOffset = TimeSpan.Zero;
    private TimeSpan _elapsed = TimeSpan.Zero;

    private static readonly HostFact Healthy = new() { MemoryAvailable = ByteSize.GiB(4), MemoryTotal = ByteSize.GiB(8), MemoryStall = 0, DiskStall = 0, Swapping = 0, DiskFree = ByteSize.GiB(9), OpenFiles = 90, OpenFilesLimit = 20_000, Temperature = 50, TemperatureLimit = 100 };

    private static readonly string[] KernelLines =
    [
        "NVRM: Xid (PCI:0000:05:00): 79, pid=1, GPU has fallen off the bus.", "NVRM: Xid (PCI:0000:05:00): 31, pid=1", "EXT4-fs error (device sda1)", "INFO: task llama-server:1 blocked for more than 120 seconds.",
        "NVRM: Xid (PCI:0000:05:00): 119, pid=1, Timeout", "amdgpu: ring gfx timeout", "amdgpu: [gfxhub] page fault", "EXT4-fs (sda1): Remounting filesystem read-only", "NVRM: NV_ERR_NO_MEMORY",
    ];

    private static readonly ImmutableArray<Symptom> Symptoms = [.. Shelf.Catalog.FindEngine(Shelf.Engine)!.Symptoms.Where(s => !s.Serves)];

    public Weather Weather { get; set; } = Weather.Calm;

    /// <summary>Models whose KV cache is larger than the catalog says: they are killed above this much memory.</summary>
    public Dictionary<ModelId, ByteSize> Ceiling { get; } = [];

    /// <summary>Models that their engine refuses.</summary>
    public HashSet<ModelId> Refused { get; } = [];

    /// <summary>Models that answer nonsense.</summary>
    public HashSet<ModelId> Babbling { get; } = [];

    /// <summary>Models of which their engine has said for a while that their files are bad: it may be believed for ever.</summary>
    public HashSet<ModelId> Slandered { get; } = [];

    public Instant Now => new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero) + _elapsed + _wallOffset, _boot, $"boot-{_boots}");

    public IReadOnlyList<Process> Processes => _processes;

    public int Starts { get; private set; }

    /// <summary>True once the loop has had the daemon started anew.</summary>
    public bool WantsRelaunch { get; set; }

    /// <summary>True once the loop has had the machine started anew.</summary>
    public bool WantsReboot { get; set; }

    /// <summary>Whom requests are for.</summary>
    public ImmutableArray<WorkloadName> Asked { get; set; } = [];

    /// <summary>Requests that were answered.</summary>
    public int Answered { get; private set; }

    /// <summary>Boot time of each workload's latest answer.</summary>
    public Dictionary<WorkloadName, TimeSpan> AnsweredAt { get; } = [];

    /// <summary>The last request that was turned away, and why; null when none was.</summary>
    public (WorkloadName Workload, TimeSpan At, string Reason)? TurnedAway { get; private set; }

    public bool IsWaitedFor(WorkloadName workload) => _waiting.Exists(w => w.Workload == workload);

    /// <summary>The last observation, as the loop saw it.</summary>
    public Observation? Seen { get; private set; }

    public ByteSize Disk => disk;

    /// <summary>Looks at each plan before it is carried out.</summary>
    public Action<Plan> Carrying { get; set; } = _ => { };

    public Observation Read()
    {
        var seen = new Observation
        {
            Now = Now,
            Instances = [.. _processes.Select(p => p.Fact)],
            Engines = _engine ? [new EngineFact(Build, "/engines/b1", "sim")] : [],
            Weights = [.. _weights.OrderBy(w => w.Hex, StringComparer.Ordinal).Select(w => new WeightsFact(w, ByteSize.MiB(1), $"/store/{w.Short}"))],
            Nearby = [],
            OwnModels = [],
            Operations = [.. _operations.Select(o => new OperationFact(o.Key, "", null, null, null))],
            Demand = [.. _waiting.GroupBy(w => w.Workload).Select(g => new DemandFact(g.Key, g.Count(), g.Min(w => w.Since))).OrderBy(d => d.Workload.Value, StringComparer.Ordinal)],
            MemoryAvailable = memory - new ByteSize(_processes.Sum(p => p.Spec?.Memory.Bytes ?? 0)),
            Host = _host,
            Signals = [.. _signals],
        };
        _signals.Clear();
        Seen = seen;
        return seen;
    }

    public void Carry(Plan plan)
    {
        Carrying(plan);
        foreach (var gone in _operations.Keys.Where(s => plan.Moves.All(m => m.Subject != s)).ToList()) _operations.Remove(gone);
        foreach (var move in plan.Moves)
        {
            if (_operations.ContainsKey(move.Subject)) continue;
            if (move is Move.StartInstance start) Spawn(start);
            else _operations[move.Subject] = new Operation(move, _boot + Duration(move));
        }
    }

    /// <summary>A client asks; the request waits for an instance as long as the gateway lets it.</summary>
    public void Ask(WorkloadName workload) => _waiting.Add(new Waiting(workload, _boot, _boot + WaitLimit));

    /// <summary>The gateway: what waits goes where the routes say, or is turned away.</summary>
    public void Serve(ImmutableArray<Route> routes)
    {
        foreach (var waiting in _waiting.ToList())
        {
            var route = routes.FirstOrDefault(r => r.Workload == waiting.Workload);
            if (route?.Instance is { } id && _processes.Find(p => p.Id == id) is { State: InstanceState.Ready } process && !_operations.Values.Any(o => o.Move is Move.StopInstance stop && stop.Id == id))
            {
                _waiting.Remove(waiting);
                process.Works.Add((_boot + TimeSpan.FromSeconds(0.05 + (random.NextDouble() * random.NextDouble() * 20)), waiting));
            }
            else if (route is null or { Expected: false, Instance: null } || _boot >= waiting.Until)
            {
                _waiting.Remove(waiting);
                TurnedAway = (waiting.Workload, _boot, route?.Reason ?? "it is not in the intent");
            }
        }
    }

    /// <summary>Time passes; what is due happens.</summary>
    public void Advance(TimeSpan step)
    {
        _boot += step;
        _elapsed += step;
        foreach (var workload in Asked.Where(_ => Happens(Weather.Asks, step))) Ask(workload);
        foreach (var process in _processes.ToList()) Live(process, step);
        foreach (var (subject, operation) in _operations.ToList())
        {
            if (_boot < operation.Due) continue;
            _operations.Remove(subject);
            if (random.NextDouble() >= Weather.Lost) Finish(operation.Move);
        }

        Trouble(step);
        if (Happens(Weather.ClockJump, step))
        {
            _wallOffset = TimeSpan.FromDays(random.Next(-4000, 4000));
            Tell(Conditions.ClockJump, "the wall clock went somewhere else");
        }

        if (_weights.Count > 0 && Happens(Weather.Damage, step))
        {
            var victim = _weights.OrderBy(w => w.Hex, StringComparer.Ordinal).ElementAt(random.Next(_weights.Count));
            _weights.Remove(victim);
            _signals.Add(new Signal.ArtifactDamaged(Subjects.Weights(victim), "its digest differs"));
        }
    }

    private void Trouble(TimeSpan step)
    {
        if (_boot >= _troubleUntil) _host = Healthy;
        if (_engine && Happens(Weather.BadBuild, step)) _badBuild = true;
        if (_boot >= _wordsUntil) _words = null;
        if (_words is null && Happens(Weather.Words, step)) (_words, _wordsUntil) = (Symptoms[random.Next(Symptoms.Length)], _boot + TimeSpan.FromSeconds(random.Next(2, 200)));
        if (!Happens(Weather.Trouble, step)) return;
        _troubleUntil = _boot + TimeSpan.FromSeconds(random.Next(2, 200));
        switch (random.Next(22))
        {
            case 5: Tell(Conditions.UnexpectedReboot, "the machine was started anew"); break;
            case 6: Tell(Conditions.Resumed, "the machine slept for 90 s"); break;
            case 7: _signals.Add(new Signal.StateDamaged("memory.a", "/aside/memory.a", "its checksum differs")); break;
            case 8: _host = Healthy with { Swapping = 40e6, MemoryStall = 40 }; break;
            case 9: _host = Healthy with { DiskStall = 80 }; break;
            case 10: _host = Healthy with { FilesFree = 3 }; break;
            case 11: _host = Healthy with { Unwritable = "the file system of /data is read-only" }; break;
            case 12: _host = Healthy with { Foreign = "pid 7 has 3 GiB of accelerator 0" }; break;
            case 13: _host = Healthy with { Slowed = "accelerator 0 slows itself down: it is too hot" }; break;
            case 14: _host = Healthy with { Unseen = "nvidia-smi did not answer in time" }; break;
            case 15: _host = Healthy with { Setback = "intent.yaml:2: unknown key; the last intent that could be read is in force" }; break;
            case 16 when _processes.Find(p => p.State == InstanceState.Ready) is { Spec: { } spec }: _signals.Add(new Signal.RequestRefused(spec.Workload, 4)); break;
            case 17: _host = Healthy with { ProcessorStall = 80, Crowded = "others have 75 % of the processors" }; break;
            case 18: _host = Healthy with { Underclocked = "accelerator 0 is busy 98 % of the time at 702 MHz of 2400" }; break;
            case 0: _host = Healthy with { MemoryAvailable = ByteSize.MiB(20), MemoryStall = random.Next(0, 60) }; break;
            case 1: _host = Healthy with { DiskFree = ByteSize.MiB(2) }; break;
            case 2: _host = Healthy with { OpenFiles = 19_000 }; break;
            case 3: _host = Healthy with { Temperature = 101 }; break;
            case 4: _host = Healthy with { Lost = ["memory pressure gave data before and gives none now"] }; break;
            default:
                var line = KernelLines[random.Next(KernelLines.Length)];
                var (condition, subject) = KernelLog.Of(line)!.Value;
                _signals.Add(new Signal.HostEvent(condition.Code, subject, line));
                break;
        }
    }

    private void Tell(Condition condition, string evidence) => _signals.Add(new Signal.HostEvent(condition.Code, "host", evidence));

    /// <summary>What it says when it ends, as its catalog knows it.</summary>
    private void Exit(Process process, Symptom symptom)
    {
        if (Conditions.Of(symptom.Condition).IsAboutArtifact) Slandered.Add(process.Spec!.Model);
        int? signal = symptom.Killed.IsEmpty ? null : symptom.Killed[0];
        Exit(process, signal is not null ? null : symptom.Exits.IsEmpty ? 1 : symptom.Exits[0], signal, asked: false, symptom.Says.IsEmpty ? [] : [$"0.01 E {symptom.Says[random.Next(symptom.Says.Length)].Replace("*", "x", StringComparison.Ordinal)}"]);
    }

    /// <summary>True when the words that are in the air are this process's: what serves with little is never said to be bad itself.</summary>
    private bool Says(Process process, bool ready) =>
        _words is { } words && (words.Ready ?? ready) == ready && !(Conditions.Of(words.Condition).IsAboutArtifact && process.Spec!.Model is var model && (model == Shelf.Small.Id || model == Shelf.Medium.Id));

    /// <summary>The next moment at which something is due; null when nothing is.</summary>
    public TimeSpan? NextDue()
    {
        var due = _operations.Values.Select(o => o.Due).Concat(_processes.Where(p => p.State == InstanceState.Starting).Select(p => p.ReadyAt)).Concat(_processes.SelectMany(p => p.Works.Select(w => w.Until))).Concat(_waiting.Select(w => w.Until)).Where(d => d > _boot).ToList();
        return due.Count == 0 ? null : due.Min();
    }

    /// <summary>The daemon dies: operations and unread signals are lost; processes live, and the next daemon adopts most of them.</summary>
    public void DaemonDies()
    {
        _operations.Clear();
        _signals.Clear();
        _waiting.Clear();
        foreach (var process in _processes.ToList())
        {
            process.Works.Clear();
            (process.UsedAt, process.SinceReady) = (null, process.State == InstanceState.Ready ? _boot : null);
            (process.Probe, process.Speed) = (null, null);
            process.Adopted = true;
            if (process.State is InstanceState.Stopping) process.State = InstanceState.Ready;
            if (random.NextDouble() < 0.1) process.State = InstanceState.Orphan;
        }
    }

    /// <summary>The power goes: nothing lives, and this boot's times mean nothing in the next.</summary>
    public void PowerFails()
    {
        DaemonDies();
        _processes.Clear();
        _boots++;
        _boot = TimeSpan.FromSeconds(random.Next(5, 60));
        _wallOffset = random.NextDouble() < 0.3 ? TimeSpan.FromDays(-20000) : _wallOffset;
    }

    public void Launched() => _signals.Add(new Signal.Launched());

    /// <summary>What nobody has noticed yet is as it was.</summary>
    public void Mend() => (_badBuild, _words) = (false, null);

    public void Kill(Process process) => Exit(process, null, 9, asked: false, []);

    private void Spawn(Move.StartInstance start)
    {
        if (_processes.Exists(p => p.Spec?.Id == start.Spec.Id && p.State is not (InstanceState.Orphan or InstanceState.Lost))) throw new InvalidOperationException("two instances of one specification");
        if (_processes.Exists(p => p.State == InstanceState.Orphan)) throw new InvalidOperationException("a start beside an orphan");
        if (!_engine || !_weights.Contains(start.Spec.Weights.Digest)) throw new InvalidOperationException("a start without its artifacts");
        if (random.NextDouble() < Weather.SpawnFails)
        {
            _signals.Add(new Signal.StartFailed(start.Spec.Id, start.Spec.Workload, "cannot start llama-server", random.Next(3) switch { 0 => 13, 1 => 24, _ => 0 }));
            return;
        }

        Starts++;
        var load = TimeSpan.FromSeconds(0.05 + (start.Spec.Weights.Size.Bytes / 500e6) + random.NextDouble());
        _processes.Add(new Process(start.Spec, new InstanceId($"i{++_pids}"), _pids, _boot, _boot + load));
    }

    private void Live(Process process, TimeSpan step)
    {
        if (process.State == InstanceState.Lost && _boot >= process.KillableAt) Exit(process, null, 9, asked: true, []);
        process.Seen = _boot;
        foreach (var (until, request) in process.Works.Where(w => w.Until <= _boot).ToList())
        {
            Answered++;
            AnsweredAt[request.Workload] = until;
            process.UsedAt = until;
        }

        process.Works.RemoveAll(w => w.Until <= _boot);
        if (process.State == InstanceState.Starting && _boot >= process.ReadyAt)
        {
            if (_badBuild) Exit(process, 127, null, asked: false, ["llama-server: error while loading shared libraries: libllama.so.0: cannot open shared object file"]);
            else if (Says(process, ready: false)) Exit(process, _words!);
            else if (Refused.Contains(process.Spec!.Model)) Exit(process, 1, null, asked: false, ["0.01 E llama_model_load: unknown model architecture: 'strange'"]);
            else if (Ceiling.TryGetValue(process.Spec.Model, out var ceiling) && process.Spec.Memory > ceiling) Exit(process, 1, null, asked: false, ["E ggml_aligned_malloc: insufficient memory"]);
            else
            {
                process.State = InstanceState.Ready;
                process.SinceReady = _boot;
                _signals.Add(new Signal.InstanceReady(process.Id, process.Spec.Id, process.Spec.Workload, process.ReadyAt - process.StartedAt));
            }
        }
        else if (process.State is InstanceState.Ready or InstanceState.Starting)
        {
            if (process.StillSince is null && Happens(Weather.Hang, step)) (process.StillSince, process.KillableAt) = (_boot, random.NextDouble() < Weather.Unkillable ? _boot + TimeSpan.FromSeconds(random.Next(60, 400)) : _boot);
            if (process.StoppedSince is null && Happens(Weather.Freeze, step)) process.StoppedSince = _boot;
            process.IsSlow |= Happens(Weather.Slow, step);
            if (Happens(Weather.Locked, step)) process.RefusedSince ??= _boot;
            if (Happens(Weather.Deaf / 2, step)) process.FailingSince ??= _boot;
            if (Happens(Weather.Deaf / 2, step)) process.UnreachableSince ??= _boot;
            if (Happens(Weather.Garbled, step)) process.Garbles ??= random.Next(2) == 0;
            if (process.State == InstanceState.Ready && _words?.Ready != false && Happens(Weather.Words * 10, step) && Says(process, ready: true)) Exit(process, _words!);
            else if (process.State == InstanceState.Ready && Happens(Weather.Shortage, step)) Exit(process, null, 9, asked: false, [], random.Next(2) == 0 ? Core.Observing.Shortage.Group : Core.Observing.Shortage.Machine);
            else if (Happens(Weather.Crash, step)) Exit(process, null, random.Next(2) == 0 ? 11 : 6, asked: false, []);
            else if (Happens(Weather.Kill, step)) Exit(process, null, 9, asked: false, []);
        }
    }

    private void Exit(Process process, int? code, int? signal, bool asked, ImmutableArray<string> lines, Shortage? shortage = null)
    {
        if (!_processes.Remove(process) || process.Spec is null) return;

        // They are sent once more, to its successor.
        _waiting.AddRange(process.Works.Select(w => w.Request with { Since = _boot }));
        _signals.Add(new Signal.InstanceExited
        {
            Id = process.Id,
            Spec = process.Spec.Id,
            Workload = process.Spec.Workload,
            Pid = process.Pid,
            ExitCode = process.Adopted ? null : code,
            KilledBy = process.Adopted ? null : signal,
            WasReady = process.State is InstanceState.Ready or InstanceState.Stopping,
            Asked = asked,
            Uptime = _boot - process.StartedAt,
            LastLines = lines,
            KilledFor = shortage,
        });
    }

    private TimeSpan Duration(Move move) => move switch
    {
        Move.FetchWeights fetch when fetch.File.Sources[0].IsNearby => TimeSpan.FromSeconds(0.1),
        Move.FetchWeights fetch => TimeSpan.FromSeconds(fetch.File.Size.Bytes / (random.Next(1, 50) * 1e6)),
        Move.FetchEngine => TimeSpan.FromSeconds(random.Next(2, 30)),
        Move.VerifyWeights or Move.VerifyBuild or Move.Sweep => TimeSpan.FromSeconds(0.1 + random.NextDouble()),
        Move.ProbeInstance or Move.MeasureInstance or Move.RebootMachine => TimeSpan.FromSeconds(0.1 + random.NextDouble()),
        Move.StopInstance stop => TimeSpan.FromSeconds(stop.Drain == TimeSpan.Zero ? 0.1 : random.NextDouble() * 8),
        _ => TimeSpan.Zero,
    };

    private void Finish(Move move)
    {
        switch (move)
        {
            case Move.FetchWeights { File: { Digest: { } digest } file }:
                var far = !file.Sources[0].IsNearby;
                if (far && (Weather.Offline || random.NextDouble() < Weather.FetchFails))
                {
                    var outcome = random.Next(4) == 0 ? FetchOutcome.Damaged : FetchOutcome.NoSource;
                    _signals.Add(new Signal.WeightsFetched(digest, file.Name, outcome, [new SourceFailure("Hugging Face", "it could not be used", Kind())]));
                }
                else if (file.Size > disk)
                {
                    _signals.Add(new Signal.WeightsFetched(digest, file.Name, FetchOutcome.NoSpace, [new SourceFailure("disk", "no room")]));
                }
                else
                {
                    _weights.Add(digest);
                    _signals.Add(new Signal.WeightsFetched(digest, file.Name, FetchOutcome.Done, []));
                }

                break;
            case Move.FetchEngine fetch:
                var fails = Weather.Offline || random.NextDouble() < Weather.FetchFails;
                _engine |= !fails;
                _signals.Add(new Signal.EngineFetched(fetch.Engine.Id, fetch.Build.Backend, fails ? FetchOutcome.NoSource : FetchOutcome.Done, fails ? [new SourceFailure("Debian", "it could not be used", Kind())] : []));
                break;
            case Move.ProbeInstance probe when _processes.Find(p => p.Id == probe.Id) is { State: InstanceState.Ready } asked:
                asked.Probe = asked.Garbles is not null || Babbling.Contains(probe.Model) ? new ProbeFact(0, 1, "wrong answer") { At = _boot, Garbled = asked.Garbles == true, InARow = (asked.Probe?.InARow ?? 0) + 1 } : new ProbeFact(1, 1, null) { At = _boot };
                _signals.Add(new Signal.Probed(probe.Id));
                break;
            case Move.MeasureInstance measure when _processes.Find(p => p.Id == measure.Id) is { State: InstanceState.Ready } timed:
                timed.Speed = new SpeedFact((timed.IsSlow ? 4 : 40) * (0.9 + (random.NextDouble() * 0.2)), _boot);
                _signals.Add(new Signal.Measured(timed.Spec!.Id, timed.Spec.Workload, timed.Speed));
                break;
            case Move.RelaunchDaemon:
                WantsRelaunch = true;
                break;
            case Move.RebootMachine:
                WantsReboot = random.Next(3) > 0;
                _signals.Add(new Signal.RebootAsked(WantsReboot ? null : "reboot: must be superuser"));
                break;
            case Move.VerifyWeights verify:
                _signals.Add(new Signal.Verified(verify.Subject, _weights.Contains(verify.Digest), "it was read"));
                break;
            case Move.VerifyBuild verify:
                _engine &= !_badBuild;
                _signals.Add(new Signal.Verified(verify.Subject, !_badBuild, "it was read"));
                if (_badBuild) _signals.Add(new Signal.ArtifactDamaged(verify.Subject, "a file has another content"));
                _badBuild = false;
                break;
            case Move.Sweep sweep:
                var before = _weights.Count;
                _weights.IntersectWith(sweep.Keep);
                _signals.Add(new Signal.Swept(ByteSize.MiB(before - _weights.Count)));
                break;
            case Move.StopInstance stop when _processes.Find(p => p.Id == stop.Id) is { } stuck && _boot < stuck.KillableAt:
                stuck.State = InstanceState.Lost;
                break;
            case Move.StopInstance stop when _processes.Find(p => p.Id == stop.Id) is { } ended:
                Exit(ended, 0, null, asked: true, []);
                _processes.Remove(ended);
                break;
        }
    }

    private FailureKind Kind() => (FailureKind)random.Next(Enum.GetValues<FailureKind>().Length);

    private bool Happens(double perSecond, TimeSpan step) => perSecond > 0 && random.NextDouble() < perSecond * step.TotalSeconds;

    internal sealed record Waiting(WorkloadName Workload, TimeSpan Since, TimeSpan Until);

    private sealed record Operation(Move Move, TimeSpan Due);

    internal sealed class Process(InstanceSpec? spec, InstanceId id, int pid, TimeSpan startedAt, TimeSpan readyAt)
    {
        public InstanceSpec? Spec { get; } = spec;

        public InstanceId Id { get; } = id;

        public int Pid { get; } = pid;

        public TimeSpan StartedAt { get; } = startedAt;

        public TimeSpan ReadyAt { get; } = readyAt;

        public InstanceState State { get; set; } = InstanceState.Starting;

        public bool Adopted { get; set; }

        public ProbeFact? Probe { get; set; }

        /// <summary>Requests that it works on, and when each is answered.</summary>
        public List<(TimeSpan Until, Waiting Request)> Works { get; } = [];

        public TimeSpan? UsedAt { get; set; }

        public TimeSpan? SinceReady { get; set; }

        /// <summary>Since when it makes no progress with what it has to do.</summary>
        public TimeSpan? StillSince { get; set; }

        public TimeSpan? StoppedSince { get; set; }

        /// <summary>A kill before this is of no effect.</summary>
        public TimeSpan KillableAt { get; set; }

        public TimeSpan Seen { get; set; }

        public bool IsSlow { get; set; }

        public TimeSpan? RefusedSince { get; set; }

        public TimeSpan? FailingSince { get; set; }

        public TimeSpan? UnreachableSince { get; set; }

        /// <summary>True when its answers are one character over and over, false when they are wrong otherwise.</summary>
        public bool? Garbles { get; set; }

        public SpeedFact? Speed { get; set; }

        public InstanceFact Fact => new()
        {
            Id = Id,
            Spec = State == InstanceState.Orphan ? default : Spec!.Id,
            Workload = Spec!.Workload,
            Model = Spec.Model,
            Pid = Pid,
            ModelPath = "/store/x",
            State = State,
            StartedAt = StartedAt,
            Adopted = Adopted,
            ReadyAt = SinceReady,
            Requests = Works.Count,
            UsedAt = UsedAt,
            Probe = Probe,
            Speed = Speed,
            Pulse = new Pulse { OwesSince = StillSince, ComputedAt = StillSince ?? Seen, MovedAt = StillSince ?? Seen, HasCounters = true, StoppedSince = StoppedSince, RefusedSince = RefusedSince, FailingSince = FailingSince, UnreachableSince = UnreachableSince },
        };
    }
}

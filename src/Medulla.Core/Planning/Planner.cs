using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Proposing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Planning;

/// <summary>
/// Target and observation → drift, and the moves and holds that cover it. Reads from top to bottom: what is in the way
/// goes first, then what is wanted is brought up, then what better could come is prepared.
/// </summary>
public sealed class Planner
{
    /// <summary>Requests in flight get this long when an instance is replaced.</summary>
    public static readonly TimeSpan Drain = TimeSpan.FromSeconds(60);

    /// <summary>Probes in a row that must fail before answers are believed to be wrong.</summary>
    public const int Sanity = 2;

    private static readonly TimeSpan SanityEvery = TimeSpan.FromMinutes(10);

    /// <summary>An instance that is never quiet is asked beside its requests when nobody has looked at its answers for so long.</summary>
    private static readonly TimeSpan SanityAtLast = TimeSpan.FromMinutes(20);

    private static readonly TimeSpan MeasureSoon = TimeSpan.FromSeconds(30);

    /// <summary>Memory of what was ended is waited for so long; where it is one pool with an accelerator's, until it is there.</summary>
    private static readonly TimeSpan MemoryWait = TimeSpan.FromSeconds(40);

    private static readonly TimeSpan MemoryLook = TimeSpan.FromMilliseconds(250);

    private readonly Situation _situation;
    private readonly Observation _world;
    private readonly Memory _memory;
    private readonly ImmutableArray<Drift>.Builder _drift = ImmutableArray.CreateBuilder<Drift>();
    private readonly Dictionary<string, Move> _moves = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Hold> _holds = new(StringComparer.Ordinal);
    private TimeSpan? _nextLook;
    private readonly HashSet<InstanceId> _closed = [];
    private readonly bool _takesTurns;

    private Planner(Situation situation)
    {
        _situation = situation;
        _world = situation.World;
        _memory = situation.Memory;
        _takesTurns = situation.TakesTurns;
    }

    /// <param name="advice">What the proposers said about each workload of the intent.</param>
    /// <returns>Also the boot time at which something that runs is to be looked at; null when nothing is.</returns>
    public static (Plan Plan, ImmutableArray<Drift> Drift, TimeSpan? NextLook) Draw(Situation situation, ImmutableArray<(Workload Workload, Advice Advice)> advice)
    {
        var planner = new Planner(situation);
        var wanted = planner.Wanted();
        planner.EndWhatIsNotWanted(wanted);
        planner.Verify();
        planner.MakeRoom(advice);
        planner.Unload();
        foreach (var spec in planner.ByTurn(wanted)) planner.BringUp(spec);
        foreach (var (workload, said) in advice) planner.Prepare(workload, said);
        planner.StartAnew();
        return (new Plan([.. planner._moves.Values], [.. planner._holds.Values]) { Closed = [.. planner._closed] }, planner._drift.ToImmutable(), planner._nextLook);
    }

    /// <summary>The targets, and the fallbacks of trials that fit beside their candidate. Fallbacks come first: they serve.</summary>
    private List<InstanceSpec> Wanted()
    {
        var wanted = new List<InstanceSpec>();
        foreach (var trial in _memory.Trials)
        {
            if (trial is { Beside: true, Fallback: { } fallback } && fallback.Id != trial.Candidate.Id) wanted.Add(fallback);
        }

        wanted.AddRange(_memory.Target.Instances);
        return wanted;
    }

    /// <summary>What stays loaded first, then who has waited longest.</summary>
    private IEnumerable<InstanceSpec> ByTurn(List<InstanceSpec> wanted) => _takesTurns ? wanted.OrderBy(w => WaitedFor(w) ?? TimeSpan.MaxValue) : wanted;

    /// <summary>Boot time from which an instance has been wanted in memory: always, for one that stays loaded. Null for one on demand that nobody asks for.</summary>
    private TimeSpan? WaitedFor(InstanceSpec spec)
    {
        if (!_situation.IsOnDemand(spec.Workload)) return TimeSpan.Zero;

        // A trial needs its proof: the candidate is loaded for it once.
        if (_memory.TrialOf(spec.Workload) is { } trial && trial.Candidate.Id == spec.Id) return trial.StartedAt;
        return _world.DemandOf(spec.Workload)?.Since;
    }

    /// <summary>What is on demand and was not asked for in a long time goes.</summary>
    private void Unload()
    {
        if (!_takesTurns) return;
        foreach (var spec in _memory.Target.Instances)
        {
            if (WaitedFor(spec) is not null || _world.Find(spec.Id) is not { State: InstanceState.Ready, Requests: 0 } fact) continue;
            var (subject, until) = (Subjects.Instance(fact.Id), Turns.LastUse(fact) + (_situation.Intent.Policy.UnloadAfter / _situation.Intent.Policy.Pace));
            if (_situation.Now < until)
            {
                Wait(subject, $"{spec.Workload} is on demand and idle; it is unloaded when nobody has asked for it for {_situation.Intent.Policy.UnloadAfter.TotalMinutes:0.#} min", until, "a request, or another's need of its memory");
                continue;
            }

            _drift.Add(new Drift(subject, $"{spec.Workload} is on demand and nobody asks for it"));
            Do(new Move.StopInstance(fact.Id, fact.Workload, fact.Pid, Drain) { Reason = $"nobody has asked for {spec.Workload} for {_situation.Intent.Policy.UnloadAfter.TotalMinutes:0.#} min; the next request loads it again" });
        }
    }

    private void EndWhatIsNotWanted(List<InstanceSpec> wanted)
    {
        var missing = wanted.Select(w => w.Id).ToHashSet();
        foreach (var fact in _world.Instances)
        {
            var subject = Subjects.Instance(fact.Id);
            if (fact.State == InstanceState.Lost)
            {
                _drift.Add(new Drift(subject, $"pid {fact.Pid} was killed and is still there"));
                Wait(subject, $"pid {fact.Pid} is in the kernel's hands; nothing can be done to it", null, "its exit, or a new start of the machine");
                continue;
            }

            if (_memory.RenewalOf(fact.Spec, fact.StartedAt) is { } renewal)
            {
                missing.Remove(fact.Spec);
                _drift.Add(new Drift(subject, $"pid {fact.Pid} is to be replaced"));
                Do(new Move.StopInstance(fact.Id, fact.Workload, fact.Pid, TimeSpan.Zero) { Reason = renewal.Reason, Kill = true });
                continue;
            }

            if (fact.State != InstanceState.Orphan && missing.Remove(fact.Spec)) continue;
            _drift.Add(new Drift(subject, $"pid {fact.Pid} runs and is not wanted"));
            Do(new Move.StopInstance(fact.Id, fact.Workload, fact.Pid, fact.State == InstanceState.Orphan ? TimeSpan.Zero : Drain) { Reason = WhyEnded(fact) });
        }
    }

    private void Verify()
    {
        foreach (var order in _memory.Orders.Where(o => o.Kind == OrderKind.Verify))
        {
            Move? move = _world.Weights.FirstOrDefault(w => Subjects.Weights(w.Digest) == order.Subject) is { } weights
                ? new Move.VerifyWeights(weights.Digest, Path.GetFileName(weights.Path)) { Reason = order.Reason }
                : _world.Engines.FirstOrDefault(e => Subjects.Build(e.Build) == order.Subject) is { } engine ? new Move.VerifyBuild(engine.Build) { Reason = order.Reason } : null;
            if (move is null) continue;
            _drift.Add(new Drift(order.Subject, $"{order.Subject} is to be read again"));
            Do(move);
        }
    }

    /// <summary>What runs, what it falls back to, what is on trial and what is being prepared stays.</summary>
    private void MakeRoom(ImmutableArray<(Workload Workload, Advice Advice)> advice)
    {
        if (_memory.Orders.FirstOrDefault(o => o.Kind == OrderKind.Sweep) is not { } order) return;
        var kept = _memory.Target.Instances.Concat(_memory.Good.Instances).Concat(_memory.Trials.Select(t => t.Candidate))
            .Concat(advice.SelectMany(a => new[] { a.Advice.Preparing, a.Advice.Ready }).OfType<Proposal>().Select(p => p.Candidate.Spec)).ToList();
        _drift.Add(new Drift(Subjects.Store, "there is too little room"));
        Do(new Move.Sweep([.. kept.SelectMany(i => i.Files).Select(f => f.Digest).Distinct()], [.. kept.Select(i => i.Engine.Digest).Distinct()]) { Reason = order.Reason });
    }

    /// <summary>Law 9: the last healthy instance of a workload is never stopped without a stated reason.</summary>
    private string WhyEnded(InstanceFact fact)
    {
        if (fact.State == InstanceState.Orphan) return "it was started by an earlier run and cannot be adopted";
        if (_situation.Intent.Find(fact.Workload) is null) return $"the intent no longer has {fact.Workload}";
        if (_memory.TrialOf(fact.Workload) is { } trial && trial.Fallback?.Id == fact.Spec) return $"it makes room for the trial of {trial.Candidate.Model}";
        if (_memory.Target.For(fact.Workload) is not { } target) return $"{fact.Workload} has no target any more";
        return target.Id == fact.Spec ? "it runs twice" : $"{target.Model} serves {fact.Workload} now";
    }

    private void BringUp(InstanceSpec spec)
    {
        var subject = Subjects.Spec(spec.Workload, spec.Id);
        switch (_world.Find(spec.Id))
        {
            case null when WaitedFor(spec) is null:
                _drift.Add(new Drift(subject, $"{spec} is not loaded"));
                Wait(subject, BringHere(spec) ?? $"{spec.Workload} is on demand and not loaded: nobody asks for it", null, $"a request for {spec.Workload}");
                break;
            case null:
                _drift.Add(new Drift(subject, $"{spec} does not run"));
                Start(spec, subject);
                break;
            case { State: InstanceState.Starting } starting:
                _drift.Add(new Drift(subject, $"{spec} is not ready yet"));
                AwaitReady(spec, subject, starting);
                break;
            case { State: InstanceState.Stopping } stopping:
                _drift.Add(new Drift(subject, $"{spec} is being stopped"));
                Wait(subject, $"pid {stopping.Pid} is ending; its successor starts when it is gone", null, "its exit");
                break;
            case { State: InstanceState.Ready } ready when _memory.TrialOf(spec.Workload) is { } trial && trial.Candidate.Id == spec.Id:
                _drift.Add(new Drift(subject, $"{spec} is on trial"));
                Prove(subject, ready, trial);
                break;
            default:
                if (BringHere(spec) is { } lacking)
                {
                    _drift.Add(new Drift(subject, lacking));
                    Wait(subject, $"{lacking}; {spec.Model} goes on with what it has loaded", null, "its artifacts are here");
                }

                KeepSane(spec, _world.Find(spec.Id)!);
                Measure(spec, _world.Find(spec.Id)!);
                break;
        }
    }

    /// <summary>An instance is asked its golden prompts now and then, in a quiet moment if it has one; an answer that is wrong is asked for once more before anything is believed of it.</summary>
    private void KeepSane(InstanceSpec spec, InstanceFact fact)
    {
        if (fact.State != InstanceState.Ready || spec.Golden.IsEmpty) return;
        var doubted = fact.Probe is { IsGood: false, InARow: < Sanity };
        if (!doubted && !IsDue(fact.Probe?.At ?? fact.StartedAt, fact.Requests > 0 ? SanityAtLast : SanityEvery)) return;
        _drift.Add(new Drift(Subjects.Instance(fact.Id), doubted ? $"{spec.Model} answered a golden prompt wrongly" : $"{spec.Model} has not been asked its golden prompts for long"));

        // One of them in turn is enough for a look, and all of them for a doubt: on a slow box each costs seconds.
        var golden = doubted ? spec.Golden : [spec.Golden[(int)(_situation.Now.TotalMinutes % spec.Golden.Length)]];
        Do(new Move.ProbeInstance(fact.Id, spec.Model, spec.Task, golden) { Sees = spec.Projector is not null, Reason = doubted ? "one wrong answer is not believed" : "answers are looked at now and then" });
    }

    /// <summary>
    /// The device measures itself while nothing else is to be done: soon after a start until there is a baseline, then now and then, and at once
    /// again when it was slow. What others do to the processors meanwhile says nothing about the engine.
    /// </summary>
    private void Measure(InstanceSpec spec, InstanceFact fact)
    {
        if (fact.State != InstanceState.Ready || _situation.Intent.Find(spec.Workload)?.Task is not WorkloadTask.Chat || _world.Instances.Any(i => i.Requests > 0)) return;
        var own = _memory.SpeedOf(spec.Id);
        var every = own is { IsBaseline: true, LowInARow: 0 or >= OwnSpeed.Believed } ? SanityEvery : MeasureSoon;
        if (!IsDue(fact.Speed?.At ?? fact.StartedAt, every)) return;
        var subject = Subjects.Instance(fact.Id);
        if (_moves.ContainsKey(subject)) return;
        _drift.Add(new Drift(subject, $"the speed of {spec.Model} has not been measured for long"));
        if (_world.Host is { IsContended: true }) Wait(subject, "others have the processors: a speed that is measured now says nothing about the engine", null, "a quiet moment");
        else Do(Measuring(spec, fact, own is { LowInARow: > 0 } ? "one low speed is not believed" : "speeds are looked at now and then"));
    }

    /// <summary>True when so much time has passed since; else the loop looks again when it has.</summary>
    private bool IsDue(TimeSpan last, TimeSpan every)
    {
        var due = last + (every / _situation.Intent.Policy.Pace);
        if (_situation.Now >= due) return true;
        if (!(_nextLook < due)) _nextLook = due;
        return false;
    }

    /// <summary>A second's work, as far as is known.</summary>
    private static Move.MeasureInstance Measuring(InstanceSpec spec, InstanceFact fact, string reason) =>
        new(fact.Id, spec.Model, (int)Math.Clamp(spec.ExpectedTokensPerS ?? 32, 8, 48)) { Reason = reason };

    private void Start(InstanceSpec spec, string subject)
    {
        if (BringHere(spec) is { } lacking)
        {
            Wait(subject, lacking, null, "its artifacts are here");
            return;
        }

        if (spec.Files.Any(f => _memory.IsToBeVerified(Subjects.Weights(f.Digest))) || _memory.IsToBeVerified(Subjects.Build(spec.Engine)))
        {
            Wait(subject, $"the files of {spec.Model} and its engine are read again before they are used", null, "the end of the reading");
            return;
        }

        if (_memory.CrashOf(spec.Id) is { } crash && _situation.Now < crash.NotBefore)
        {
            Wait(subject, $"{spec.Model} ended {crash.Short} times in a row soon after its start; it is started again after a back-off", crash.NotBefore, "the back-off's end");
            return;
        }

        if (InTheWay(spec) is { } other)
        {
            Wait(subject, $"pid {other.Pid} must be gone first: {(other.State switch { InstanceState.Orphan => "it is left from an earlier run", InstanceState.Lost => "it cannot be killed and holds the memory or the device", _ => "its memory is needed" })}", null, "its exit");
            return;
        }

        if (_takesTurns && !HasRoom(spec, subject)) return;
        var engine = _situation.FindEngine(spec.Engine)!;
        var binary = _situation.Catalog.FindEngine(spec.Engine.Engine)?.Binary ?? "llama-server";
        Do(new Move.StartInstance(spec, engine.Folder, binary, PathOf(spec.Weights))
        {
            ProjectorPath = spec.Projector is { } projector ? PathOf(projector) : null,
            Reason = $"{spec.Workload} is to be served by {spec.Model} and it does not run",
        });

        string PathOf(Weights file) => _world.Weights.First(w => w.Digest == file.Digest).Path;
    }

    /// <summary>Makes room where others are on demand and idle; false while there is none, with the reason.</summary>
    private bool HasRoom(InstanceSpec spec, string subject)
    {
        var onDemand = _situation.IsOnDemand(spec.Workload);
        var since = WaitedFor(spec)!.Value;
        List<Holder> staying = [], going = [];
        foreach (var fact in _world.Instances)
        {
            if (_memory.Find(fact.Spec) is not { } held || held.Id == spec.Id) continue;
            var ends = fact.State == InstanceState.Stopping || _moves.GetValueOrDefault(Subjects.Instance(fact.Id)) is Move.StopInstance;
            (ends ? going : staying).Add(new Holder(held, fact));
        }

        // What is started in this tick, and what stays loaded and is not up yet, has its room already.
        staying.AddRange(_moves.Values.OfType<Move.StartInstance>().Select(m => new Holder(m.Spec, null)));
        staying.AddRange(_memory.Target.Instances
            .Where(t => t.Id != spec.Id && !_situation.IsOnDemand(t.Workload) && staying.TrueForAll(s => s.Spec.Id != t.Id))
            .Select(t => new Holder(t, null)).ToList());
        var room = Turns.For(_situation, spec, since, staying);
        if (room.Waits is { } waits)
        {
            _closed.UnionWith(room.Closed);
            Wait(subject, waits.Reason, waits.Until, waits.Event);
            return false;
        }

        foreach (var fact in room.Going)
        {
            var reason = $"{fact.Workload} is on demand and idle, and {spec.Workload} {(onDemand ? "is asked for" : "stays loaded")}: {spec.Model} needs its memory";
            _drift.Add(new Drift(Subjects.Instance(fact.Id), $"{fact.Model} makes room for {spec.Model}"));
            _moves[Subjects.Instance(fact.Id)] = new Move.StopInstance(fact.Id, fact.Workload, fact.Pid, Drain) { Reason = reason };
            going.Add(new Holder(_memory.Find(fact.Spec)!, fact));
        }

        var there = staying.Concat(going).DistinctBy(h => (h.Spec.Id, h.Fact?.Id)).Select(h => h.Spec);
        if (going.Count > 0 && !Budget.Holds(_situation.Machine, _situation.Intent.Policy, PoolUse.Of(there).With(spec)))
        {
            Wait(subject, $"pid {going[0].Fact!.Pid} must be gone first: its memory is needed", null, "its exit");
            return false;
        }

        if (onDemand && _world.MemoryAvailable is { } available && spec.Memory > available && (Budget.IsUnified(_situation.Machine) || _situation.Now - since < MemoryWait))
        {
            Wait(subject, $"{spec.Model} needs {spec.Memory} of memory, and {available} are free now", _situation.Now + MemoryLook, "its return");
            return false;
        }

        return true;
    }

    /// <summary>Fetches what is missing; null when nothing is.</summary>
    private string? BringHere(InstanceSpec spec)
    {
        if (_situation.FindEngine(spec.Engine) is null)
        {
            if (_situation.Substitute(spec.Engine) is null && Source(spec.Engine) is { } need) Fetch(need, $"{spec.Workload} needs {spec.Engine}");
            return $"{spec.Engine} is not on this device";
        }

        if (spec.Files.FirstOrDefault(f => !_world.Has(f.Digest)) is not { } lacking) return null;
        var files = _situation.Catalog.FindModel(spec.Model)?.Files ?? [];
        if (files.Concat(files.Select(f => f.Projector)).FirstOrDefault(f => f?.Digest == lacking.Digest) is { } file) Fetch(new Need.Weights(spec.Model, file), $"{spec.Workload} needs {spec.Model}");
        return $"{lacking.Name} is not on this device";
    }

    /// <summary>What would bring a build of this kind; null when the catalog has none any more.</summary>
    private Need.Engine? Source(EngineBuild build)
    {
        var engine = _situation.Catalog.FindEngine(build.Engine);
        return engine?.Builds.FirstOrDefault(b => b.Backend == build.Backend) is { } entry ? new Need.Engine(engine, entry) : null;
    }

    /// <summary>True when it cannot start beside a process that cannot be killed: that may hold its accelerator still, and its memory for certain.</summary>
    public static bool IsHeldUp(InstanceSpec spec, Observation world) => spec.Settings.Accelerator >= 0 || spec.Memory > world.MemoryAvailable;

    /// <summary>An orphan, or an instance of this workload that must be gone before this one starts.</summary>
    private InstanceFact? InTheWay(InstanceSpec spec)
    {
        var trial = _memory.TrialOf(spec.Workload);
        foreach (var fact in _world.Instances)
        {
            if (fact.State == InstanceState.Orphan) return fact;
            if (fact.State == InstanceState.Lost)
            {
                if (IsHeldUp(spec, _world)) return fact;
                continue;
            }

            if (fact.Workload != spec.Workload || fact.Spec == spec.Id) continue;
            var besides = trial is { Beside: true } && (fact.Spec == trial.Candidate.Id || fact.Spec == trial.Fallback?.Id);
            var room = _world.MemoryAvailable is not { } available || spec.Memory <= available;
            if (!besides && !(trial is null && room)) return fact;
        }

        return null;
    }

    private void AwaitReady(InstanceSpec spec, string subject, InstanceFact starting)
    {
        var limit = (starting.WatchedAt ?? starting.StartedAt) + Judge.Allowance(spec);
        if (_situation.Now < limit)
        {
            Wait(subject, $"{spec.Model} is loading (pid {starting.Pid})", limit, "its first token");
            return;
        }

        _drift.Add(new Drift(Subjects.Instance(starting.Id), $"pid {starting.Pid} gave no token in time"));
        Do(new Move.StopInstance(starting.Id, spec.Workload, starting.Pid, TimeSpan.Zero) { Reason = $"it gave no token within {Judge.Allowance(spec).TotalSeconds:0} s" });
        Wait(subject, $"pid {starting.Pid} did not become ready and is being ended", null, "its exit");
    }

    private void Prove(string subject, InstanceFact ready, Trial trial)
    {
        if (ready.Probe is null || (ready.Probe is { IsGood: false, NoAnswer: true } probe && probe.InARow < Judge.ProbeTries))
        {
            _drift.Add(new Drift(Subjects.Instance(ready.Id), $"{trial.Candidate.Model} has given no proof yet"));
            Do(new Move.ProbeInstance(ready.Id, trial.Candidate.Model, trial.Candidate.Task, trial.Candidate.Golden) { Sees = trial.Candidate.Projector is not null, Reason = $"the trial of {trial.Candidate.Model} needs proof" });
            Wait(subject, $"{trial.Candidate.Model} is being asked its golden prompts", trial.Deadline, "its answers");
        }
        else
        {
            if (trial.MustReach is not null && ready.Speed?.TokensPerS is null && !(_situation.Now - ready.Speed?.At < Judge.Watch)) Do(Measuring(trial.Candidate, ready, "the repair owes a speed"));
            Wait(subject, $"{trial.Candidate.Model} gave its proof and is watched", (trial.ProvedAt ?? _situation.Now) + Judge.Watch, "the end of the watch");
        }
    }

    private void Prepare(Workload workload, Advice advice)
    {
        var subject = Subjects.Workload(workload.Name);
        if (advice.Preparing is { } proposal)
        {
            _drift.Add(new Drift(subject, proposal.Reason));
            foreach (var need in proposal.Needs) Fetch(need, proposal.Reason);
            Wait(subject, $"{proposal.Reason}; it is being prepared", null, "its artifacts are here");
        }

        if (advice.Withheld is { } withheld)
        {
            _drift.Add(new Drift(subject, withheld.Reason));
            Wait(subject, withheld.Reason, withheld.Until, withheld.Event);
        }
        else if (advice.Preparing is null && _memory.Target.For(workload.Name) is null)
        {
            _drift.Add(new Drift(subject, $"{workload.Name} has no target"));
            Wait(subject, $"{workload.Name} has no target yet", null, "a proposal");
        }
    }

    /// <summary>The daemon, or the machine: what is in flight there has its time first, but not for ever.</summary>
    private void StartAnew()
    {
        foreach (var order in _memory.Orders.Where(o => o.Kind is OrderKind.Relaunch or OrderKind.Reboot))
        {
            Move move = order.Kind == OrderKind.Relaunch ? new Move.RelaunchDaemon { Reason = order.Reason } : new Move.RebootMachine { Reason = order.Reason };
            _drift.Add(new Drift(move.Subject, $"{move.Title}: {order.Reason}"));
            if (_world.Instances.Any(i => i.Requests > 0) && _situation.Now < order.At + Drain) Wait(move.Subject, "requests are in flight", order.At + Drain, "a moment without requests");
            else Do(move);
        }
    }

    private void Fetch(Need need, string reason)
    {
        _drift.Add(new Drift(need.Subject, $"{need.Subject} is not on this device"));
        if (_memory.FetchOf(need.Subject) is { } record && _situation.Now < record.NotBefore)
        {
            Wait(need.Subject, $"the last fetch failed ({record.Reason})", record.NotBefore, "the next try");
            return;
        }

        Do(need switch
        {
            Need.Weights weights => new Move.FetchWeights(weights.Model, weights.File) { Reason = reason },
            Need.Engine engine => new Move.FetchEngine(engine.Entry, engine.Build) { Reason = reason },
            _ => throw new InvalidOperationException($"no move fetches {need}"),
        });
    }

    private void Do(Move move) => _moves.TryAdd(move.Subject, move);

    private void Wait(string subject, string reason, TimeSpan? until, string ends) => _holds.TryAdd(subject, new Hold(subject, reason, until, ends));
}

using System.Collections.Concurrent;
using System.Text.Json;
using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using Medulla.Core.Wire;
using Medulla.Loop;

namespace Medulla.Tests.Simulation;

/// <summary>
/// One seed: an hour or more of bad weather with the real <see cref="Reconciler"/>, then calm, at the end of which the
/// device must serve the best it can. The disk drops what was not synced: a memory is durable only when its write ended.
/// </summary>
internal sealed class SimRun
{
    private readonly Random _random;
    private readonly SimWorld _world;
    private readonly Machine _machine;
    private readonly List<string> _story = [];
    private Intent _intent;
    private Reconciler _loop;
    private Decision? _last;
    private byte[] _disk = [];
    private bool _powerFailsInWrite;
    private Memory _kept = Memory.Empty;

    public SimRun(int seed)
    {
        _random = new Random(seed);
        var gib = _random.Next(1, 24);
        _machine = Shelf.Machine(gib);
        _world = new SimWorld(_random, ByteSize.GiB(gib), ByteSize.GiB(_random.Next(1, 60)));
        _world.Refused.Add(Shelf.Strange.Id);
        _world.Babbling.Add(Shelf.Babbler.Id);
        if (_random.Next(3) == 0) _world.Ceiling[Shelf.Huge.Id] = ByteSize.GiB(4 + (_random.NextDouble() * 6));
        _intent = Wish();
        _loop = Daemon(Memory.Empty);
        _world.Carrying = DurableFirst;
    }

    /// <summary>Conditions that any device has met.</summary>
    public static ConcurrentDictionary<string, byte> Met { get; } = new(StringComparer.Ordinal);

    /// <summary>What happened, newest last: printed with a failing seed.</summary>
    public IEnumerable<string> Story => _story.TakeLast(60);

    public void Play()
    {
        Storm();
        Calm();
        Alone();
    }

    private void Storm()
    {
        var weathers = new[]
        {
            new Weather { Crash = 0.002, FetchFails = 0.3, Damage = 0.0005, ClockJump = 0.001 },
            new Weather { Kill = 0.02, FetchFails = 0.1 },
            new Weather { Crash = 0.1, SpawnFails = 0.1 },
            new Weather { Offline = true, Kill = 0.001 },
            new Weather { Hang = 0.01, Freeze = 0.005, Unkillable = 0.3, ClockJump = 0.001 },
            new Weather { Shortage = 0.02, Trouble = 0.02 },
            new Weather { Slow = 0.003, Locked = 0.003, Trouble = 0.005 },
            new Weather { BadBuild = 0.005, Crash = 0.01, FetchFails = 0.3, Trouble = 0.01 },
            new Weather { Offline = true, Hang = 0.02, Unkillable = 0.1, Shortage = 0.01, Crash = 0.01 },
            new Weather { SpawnFails = 0.3, FetchFails = 0.6, Damage = 0.002 },
            new Weather { Kill = 0.005, Lost = 0.3, Unwritable = 0.3 },
            new Weather { Words = 0.01, Kill = 0.005 },
            new Weather { Words = 0.01, Trouble = 0.02, FetchFails = 0.3 },
            new Weather { Deaf = 0.01, Garbled = 0.02, Words = 0.002 },
            new Weather { Trouble = 0.05 },
            new Weather { Asks = 0.3 },
            new Weather { Asks = 0.1, Kill = 0.01, Hang = 0.002 },
            Weather.Calm,
        };
        for (var spell = 0; spell < 12; spell++)
        {
            _world.Weather = weathers[_random.Next(weathers.Length)];
            var until = _world.Now.Boot + TimeSpan.FromSeconds(_random.Next(20, 600));
            var boot = _world.Now.BootId;
            while (_world.Now.Boot < until && _world.Now.BootId == boot) Step();
            switch (_random.Next(8))
            {
                case 0:
                    _intent = Wish();
                    _story.Add($"intent: {string.Join(", ", _intent.Workloads.Select(w => w.Name))}");
                    _world.DaemonDies();
                    _loop = Daemon(Durable());
                    break;
                case 1:
                    _story.Add("daemon killed");
                    _world.DaemonDies();
                    _loop = Daemon(Durable());
                    break;
                case 2:
                    PowerCut();
                    break;
                case 3:
                    _powerFailsInWrite = true;
                    break;
            }
        }
    }

    /// <summary>Two hours and a day without faults: long enough for every back-off and every lesson to end.</summary>
    private void Calm()
    {
        _world.Weather = Weather.Calm;
        _world.Mend();
        _powerFailsInWrite = false;
        _story.Add("calm");
        var until = _world.Now.Boot + TimeSpan.FromHours(24);
        while (_world.Now.Boot < until) Step();

        // The workloads that share a memory are asked as if they did not: each has its turn.
        _world.Weather = Weather.Calm with { Asks = 0.05 };
        until += TimeSpan.FromMinutes(15);
        var (from, served) = (_world.Now.Boot, _last!.Routes.Where(r => r.IsServed).Select(r => r.Workload).ToList());
        while (_world.Now.Boot < until)
        {
            Step();
            foreach (var workload in served.Where(_world.Asked.Contains))
            {
                var turn = _world.AnsweredAt.GetValueOrDefault(workload);
                if (_world.Now.Boot - (turn > from ? turn : from) > TimeSpan.FromMinutes(5)) throw new LawBrokenException(0, $"{workload} had no turn for five minutes: {_world.TurnedAway?.Reason}; {string.Join("; ", _last.Plan.Holds.Select(h => h.Reason))}");
            }
        }

        _world.Weather = Weather.Calm with { Asks = 0 };
        until += TimeSpan.FromHours(1);
        while (_world.Now.Boot < until) Step();
        var last = _last!;
        foreach (var workload in _intent.Workloads)
        {
            var route = last.Routes.First(r => r.Workload == workload.Name);
            if (!route.IsServed && ((_loop.Memory.Target.For(workload.Name) is { } target && target.Quality >= workload.FloorQuality && target.Context >= workload.FloorContext) || CouldServeAlone(workload))) throw new LawBrokenException(0, $"{workload.Name} is not served after a day of calm on {_machine.Memory.Total}: {route.Reason}; {string.Join("; ", last.Plan.Holds.Select(h => h.Reason))}");
        }

        foreach (var turn in _loop.Memory.Target.Instances.Where(t => t.Residency == Residency.OnDemand))
        {
            if (_loop.Memory.TrialOf(turn.Workload) is null && _world.Processes.Any(p => p.Spec?.Id == turn.Id)) throw new LawBrokenException(0, $"{turn.Workload} is on demand and loaded, and nobody has asked for it for an hour");
        }

        if (_loop.Memory.Trials.IsEmpty && last.Plan.Moves.IsEmpty && !last.Settled) throw new LawBrokenException(0, "nothing is under way, and it is not settled");
        EverybodyIsAnswered();
        last = _last!;
        BestServes();
        if (last.Plan.Moves.Any(m => m is Core.Planning.Move.StopInstance)) throw new LawBrokenException(0, "something is still being stopped after a day of calm");
        if (_world.Processes.Any(p => p.State == InstanceState.Orphan)) throw new LawBrokenException(0, "an orphan is left");
        if (_loop.Memory.Target.Instances.Any(i => i.Model == Shelf.Strange.Id || i.Model == Shelf.Babbler.Id) && _loop.Memory.Trials.IsEmpty) throw new LawBrokenException(0, "a refuted model is the target");
        var seen = _world.Read();
        var again = Decide.Next(_intent, Shelf.Catalog, _machine, _loop.Memory, seen);
        if (seen.Signals.IsEmpty && !ReferenceEquals(again.Memory, _loop.Memory) && _loop.Memory.Trials.IsEmpty) throw new LawBrokenException(4, "a quiet tick changes the memory");
    }

    /// <summary>Who asks is answered, loaded or not, and whoever asked before.</summary>
    private void EverybodyIsAnswered()
    {
        foreach (var route in _last!.Routes.Where(r => r.IsServed).Concat(_last.Routes.Where(r => r.IsServed)).ToList())
        {
            var answered = _world.Answered;
            _world.Ask(route.Workload);
            var until = _world.Now.Boot + TimeSpan.FromMinutes(3);
            while (_world.Answered == answered && _world.Now.Boot < until) Step();
            if (_world.Answered == answered) throw new LawBrokenException(0, $"nobody answered for {route.Workload} in calm weather: {_world.TurnedAway?.Reason}");
        }
    }

    /// <summary>Law 12: after a power cut, with every source outside dead and the clock wrong, the device serves what it served before.</summary>
    private void Alone()
    {
        var served = _last!.Routes.Where(r => r.IsServed).Select(r => r.Workload).ToList();
        _world.Weather = new Weather { Offline = true, Asks = 0 };
        PowerCut();
        var until = _world.Now.Boot + TimeSpan.FromMinutes(2);
        while (_world.Now.Boot < until) Step();
        foreach (var workload in served)
        {
            if (!_last.Routes.First(r => r.Workload == workload).IsServed) throw new LawBrokenException(12, $"{workload} is not served two minutes after a power cut without a network");
        }
    }

    /// <summary>Law 5: what is carried out follows from a memory that is on the disk.</summary>
    private void DurableFirst(Core.Planning.Plan plan)
    {
        if (!ReferenceEquals(_loop.Memory, _kept)) throw new LawBrokenException(5, $"{plan.Moves.Length} moves are carried out of a memory that is not on the disk");
    }

    /// <summary>A day is enough to have climbed as far as memory and disk allow.</summary>
    private void BestServes()
    {
        if (_intent.Workloads is not [{ Model: null } workload] || _loop.Memory.Target.For(workload.Name) is not { } target) return;
        var known = Known(target.Engine);
        var best = Serving(workload, known).First();
        if (target.Merit + Merit.Noticeable <= best.Spec.Merit) throw new LawBrokenException(0, $"{target.Model} serves after a day of calm, and {best.Model.Id} would fit");
    }

    /// <summary>Nobody is refused for the others' sake.</summary>
    private bool CouldServeAlone(Workload workload) => Serving(workload, Known()).Any();

    private IEnumerable<Candidate> Serving(Workload workload, Knowing known) => Resolver.Resolve(workload, known, PoolUse.None).Candidates
        .Where(c => c.Model.Id != Shelf.Strange.Id && c.Model.Id != Shelf.Babbler.Id && !_world.Slandered.Contains(c.Model.Id) && c.File.Size <= _world.Disk)
        .Where(c => !_world.Ceiling.TryGetValue(c.Model.Id, out var ceiling) || c.Spec.Memory <= ceiling);

    private Knowing Known(params EngineBuild[] builds) => new() { Policy = _intent.Policy, IsDefault = _intent.IsDefault, Machine = _machine, Catalog = Shelf.Catalog, Builds = [.. builds] };

    private void Step()
    {
        var before = _loop.Memory;
        try
        {
            _last = _loop.Tick();
        }
        catch (PowerCutException)
        {
            PowerCut();
            return;
        }

        foreach (var incident in _last.Memory.Incidents) Met.TryAdd(incident.Code, 0);
        foreach (var note in _last.Notes) _story.Add($"{_world.Now.Boot.TotalSeconds:0.0} {note.Kind} {note.Subject}: {note.Text}");
        Laws.Hold(_intent, before, _world.Seen!, _last);
        Laws.Turns(_intent, _machine, _world.Seen!, _last);
        _world.Serve(_last.Routes);
        if (_world.WantsReboot)
        {
            _world.WantsReboot = false;
            PowerCut();
        }

        if (_world.WantsRelaunch)
        {
            _world.WantsRelaunch = false;
            _story.Add("daemon begins anew");
            _world.DaemonDies();
            _loop = Daemon(Durable());
        }

        var next = new[] { _world.NextDue(), _last.NextLook }.Where(t => t > _world.Now.Boot).Min() ?? _world.Now.Boot + TimeSpan.FromMinutes(5);
        var step = next - _world.Now.Boot;
        var most = _world.Weather == Weather.Calm ? TimeSpan.FromMinutes(5) : TimeSpan.FromSeconds(1 + (_random.NextDouble() * 4));
        _world.Advance(step < most ? step : most);
    }

    private void PowerCut()
    {
        _story.Add("power cut");
        _world.PowerFails();
        _loop = Daemon(Durable());
    }

    private Memory Durable() => _disk.Length == 0 ? Memory.Empty : JsonSerializer.Deserialize(_disk, CoreJson.Default.Memory)!;

    private Reconciler Daemon(Memory memory)
    {
        _kept = memory;
        _world.Launched();
        _world.Asked = _intent.Workloads.Length > 1 ? [.. _intent.Workloads.Select(w => w.Name)] : [];
        return new Reconciler(_world, _intent, Shelf.Catalog, _machine, memory, Remember, Tell, _ => { });
    }

    /// <summary>Law 10: a report that fails now and then changes nothing.</summary>
    private void Tell(Observation seen, Decision then)
    {
        if (seen.Signals.Length > 3) throw new IOException("the journal's disk is full");
    }

    /// <summary>A write that fails, or with a power cut before it, after it, or not at all.</summary>
    private bool Remember(Memory memory)
    {
        if (_random.NextDouble() < _world.Weather.Unwritable) return false;
        var cut = _powerFailsInWrite && _random.Next(3) == 0;
        _powerFailsInWrite &= !cut;
        if (cut && _random.Next(2) == 0) throw new PowerCutException();
        _disk = JsonSerializer.SerializeToUtf8Bytes(memory, CoreJson.Default.Memory);
        _kept = memory;
        if (cut) throw new PowerCutException();
        return true;
    }

    private Intent Wish() => Wanted() with { Policy = new Policy { Reboot = _random.Next(2) == 0 } };

    private Intent Wanted() => _random.Next(10) switch
    {
        0 => Shelf.Chat(new Workload { Name = new("chat"), Task = WorkloadTask.Chat, Context = 4096, Model = Shelf.Medium.Id }),
        1 => Shelf.Chat(
            new Workload { Name = new("chat"), Task = WorkloadTask.Chat, Model = Shelf.Small.Id },
            new Workload { Name = new("code"), Task = WorkloadTask.Chat, Context = 16384, Concurrency = 2, FloorQuality = 25 }),
        2 => Shelf.Chat(new Workload { Name = new("chat"), Task = WorkloadTask.Chat, Context = 2048, Concurrency = 1, Model = Shelf.Small.Id }),
        3 => Shelf.Chat(Pinned("code", Shelf.Huge), Pinned("chat", Shelf.Large)),
        4 => Shelf.Chat(Pinned("chat", Shelf.Medium), Pinned("code", Shelf.Huge), Pinned("docs", Shelf.Large), Pinned("mail", Shelf.Large)),
        5 => Shelf.Chat(Pinned("chat", Shelf.Large), Pinned("code", Shelf.Small) with { Residency = Residency.OnDemand }, Pinned("docs", Shelf.Medium) with { Residency = Residency.OnDemand }),
        6 => Shelf.Chat(new Workload { Name = new("chat"), Task = WorkloadTask.Chat, FloorQuality = 25 }, new Workload { Name = new("code"), Task = WorkloadTask.Chat, FloorQuality = 40, FloorContext = 8192 }),
        _ => Shelf.Chat(),
    };

    /// <summary>It takes much: all of its context, or nothing.</summary>
    private static Workload Pinned(string name, Core.Knowledge.ModelEntry model) =>
        new() { Name = new(name), Task = WorkloadTask.Chat, Model = model.Id, Context = 32768, FloorContext = model.Placeholder ? 0 : 32768, Concurrency = 1 };

    private sealed class PowerCutException : Exception;
}

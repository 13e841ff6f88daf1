using Medulla.Core.Blueprints;
using Medulla.Core.Incidents;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Proposing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Deciding;

/// <summary>Takes what happened into the memory: crash counts, fetch back-offs, incidents, how far remedies were climbed. Decides nothing.</summary>
internal static class Absorb
{
    private const string Host = "host";

    /// <summary>How many times slower than predicted it is at least where the processor computes for an accelerator.</summary>
    private const double Fallback = 5;

    /// <summary>So long most of the files that the daemon may open are open before it is started anew.</summary>
    private static readonly TimeSpan Leak = TimeSpan.FromMinutes(3);

    /// <summary>So long a process that cannot be killed is waited for, and so long a new start of the machine is wanted before it is done: what heals meanwhile needs none.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>New starts of the machine within a day that nobody asked for, and that are not taken for chance any more.</summary>
    private const int Reboots = 3;

    /// <summary>Troubles of an instance on demand are over when it has not been loaded for so long since.</summary>
    private static readonly TimeSpan AtRest = TimeSpan.FromMinutes(5);

    public static Memory Signals(Memory memory, Catalog catalog, Observation world, List<Note> notes)
    {
        foreach (var signal in world.Signals)
        {
            memory = signal switch
            {
                Signal.InstanceExited exit => Exited(memory, catalog, exit, world.Now, notes),
                Signal.InstanceReady ready => Ready(memory, catalog, ready, world.Now, notes),
                Signal.StartFailed failed => StartFailed(memory, failed, world.Now, notes),
                Signal.WeightsFetched fetched => Fetched(memory, Subjects.Weights(fetched.Digest), fetched.Name, fetched.Outcome, fetched.Failures, world.Now, notes),
                Signal.EngineFetched fetched => Fetched(memory, Subjects.Engine(fetched.Engine, fetched.Backend), fetched.Engine.Value, fetched.Outcome, fetched.Failures, world.Now, notes),
                Signal.ArtifactDamaged damaged => Damaged(memory, damaged, world.Now, notes),
                Signal.StateDamaged damaged => StateDamaged(memory, damaged, world.Now, notes),
                Signal.Launched => memory with { Orders = memory.Orders.RemoveAll(o => o.Kind == OrderKind.Relaunch) },
                Signal.RebootAsked asked => RebootAsked(memory, asked, world.Now, notes),
                Signal.Swept swept => Swept(memory, swept, world.Now, notes),
                Signal.Verified verified => Verified(memory, verified, notes),
                Signal.RequestRefused refused => See(memory, Conditions.RequestOfDeath, Subjects.Workload(refused.Workload), $"{refused.Deaths} engines died while one and the same request was at work in them; it is refused for an hour", world.Now, notes),
                Signal.Measured measured => Measured(memory, measured, world.Now, notes),
                Signal.HostEvent happened => HostEvent(memory, happened, world.Now, notes),
                _ => memory,
            };
        }

        return memory;
    }

    /// <summary>The first sight of an intent, or of another content. Workloads that are gone leave the target: what is wanted is the owner's.</summary>
    public static Memory Intent(Memory memory, Intent intent, Instant now, List<Note> notes)
    {
        var fingerprint = intent.Fingerprint;
        if (memory.IntentFingerprint == fingerprint) return memory;
        var generation = memory.IntentGeneration + 1;
        notes.Add(new Note("intent", "intent", $"generation {generation}: {string.Join(", ", intent.Workloads.Select(w => w.Name))}"));
        var names = intent.Workloads.Select(w => w.Name).ToHashSet();
        return memory with
        {
            IntentGeneration = generation,
            IntentFingerprint = fingerprint,
            Target = memory.Target with { IntentGeneration = generation, Instances = memory.Target.Instances.RemoveAll(i => !names.Contains(i.Workload)) },
            Good = memory.Good with { IntentGeneration = generation, Instances = memory.Good.Instances.RemoveAll(i => !names.Contains(i.Workload)) },
            Trials = memory.Trials.RemoveAll(t => !names.Contains(t.Workload)),
            Ladders = memory.Ladders.RemoveAll(l => !names.Contains(l.Workload)),
            Incidents = memory.Incidents
                .Where(i => i.IsOpen && Workload(i) is { } workload && !names.Contains(workload))
                .Aggregate(memory.Incidents, (list, i) => list.Close(i.Code, i.Subject, "the intent no longer has this workload", now)),
        };
    }

    /// <summary>What the signs of life of the instances say: one that does not live is to be ended, and its successor proves itself.</summary>
    public static Memory Health(Memory memory, Observation world, List<Note> notes)
    {
        foreach (var fact in world.Instances)
        {
            if (fact.State == InstanceState.Lost)
            {
                memory = Unkillable(memory, fact, world, notes);
                continue;
            }

            if (fact.State == InstanceState.Orphan)
            {
                var subject = Subjects.Instance(fact.Id);
                if (!memory.Incidents.HasOpen(Conditions.OrphanedEngine, subject)) memory = See(memory, Conditions.OrphanedEngine, subject, $"pid {fact.Pid} is of an earlier run and cannot be adopted; it is ended", world.Now, notes);
                continue;
            }

            if (memory.Find(fact.Spec) is not { } spec || memory.RenewalOf(fact.Spec, fact.StartedAt) is not null) continue;
            if (fact is { State: InstanceState.Ready, Probe: { IsGood: false, NoAnswer: false, InARow: >= Planner.Sanity } probe } && memory.TrialOf(fact.Workload) is null)
            {
                var condition = probe.Garbled ? Conditions.NanLogits : Conditions.WrongAnswers;
                if (memory.LadderOf(fact.Workload, condition.Code) is not { } ladder || ladder.SeenAt < probe.At)
                {
                    memory = Blame(memory, new Cause(condition, $"{probe.InARow} times in a row: {probe.Failure}"), spec.Id, fact.Workload, world.Now, notes);
                    continue;
                }
            }

            if (Liveness.Of(fact, spec, world.Now.Boot) is not { } cause) continue;
            memory = Blame(memory, cause, spec.Id, fact.Workload, world.Now, notes);
            memory = Renew(memory, spec.Id, world.Now, cause.Text);
            memory = Count(memory, spec.Id, fact.Workload, fact.State == InstanceState.Ready ? 1 : (memory.CrashOf(spec.Id)?.Short ?? 0) + 1, world.Now, notes);
            memory = Trouble(memory, fact.Workload, spec.Id, cause.Text);
        }

        return memory;
    }

    /// <summary>One that cannot be killed, and after a while the wish for a new start of the machine where its workload cannot be served beside it.</summary>
    private static Memory Unkillable(Memory memory, InstanceFact fact, Observation world, List<Note> notes)
    {
        var subject = Subjects.Instance(fact.Id);
        if (memory.Incidents.FirstOrDefault(i => i.IsOpen && i.Code == Conditions.EngineUnkillable.Code && i.Subject == subject) is not { } stuck) return See(memory, Conditions.EngineUnkillable, subject, $"pid {fact.Pid} was killed and is still there", world.Now, notes);
        if (world.Now.Wall - stuck.OpenSince < Patience || memory.Target.For(fact.Workload) is not { } target) return memory;
        var wanted = target.Residency == Residency.Resident || world.DemandOf(fact.Workload) is not null;
        if (!wanted || !Planner.IsHeldUp(target, world) || world.Instances.Any(i => i.Spec == target.Id && i.State != InstanceState.Lost) || memory.Incidents.HasOpen(Conditions.RebootWanted, Subjects.Workload(fact.Workload))) return memory;
        return See(memory, Conditions.RebootWanted, Subjects.Workload(fact.Workload), $"pid {fact.Pid} cannot be killed and holds what {target.Model} needs", world.Now, notes);
    }

    /// <summary>Incidents that follow from facts and not from signals, and the end of those that are over.</summary>
    public static Memory Facts(Memory memory, ImmutableArray<(Workload Workload, Advice Advice)> advice, Observation world, Policy policy, List<Note> notes)
    {
        foreach (var (workload, said) in advice)
        {
            var subject = Subjects.Workload(workload.Name);
            if (memory.Target.For(workload.Name) is not null)
            {
                if (memory.Good.For(workload.Name) is { } good) memory = Close(memory, Conditions.ModelUnavailable, subject, $"{good.Model} serves", world.Now);
            }
            else if (said.Withheld is { } withheld && !memory.Incidents.HasOpen(Conditions.ModelUnavailable, subject))
            {
                memory = See(memory, Conditions.ModelUnavailable, subject, withheld.Reason, world.Now, notes);
            }
        }

        foreach (var incident in memory.Incidents)
        {
            if (incident.IsOpen && EndOf(memory, incident, world, policy.Pace) is { } proof) memory = Close(memory, Conditions.Of(incident.Code), incident.Subject, proof, world.Now);
        }

        if (policy.Reboot && memory.Incidents.FirstOrDefault(i => i.IsOpen && i.Code == Conditions.RebootWanted.Code && world.Now.Wall - i.OpenSince >= Patience / policy.Pace) is { } wanted && memory.MayReboot(world.Now.Boot))
        {
            memory = Give(memory with { Incidents = memory.Incidents.Try(Conditions.RebootWanted, wanted.Subject, "the machine is started anew") }, new Order(OrderKind.Reboot, Subjects.Machine, world.Now.Boot, wanted.Evidence[^1]));
        }

        var room = RoomOf(memory, world);
        if (memory.Lessons.Any(l => l.IsOvertaken(room))) memory = memory with { Lessons = memory.Lessons.RemoveAll(l => l.IsOvertaken(room)) };
        var orders = memory.Orders.RemoveAll(o => IsDone(o, world));
        return memory with { Orders = orders, Ladders = Climbable(memory, world.Now.Boot) };
    }

    /// <summary>What is free, and what our own engines have; null when unknown.</summary>
    public static ByteSize? RoomOf(Memory memory, Observation world) =>
        world.MemoryAvailable is { } free ? new ByteSize(free.Bytes + world.Instances.Sum(i => memory.Find(i.Spec)?.Memory.Bytes ?? 0)) : null;

    /// <summary>Boot time at which the next time of quiet is over; null when none runs.</summary>
    public static TimeSpan? NextQuiet(Memory memory, TimeSpan now, double pace) =>
        memory.Ladders.Where(l => memory.Incidents.Any(i => i.IsOpen && i.Code == l.Condition)).Select(l => (TimeSpan?)(l.SeenAt + Quiet(l.Condition, pace))).Where(t => t > now).Min();

    /// <summary>Conditions of the machine that are there or not, as its sensors show them.</summary>
    public static Memory Sensed(Memory memory, Observation world, Policy policy, bool unified, List<Note> notes)
    {
        if (world.Host is not { } host) return memory;
        foreach (var (condition, evidence) in HostConditions.Of(host, policy, unified))
        {
            if (evidence is null)
            {
                var open = memory.Incidents.FirstOrDefault(i => i.IsOpen && i.Code == condition.Code && i.Subject == Host);
                if (open is not null && (world.Now.Wall - open.LastAt).Duration() >= condition.Quiet) memory = Close(memory, condition, Host, HostConditions.WhyOver(condition, host), world.Now);
            }
            else if (memory.Incidents.Any(i => i.IsOpen && condition.SymptomOf.Contains(i.Code)))
            {
                // It is told with its cause.
            }
            else if (condition == Conditions.MemoryShort && (unified || host.MemoryStall > 10) && Newest(memory, world) is { } newest)
            {
                // Before the kernel must: on unified memory it may not be able to any more.
                var (workload, spec) = newest;
                memory = Blame(memory, new Cause(condition, $"{evidence}; {workload} was started last and is ended before the kernel must act"), spec, workload, world.Now, notes);
                memory = Renew(memory, spec, world.Now, evidence);
                memory = Trouble(memory, workload, spec, evidence);
            }
            else if (memory.Incidents.FirstOrDefault(i => i.IsOpen && i.Code == condition.Code && i.Subject == Host) is { } open)
            {
                // Idle connections are closed by themselves; what is still open after that is ours to let go of.
                if (condition == Conditions.DescriptorLeak && world.Now.Wall - open.OpenSince >= Leak / policy.Pace && memory.MayRelaunch(world.Now.Boot))
                {
                    memory = Give(memory with { Incidents = memory.Incidents.Try(condition, Host, "the daemon is started anew") }, new Order(OrderKind.Relaunch, Subjects.Daemon, world.Now.Boot, evidence));
                }
            }
            else
            {
                memory = See(memory, condition, Host, evidence, world.Now, notes);
                if (condition == Conditions.DiskLow || condition == Conditions.InodesLow) memory = Give(memory, new Order(OrderKind.Sweep, Subjects.Store, world.Now.Boot, evidence));
            }
        }

        return memory;
    }

    /// <summary>The instance that was started last, if it is ours to end and has not been lately.</summary>
    private static (WorkloadName Workload, SpecId Spec)? Newest(Memory memory, Observation world)
    {
        var newest = world.Instances.Where(i => i.State is InstanceState.Ready or InstanceState.Starting).MaxBy(i => i.StartedAt);
        if (newest is null || memory.Orders.Any(o => o.Kind == OrderKind.Renew)) return null;
        return memory.LadderOf(newest.Workload, Conditions.MemoryShort.Code) is { } ladder && world.Now.Boot - ladder.SeenAt < TimeSpan.FromSeconds(30 * Math.Pow(2, Math.Min(ladder.Seen - 1, 7))) ? null : (newest.Workload, newest.Spec);
    }

    /// <summary>Opens or counts an incident of a workload, and lets its remedies be climbed where the blamed instance is the one that is to serve.</summary>
    public static Memory Blame(Memory memory, Cause cause, SpecId spec, WorkloadName workload, Instant now, List<Note> notes)
    {
        memory = See(memory, cause.Condition, Subjects.Workload(workload), cause.Text, now, notes);
        var trial = memory.TrialOf(workload);
        var serving = memory.Good.For(workload)?.Id == spec || (trial is { Rank: Rank.Repair } && trial.Candidate.Id == spec);
        if (!serving) return memory;
        var before = memory.LadderOf(workload, cause.Condition.Code);
        var ladder = before is null ? new Ladder(workload, cause.Condition.Code, [], 1, 0, now.Boot, now.Boot) : before with { Seen = before.Seen + 1, SeenAt = now.Boot };
        return memory with { Ladders = Keep(memory.Ladders, before, ladder) };
    }

    /// <summary>What is found of a candidate on trial is for the judge.</summary>
    private static Memory Trouble(Memory memory, WorkloadName workload, SpecId spec, string text) =>
        memory.TrialOf(workload) is { } trial && trial.Candidate.Id == spec ? memory with { Trials = memory.Trials.Replace(trial, trial with { Trouble = text }) } : memory;

    public static Memory Renew(Memory memory, SpecId spec, Instant now, string reason) => Give(memory, new Order(OrderKind.Renew, spec.Value, now.Boot, reason));

    /// <summary>What is bounded by the day is counted when it is ordered.</summary>
    public static Memory Give(Memory memory, Order order)
    {
        memory = memory with { Orders = Keep(memory.Orders, memory.Orders.FirstOrDefault(o => o.Kind == order.Kind && o.Subject == order.Subject), order) };
        return order.Kind switch
        {
            OrderKind.Relaunch => memory with { Relaunched = [.. memory.Relaunched.TakeLast(Memory.Relaunches - 1), order.At] },
            OrderKind.Reboot => memory with { Rebooted = [.. memory.Rebooted.TakeLast(Memory.Reboots - 1), order.At] },
            _ => memory,
        };
    }

    public static Memory See(Memory memory, Condition condition, string subject, string evidence, Instant now, List<Note> notes)
    {
        notes.Add(new Note("incident", subject, $"{condition.Code}: {evidence}"));
        return memory with { Incidents = memory.Incidents.See(condition, subject, evidence, now) };
    }

    private static Memory Exited(Memory memory, Catalog catalog, Signal.InstanceExited exit, Instant now, List<Note> notes)
    {
        var subject = Subjects.Workload(exit.Workload);
        memory = Close(memory, Conditions.EngineUnkillable, Subjects.Instance(exit.Id), $"pid {exit.Pid} is gone", now);
        if (exit.Asked)
        {
            notes.Add(new Note("exit", subject, $"pid {exit.Pid} ended as asked"));
            return memory;
        }

        var spec = memory.Find(exit.Spec);
        var cause = Diagnosis.Of(exit, spec is null ? null : catalog.FindEngine(spec.Engine.Engine));
        var evidence = $"pid {exit.Pid} {(exit.WasReady ? $"ended after {exit.Uptime.TotalSeconds:0.0} s" : "ended before it was ready")}: {cause.Text}";
        memory = Blame(memory, cause with { Text = evidence }, exit.Spec, exit.Workload, now, notes);
        if (exit.IsRefusal && spec is not null && memory.Good.For(exit.Workload)?.Id != exit.Spec) memory = Doubt(memory, cause, spec, now);
        var before = memory.CrashOf(exit.Spec);
        var enough = exit.KilledBy is 9 or 15 ? CrashRecord.StableIfKilled : CrashRecord.Stable;
        var stable = exit.WasReady && (before?.ReadyAt is not { } ready ? exit.Uptime >= enough : now.Boot - ready >= enough);
        memory = memory with { Incidents = memory.Incidents.Try(cause.Condition, subject, "restart") };
        return Count(memory, exit.Spec, exit.Workload, stable ? 1 : (before?.Short ?? 0) + 1, now, notes);
    }

    /// <summary>What is tried for the first time need not be to blame for what it runs on: the bytes are read again before anything is believed of it.</summary>
    private static Memory Doubt(Memory memory, Cause cause, InstanceSpec spec, Instant now)
    {
        if (cause.Condition.Layer == Layer.Engine) return Give(memory, new Order(OrderKind.Verify, Subjects.Build(spec.Engine), now.Boot, cause.Text));
        return cause.Condition.Layer == Layer.Model ? spec.Files.Aggregate(memory, (m, f) => Give(m, new Order(OrderKind.Verify, Subjects.Weights(f.Digest), now.Boot, cause.Text))) : memory;
    }

    /// <summary>What was learned while the bytes were bad was learned about the bytes.</summary>
    private static Memory Damaged(Memory memory, Signal.ArtifactDamaged damaged, Instant now, List<Note> notes)
    {
        var digest = damaged.Subject[(damaged.Subject.IndexOf('/', StringComparison.Ordinal) + 1)..];
        memory = memory with { Lessons = memory.Lessons.RemoveAll(l => l.Key.Contains(digest, StringComparison.Ordinal)) };
        return See(memory, Conditions.ArtifactDamaged, damaged.Subject, damaged.Reason, now, notes);
    }

    private static Memory StartFailed(Memory memory, Signal.StartFailed failed, Instant now, List<Note> notes)
    {
        var cause = Diagnosis.Of(failed);
        memory = Blame(memory, cause, failed.Spec, failed.Workload, now, notes);
        if (memory.Trials.FirstOrDefault(t => t.Candidate.Id == failed.Spec) is { } trial) memory = Doubt(memory, cause, trial.Candidate, now);
        memory = memory with { Incidents = memory.Incidents.Try(cause.Condition, Subjects.Workload(failed.Workload), "restart") };
        return Count(memory, failed.Spec, failed.Workload, (memory.CrashOf(failed.Spec)?.Short ?? 0) + 1, now, notes);
    }

    private static Memory Count(Memory memory, SpecId spec, WorkloadName workload, int shortLives, Instant now, List<Note> notes)
    {
        var record = new CrashRecord(spec, shortLives, now.Boot, now.Boot + CrashRecord.Backoff(shortLives), null);
        memory = memory with { Crashes = Keep(memory.Crashes, memory.CrashOf(spec), record) };
        return record.IsLoop ? Blame(memory, new Cause(Conditions.CrashLoop, $"{shortLives} short lives in a row"), spec, workload, now, notes) : memory;
    }

    /// <summary>A token is proof enough against a condition that has no time of quiet.</summary>
    private static Memory Ready(Memory memory, Catalog catalog, Signal.InstanceReady ready, Instant now, List<Note> notes)
    {
        var subject = Subjects.Workload(ready.Workload);
        var proof = $"a token {ready.LoadTime.TotalSeconds:0.00} s after the start";
        notes.Add(new Note("ready", subject, $"instance {ready.Id} gave {proof}"));
        if (memory.CrashOf(ready.Spec) is { } record) memory = memory with { Crashes = memory.Crashes.Replace(record, record with { ReadyAt = now.Boot }) };
        if (memory.Find(ready.Spec) is { Settings.Accelerator: >= 0 } spec && Diagnosis.Of(ready, catalog.FindEngine(spec.Engine.Engine), spec.Settings.GpuLayers) is { } cause)
        {
            memory = Blame(memory, cause, spec.Id, ready.Workload, now, notes);
            memory = Trouble(memory, ready.Workload, spec.Id, cause.Text);
        }

        if (memory.Target.For(ready.Workload)?.Id != ready.Spec) return memory;
        foreach (var incident in memory.Incidents)
        {
            if (incident.IsOpen && incident.Subject == subject && Conditions.Of(incident.Code) is { Layer: Layer.Engine or Layer.Model or Layer.Host } condition && condition.Quiet == TimeSpan.Zero && !Stays(condition))
            {
                memory = Close(memory, condition, subject, proof, now);
            }
        }

        return memory;

        static bool Stays(Condition condition) => condition == Conditions.CrashLoop || condition == Conditions.ModelUnavailable || condition == Conditions.RequestOfDeath;
    }

    private static Memory Fetched(Memory memory, string subject, string name, FetchOutcome outcome, ImmutableArray<SourceFailure> failures, Instant now, List<Note> notes)
    {
        var before = memory.FetchOf(subject);
        var reason = failures.IsEmpty ? outcome.ToString() : string.Join("; ", failures.Select(f => $"{f.Source}: {f.Reason}"));
        if (reason.Length > 600) reason = reason[..600] + "…";
        if (outcome == FetchOutcome.Done)
        {
            notes.Add(new Note("fetch", subject, $"{name} is here and verified{(failures.IsEmpty ? "" : $" (passed over {reason})")}"));
            if (before is not null) memory = memory with { Fetches = memory.Fetches.Remove(before) };
            return memory.Incidents
                .Where(i => i.IsOpen && i.Subject == subject && i.Code != Conditions.ArtifactDamaged.Code)
                .Aggregate(memory, (m, i) => Close(m, Conditions.Of(i.Code), subject, "it was fetched and verified", now));
        }

        var count = (before?.Failures ?? 0) + 1;
        var record = new FetchRecord(subject, count, now.Boot + FetchRecord.Backoff(count), reason);
        notes.Add(new Note("fetch", subject, $"{name} could not be fetched: {reason}"));
        memory = memory with { Fetches = Keep(memory.Fetches, before, record) };
        if (outcome == FetchOutcome.NoSpace)
        {
            memory = Give(memory, new Order(OrderKind.Sweep, Subjects.Store, now.Boot, reason));
            return See(memory, Conditions.DiskFull, subject, reason, now, notes);
        }

        if (Diagnosis.OfFetch(failures) is { } condition) memory = See(memory, condition, subject, reason, now, notes);
        return subject.StartsWith("engine/", StringComparison.Ordinal) ? See(memory, Conditions.EngineUnavailable, subject, reason, now, notes) : memory;
    }

    /// <summary>Where there is more room now, what found none is fetched again at once.</summary>
    private static Memory Swept(Memory memory, Signal.Swept swept, Instant now, List<Note> notes)
    {
        notes.Add(new Note("sweep", Subjects.Store, $"{swept.Freed} were freed"));
        memory = memory with { Orders = memory.Orders.RemoveAll(o => o.Kind == OrderKind.Sweep) };
        if (swept.Freed == ByteSize.Zero) return memory;
        return memory with { Fetches = [.. memory.Fetches.Select(f => f.Failures == 1 && memory.Incidents.HasOpen(Conditions.DiskFull, f.Subject) ? f with { NotBefore = now.Boot } : f)] };
    }

    private static Memory Verified(Memory memory, Signal.Verified verified, List<Note> notes)
    {
        notes.Add(new Note("verify", verified.Subject, verified.Text));
        memory = memory with { Orders = memory.Orders.RemoveAll(o => o.Kind == OrderKind.Verify && o.Subject == verified.Subject) };
        if (!verified.Sound || memory.Orders.Any(o => o.Kind == OrderKind.Verify)) return memory;

        // All is what it should be, so it is not to blame: whoever asked for it takes the next step.
        return memory with { Ladders = [.. memory.Ladders.Select(l => l.Last == AmendmentKind.Refetch && Concerns(memory, l, verified.Subject) && !Lacks(memory, l.Workload) ? l with { Answered = Math.Min(l.Answered, l.Seen - 1) } : l)] };
    }

    /// <summary>True when the ladder's workload runs on the artifact, and another start with nothing changed would end as before.</summary>
    private static bool Concerns(Memory memory, Ladder ladder, string subject) =>
        memory.Target.For(ladder.Workload) is { } target &&
        RunsOn(target, subject) &&
        (Conditions.Of(ladder.Condition) is { IsLasting: true } or { Layer: Layer.Answer } || ladder.Condition == Conditions.CrashLoop.Code || ladder.Condition == Conditions.BootRefused.Code) &&
        memory.Incidents.HasOpen(Conditions.Of(ladder.Condition), Subjects.Workload(ladder.Workload));

    /// <summary>True while something that the workload runs on was found damaged and is not back.</summary>
    private static bool Lacks(Memory memory, WorkloadName workload) =>
        memory.Target.For(workload) is { } target &&
        memory.Incidents.Any(i => i.IsOpen && i.Code == Conditions.ArtifactDamaged.Code && RunsOn(target, i.Subject));

    private static bool RunsOn(InstanceSpec spec, string artifact) => artifact == Subjects.Build(spec.Engine) || spec.Files.Any(f => artifact == Subjects.Weights(f.Digest));

    /// <summary>
    /// A speed is held against what this device measured before; the first ones against what was predicted, where an accelerator is to
    /// compute: one that does not makes it many times slower.
    /// </summary>
    private static Memory Measured(Memory memory, Signal.Measured measured, Instant now, List<Note> notes)
    {
        if (measured.Speed.TokensPerS is not { } speed || memory.Good.For(measured.Workload) is not { } spec || spec.Id != measured.Spec) return memory;
        var before = memory.SpeedOf(spec.Id) ?? OwnSpeed.Of(spec);
        var expected = spec.Settings.Accelerator >= 0 ? spec.ExpectedTokensPerS / Fallback : null;
        var own = before.Take(speed, before.IsBaseline ? before.TokensPerS * OwnSpeed.Low : expected);
        if (own.IsBaseline && own.LowInARow >= OwnSpeed.Accepted) return Accept(memory, spec, own, speed, now, notes);
        if (own == before && memory.SpeedOf(spec.Id) is not null) return memory;
        memory = memory with { Speeds = Keep(memory.Speeds, memory.SpeedOf(spec.Id), own) };
        if (own.IsBaseline && !before.IsBaseline) notes.Add(new Note("speed", Subjects.Workload(spec.Workload), $"{spec.Model} decodes {own.TokensPerS:0.#} tokens/s here{(spec.ExpectedTokensPerS is { } foreseen ? $"; {foreseen:0.#} were expected" : "")}"));
        if (own.LowInARow < OwnSpeed.Believed || own.LowInARow % OwnSpeed.Believed > 0) return memory;
        var cause = own.IsBaseline
            ? new Cause(Conditions.SlowRegression, $"{speed:0.#} tokens/s, {own.LowInARow} times in a row; this device measured {own.TokensPerS:0.#} before")
            : new Cause(Conditions.SilentFallback, $"{speed:0.#} tokens/s, {own.LowInARow} times in a row; an accelerator is to compute, and {spec.ExpectedTokensPerS:0.#} were expected");
        memory = Blame(memory, cause, spec.Id, spec.Workload, now, notes);
        var restored = own.IsBaseline ? own.TokensPerS * OwnSpeed.Restored : expected * 2;
        return memory.LadderOf(spec.Workload, cause.Condition.Code) is { } ladder ? memory with { Ladders = memory.Ladders.Replace(ladder, ladder with { Restored = restored }) } : memory;
    }

    /// <summary>Nothing that is known made it faster again: later speeds are held against this one.</summary>
    private static Memory Accept(Memory memory, InstanceSpec spec, OwnSpeed own, double speed, Instant now, List<Note> notes)
    {
        var text = $"{spec.Model} decodes {speed:0.#} tokens/s now, not {own.TokensPerS:0.#} as before, and nothing that is known changes it: later speeds are held against this one";
        notes.Add(new Note("speed", Subjects.Workload(spec.Workload), text));
        memory = memory with { Speeds = Keep(memory.Speeds, memory.SpeedOf(spec.Id), own with { First = [speed], LowInARow = 0 }) };
        if (memory.LadderOf(spec.Workload, Conditions.SlowRegression.Code) is { } ladder) memory = memory with { Ladders = memory.Ladders.Remove(ladder) };
        return Close(memory, Conditions.SlowRegression, Subjects.Workload(spec.Workload), text, now);
    }

    private static Memory HostEvent(Memory memory, Signal.HostEvent happened, Instant now, List<Note> notes)
    {
        var condition = Conditions.Of(happened.Condition);
        memory = See(memory, condition, happened.Subject, happened.Evidence, now, notes);
        if (condition == Conditions.UnexpectedReboot) memory = Rebooted(memory, now, notes);
        if (condition.Layer == Layer.Accelerator)
        {
            // Which of them it was is not always said; what computes on none is not concerned.
            foreach (var spec in memory.Good.Instances.Where(i => i.Settings.Accelerator >= 0)) memory = Blame(memory, new Cause(condition, happened.Evidence), spec.Id, spec.Workload, now, notes);
        }

        return condition.Severity == Severity.Notice ? Close(memory, condition, happened.Subject, "what serves was looked at again", now) : memory;
    }

    private static Memory RebootAsked(Memory memory, Signal.RebootAsked asked, Instant now, List<Note> notes)
    {
        notes.Add(new Note("reboot", Subjects.Machine, asked.Problem ?? "the machine starts anew"));
        memory = memory with { Orders = memory.Orders.RemoveAll(o => o.Kind == OrderKind.Reboot) };
        return asked.Problem is null ? memory : memory.Incidents.Where(i => i.IsOpen && i.Code == Conditions.RebootWanted.Code).Aggregate(memory, (m, i) => See(m, Conditions.RebootWanted, i.Subject, asked.Problem, now, notes));
    }

    /// <summary>A machine that goes down again and again while engines run may be asked for more than it has: what takes most is given less.</summary>
    private static Memory Rebooted(Memory memory, Instant now, List<Note> notes)
    {
        var times = memory.Incidents.Count(i => i.Code == Conditions.UnexpectedReboot.Code && i.Subject == Host && now.Wall - i.OpenedAt < TimeSpan.FromDays(1));
        return times >= Reboots && memory.Good.Instances.MaxBy(i => i.Memory + i.DeviceMemory) is { } largest
            ? Blame(memory, new Cause(Conditions.UnexpectedReboot, $"the machine went down {times} times within a day; {largest.Model} takes most of its memory"), largest.Id, largest.Workload, now, notes)
            : memory;
    }

    private static Memory StateDamaged(Memory memory, Signal.StateDamaged damaged, Instant now, List<Note> notes)
    {
        memory = See(memory, Conditions.StateDamaged, damaged.File, damaged.Reason, now, notes);
        return Close(memory, Conditions.StateDamaged, damaged.File, damaged.SetAside is { } aside ? $"set aside as {aside}" : "it was made again", now);
    }

    /// <summary>What proves that an incident is over; null while nothing does.</summary>
    private static string? EndOf(Memory memory, Incident incident, Observation world, double pace)
    {
        var now = world.Now.Boot;
        if (incident.Code == Conditions.ArtifactDamaged.Code)
        {
            if (world.Weights.FirstOrDefault(w => Subjects.Weights(w.Digest) == incident.Subject) is { } back) return $"a verified copy is at {back.Path}";
            if (world.Engines.Any(e => Subjects.Build(e.Build) == incident.Subject)) return "a verified copy is here";
            var needed = memory.Target.Instances.Concat(memory.Good.Instances).Any(i => RunsOn(i, incident.Subject));
            return needed ? null : "nothing that serves needs it any more";
        }

        if (incident.Code == Conditions.EngineUnkillable.Code || incident.Code == Conditions.OrphanedEngine.Code) return world.Instances.All(i => Subjects.Instance(i.Id) != incident.Subject) ? "the process is gone" : null;
        if (incident.Code == Conditions.RequestOfDeath.Code) return world.Now.Wall - incident.LastAt >= TimeSpan.FromHours(1) ? "it has not come again for an hour" : null;
        if (incident.Subject.StartsWith("accelerator", StringComparison.Ordinal) || incident.Subject == "disk" || (incident.Subject == Host && !HostConditions.IsSensed(incident.Code))) return EndOfEvent(incident, world.Now);
        if (Conditions.Of(incident.Code) is { Layer: Layer.Network or Layer.Storage } && IsFetch(incident)) return memory.FetchOf(incident.Subject) is null ? "it is not wanted any more, or it is here" : null;
        if (Workload(incident) is not { } workload || incident.Code == Conditions.ModelUnavailable.Code || memory.TrialOf(workload) is not null) return null;
        if (memory.Target.For(workload) is { Residency: Residency.OnDemand } rests && world.Find(rests.Id) is null) return EndAtRest(memory, incident, rests, world);
        if (memory.Target.For(workload) is not { } target || world.Find(target.Id) is not { State: InstanceState.Ready } fact) return null;
        var condition = Conditions.Of(incident.Code);
        if (incident.Code == Conditions.RebootWanted.Code && memory.Ladders.Any(l => l.Workload == workload && l.TimesOf(AmendmentKind.AskReboot) > 0 && memory.Incidents.HasOpen(Conditions.Of(l.Condition), incident.Subject))) return null;
        if (incident.Code == Conditions.NothingHelps.Code && memory.Incidents.Any(i => i.IsOpen && i.Subject == incident.Subject && i.Id != incident.Id && Conditions.Of(i.Code).Severity == Severity.Critical)) return null;
        if (memory.LadderOf(workload, incident.Code) is not { } ladder) return incident.Code == Conditions.CrashLoop.Code ? null : $"{target.Model} serves";
        var quiet = Quiet(incident.Code, pace);
        if (now - ladder.SeenAt < quiet || memory.RenewalOf(fact.Spec, fact.StartedAt) is not null) return null;
        if (ladder.Restored is { } restored) return fact.Speed is { TokensPerS: { } speed } measured && measured.At > ladder.SeenAt && speed >= restored ? $"{target.Model} decodes {speed:0.#} tokens/s again" : null;
        if (condition.Layer == Layer.Answer) return fact.Probe is { IsGood: true } probe && probe.At > ladder.SeenAt ? $"{target.Model} answered its golden prompts again" : null;
        if (fact.StartedAt <= ladder.SeenAt) return null;
        return quiet == TimeSpan.Zero ? $"{target.Model} gave a token" : $"{target.Model} gave a token, and it has stayed away for {quiet.TotalSeconds:0} s";
    }

    /// <summary>What is on demand is not loaded to prove that a single trouble is over: when nobody asks for it, the next request does that. What keeps it from being loaded stays open.</summary>
    private static string? EndAtRest(Memory memory, Incident incident, InstanceSpec target, Observation world)
    {
        if (incident.Code == Conditions.CrashLoop.Code || incident.Code == Conditions.NothingHelps.Code || world.DemandOf(target.Workload) is not null) return null;
        return memory.LadderOf(target.Workload, incident.Code) is { } ladder && world.Now.Boot - ladder.SeenAt < AtRest ? null : $"{target.Model} is on demand and nobody asks for it; the next request starts it anew";
    }

    /// <summary>A process that was meant is gone; an artifact that is not here need not be read.</summary>
    private static bool IsDone(Order order, Observation world) => order.Kind switch
    {
        OrderKind.Sweep or OrderKind.Relaunch or OrderKind.Reboot => false,
        OrderKind.Renew => !world.Instances.Any(i => i.Spec.Value == order.Subject && i.StartedAt < order.At && i.State != InstanceState.Lost),
        _ => !world.Weights.Any(w => Subjects.Weights(w.Digest) == order.Subject) && !world.Engines.Any(e => Subjects.Build(e.Build) == order.Subject),
    };

    /// <summary>What was told once is over when it has not been told again for long; what lasts is over with the boot.</summary>
    private static string? EndOfEvent(Incident incident, Instant now)
    {
        if (incident.LastAt < now.Wall - now.Boot) return "the machine was started anew since";
        var condition = Conditions.Of(incident.Code);
        var quiet = condition.Quiet > TimeSpan.FromMinutes(10) ? condition.Quiet : TimeSpan.FromMinutes(10);
        return condition.IsLasting || now.Wall - incident.LastAt < quiet ? null : $"it has not come again for {quiet.TotalMinutes:0} min";
    }

    private static bool IsFetch(Incident incident) => incident.Subject.StartsWith("weights/", StringComparison.Ordinal) || incident.Subject.StartsWith("engine/", StringComparison.Ordinal);

    /// <summary>A ladder is forgotten when its condition has stayed away for long, and begun anew when its last step is long ago and did not help.</summary>
    private static ImmutableArray<Ladder> Climbable(Memory memory, TimeSpan now)
    {
        var ladders = memory.Ladders;
        foreach (var ladder in memory.Ladders)
        {
            if (!memory.Incidents.Any(i => i.IsOpen && i.Code == ladder.Condition && i.Subject == Subjects.Workload(ladder.Workload)))
            {
                if (now - ladder.SeenAt >= Ladder.Forgotten) ladders = ladders.Remove(ladder);
            }
            else if (now - ladder.StepAt >= Ladder.Again)
            {
                ladders = ladders.Replace(ladder, ladder with { Taken = [], StepAt = now });
            }
        }

        return ladders;
    }

    private static TimeSpan Quiet(string code, double pace)
    {
        var quiet = code == Conditions.CrashLoop.Code ? Ladder.Forgotten : Conditions.Of(code).Quiet;
        return pace is 1 ? quiet : quiet / pace;
    }

    private static WorkloadName? Workload(Incident incident) =>
        incident.Subject.StartsWith("workload/", StringComparison.Ordinal) ? new WorkloadName(incident.Subject["workload/".Length..]) : null;

    private static Memory Close(Memory memory, Condition condition, string subject, string proof, Instant now)
    {
        var incidents = memory.Incidents.Close(condition.Code, subject, proof, now);
        return incidents == memory.Incidents ? memory : memory with { Incidents = incidents };
    }

    /// <summary>One record per key, the oldest dropped at the bound.</summary>
    private static ImmutableArray<T> Keep<T>(ImmutableArray<T> records, T? before, T record)
        where T : class
    {
        if (before is not null) return records.Replace(before, record);
        return records.Length < Memory.MaxRecords ? records.Add(record) : records.RemoveAt(0).Add(record);
    }
}

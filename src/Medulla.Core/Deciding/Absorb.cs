using Medulla.Core.Incidents;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Proposing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Deciding;

/// <summary>Takes what happened into the memory: crash counts, fetch back-offs, incidents. Decides nothing.</summary>
internal static class Absorb
{
    public static Memory Signals(Memory memory, Observation world, List<Note> notes)
    {
        foreach (var signal in world.Signals)
        {
            memory = signal switch
            {
                Signal.InstanceExited exit => Exited(memory, exit, world.Now, notes),
                Signal.InstanceReady ready => Ready(memory, ready, world.Now, notes),
                Signal.StartFailed failed => StartFailed(memory, failed, world.Now, notes),
                Signal.WeightsFetched fetched => Fetched(memory, Subjects.Weights(fetched.Digest), fetched.Name, fetched.Outcome, fetched.Failures, world.Now, notes),
                Signal.EngineFetched fetched => Fetched(memory, Subjects.Engine(fetched.Engine, fetched.Backend), fetched.Engine.Value, fetched.Outcome, fetched.Failures, world.Now, notes),
                Signal.ArtifactDamaged damaged => See(memory, Condition.ArtifactDamaged, Subjects.Weights(damaged.Digest), damaged.Reason, world.Now, notes),
                Signal.StateDamaged damaged => StateDamaged(memory, damaged, world.Now, notes),
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
            Incidents = memory.Incidents
                .Where(i => i.IsOpen && i.Subject.StartsWith("workload/", StringComparison.Ordinal) && !names.Contains(new WorkloadName(i.Subject["workload/".Length..])))
                .Aggregate(memory.Incidents, (list, i) => list.Close(Condition.Find(i.Code), i.Subject, "the intent no longer has this workload", now)),
        };
    }

    /// <summary>Incidents that follow from facts and not from signals.</summary>
    public static Memory Facts(Memory memory, ImmutableArray<(Workload Workload, Advice Advice)> advice, Observation world, List<Note> notes)
    {
        foreach (var (workload, said) in advice)
        {
            var subject = Subjects.Workload(workload.Name);
            if (memory.Target.For(workload.Name) is not null)
            {
                if (memory.Good.For(workload.Name) is { } good) memory = Close(memory, Condition.ModelUnavailable, subject, $"{good.Model} serves", world.Now);
            }
            else if (said.Withheld is { } withheld && !memory.Incidents.HasOpen(Condition.ModelUnavailable, subject))
            {
                memory = See(memory, Condition.ModelUnavailable, subject, withheld.Reason, world.Now, notes);
            }
        }

        foreach (var incident in memory.Incidents)
        {
            if (!incident.IsOpen || incident.Code != Condition.ArtifactDamaged.Code) continue;
            if (world.Weights.FirstOrDefault(w => Subjects.Weights(w.Digest) == incident.Subject) is { } back)
            {
                memory = Close(memory, Condition.ArtifactDamaged, incident.Subject, $"a verified copy is at {back.Path}", world.Now);
            }
        }

        return memory;
    }

    private static Memory Exited(Memory memory, Signal.InstanceExited exit, Instant now, List<Note> notes)
    {
        var subject = Subjects.Workload(exit.Workload);
        if (exit.Asked)
        {
            notes.Add(new Note("exit", subject, $"pid {exit.Pid} ended as asked"));
            return memory;
        }

        var refusal = Judge.IsRefusal(exit);
        var evidence = $"pid {exit.Pid} {(exit.WasReady ? $"ended after {exit.Uptime.TotalSeconds:0.0} s" : "ended before it was ready")}: {ExitText.Cause(exit).Text}";
        memory = See(memory, refusal ? Condition.BootRefused : Condition.EngineExited, subject, evidence, now, notes);
        var before = memory.CrashOf(exit.Spec);
        var enough = exit.KilledBy is 9 or 15 ? CrashRecord.StableIfKilled : CrashRecord.Stable;
        var stable = exit.WasReady && (before?.ReadyAt is not { } ready ? exit.Uptime >= enough : now.Boot - ready >= enough);
        return Count(memory, exit.Spec, exit.Workload, stable ? 1 : (before?.Short ?? 0) + 1, now, notes);
    }

    private static Memory StartFailed(Memory memory, Signal.StartFailed failed, Instant now, List<Note> notes)
    {
        memory = See(memory, Condition.BootRefused, Subjects.Workload(failed.Workload), failed.Reason, now, notes);
        return Count(memory, failed.Spec, failed.Workload, (memory.CrashOf(failed.Spec)?.Short ?? 0) + 1, now, notes);
    }

    private static Memory Count(Memory memory, SpecId spec, WorkloadName workload, int shortLives, Instant now, List<Note> notes)
    {
        var record = new CrashRecord(spec, shortLives, now.Boot, now.Boot + CrashRecord.Backoff(shortLives), null);
        var subject = Subjects.Workload(workload);
        memory = memory with
        {
            Crashes = Keep(memory.Crashes, memory.CrashOf(spec), record),
            Incidents = memory.Incidents.Try(Condition.EngineExited, subject, "restart").Try(Condition.BootRefused, subject, "restart"),
        };
        return record.IsLoop ? See(memory, Condition.CrashLoop, subject, $"{shortLives} short lives in a row", now, notes) : memory;
    }

    private static Memory Ready(Memory memory, Signal.InstanceReady ready, Instant now, List<Note> notes)
    {
        var subject = Subjects.Workload(ready.Workload);
        var proof = $"a token {ready.LoadTime.TotalSeconds:0.00} s after the start";
        notes.Add(new Note("ready", subject, $"instance {ready.Id} gave {proof}"));
        if (memory.CrashOf(ready.Spec) is { } record) memory = memory with { Crashes = memory.Crashes.Replace(record, record with { ReadyAt = now.Boot }) };
        return Close(Close(memory, Condition.EngineExited, subject, proof, now), Condition.BootRefused, subject, proof, now);
    }

    private static Memory Fetched(Memory memory, string subject, string name, FetchOutcome outcome, ImmutableArray<SourceFailure> failures, Instant now, List<Note> notes)
    {
        var before = memory.FetchOf(subject);
        if (outcome == FetchOutcome.Done)
        {
            notes.Add(new Note("fetch", subject, $"{name} is here and verified"));
            if (before is not null) memory = memory with { Fetches = memory.Fetches.Remove(before) };
            memory = Close(memory, Condition.DiskFull, subject, "it was fetched", now);
            return Close(memory, Condition.EngineUnavailable, subject, "a build was fetched", now);
        }

        var reason = failures.IsEmpty ? outcome.ToString() : string.Join("; ", failures.Select(f => $"{f.Source}: {f.Reason}"));
        if (reason.Length > 600) reason = reason[..600] + "…";
        var count = (before?.Failures ?? 0) + 1;
        var record = new FetchRecord(subject, count, now.Boot + FetchRecord.Backoff(count), reason);
        notes.Add(new Note("fetch", subject, $"{name} could not be fetched: {reason}"));
        memory = memory with { Fetches = Keep(memory.Fetches, before, record) };
        if (outcome == FetchOutcome.NoSpace) return See(memory, Condition.DiskFull, subject, reason, now, notes);
        return subject.StartsWith("engine/", StringComparison.Ordinal) ? See(memory, Condition.EngineUnavailable, subject, reason, now, notes) : memory;
    }

    private static Memory StateDamaged(Memory memory, Signal.StateDamaged damaged, Instant now, List<Note> notes)
    {
        memory = See(memory, Condition.StateDamaged, damaged.File, damaged.Reason, now, notes);
        return Close(memory, Condition.StateDamaged, damaged.File, $"set aside as {damaged.SetAside}", now);
    }

    private static Memory See(Memory memory, Condition condition, string subject, string evidence, Instant now, List<Note> notes)
    {
        notes.Add(new Note("incident", subject, $"{condition.Code}: {evidence}"));
        return memory with { Incidents = memory.Incidents.See(condition, subject, evidence, now) };
    }

    private static Memory Close(Memory memory, Condition condition, string subject, string proof, Instant now)
    {
        var incidents = memory.Incidents.Close(condition, subject, proof, now);
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

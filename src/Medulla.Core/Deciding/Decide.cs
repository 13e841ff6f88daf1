using Medulla.Core.Blueprints;
using Medulla.Core.Incidents;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Proposing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Deciding;

/// <summary>What one tick decided.</summary>
public sealed record Decision
{
    /// <summary>To be durable before <see cref="Plan"/> is carried out; the same object as before when nothing changed.</summary>
    public required Memory Memory { get; init; }

    public required Plan Plan { get; init; }

    public required ImmutableArray<Drift> Drift { get; init; }

    public required ImmutableArray<Route> Routes { get; init; }

    /// <summary>When each workload's instance is in memory.</summary>
    public required ImmutableArray<Residence> Residences { get; init; }

    /// <summary>Why the device serves less than it should; null when it does not.</summary>
    public required string? Degraded { get; init; }

    /// <summary>No trial, no move: nothing that could still succeed now.</summary>
    public required bool Settled { get; init; }

    /// <summary>Boot time at which a hold or a time of quiet ends; null when only events matter.</summary>
    public required TimeSpan? NextLook { get; init; }

    /// <summary>What was learned and decided, for the journal.</summary>
    public required ImmutableArray<Note> Notes { get; init; }
}

/// <param name="Kind">Such as <c>exit</c>, <c>trial</c>, <c>verdict</c>, <c>fetch</c>.</param>
public sealed record Note(string Kind, string Subject, string Text);

/// <summary>
/// One tick: absorb what happened, judge the trials, hear the proposers, adopt, plan, route. Pure, and under a
/// millisecond for 50 instances.
/// </summary>
public static class Decide
{
    private static readonly ImmutableArray<Func<Situation, Workload, Advice>> Proposers = [ColdStart.Propose, Intended.Propose, Repair.Propose, Upgrade.Propose];

    /// <param name="resolutions">What was resolved before; null to remember nothing from tick to tick.</param>
    public static Decision Next(Intent intent, Catalog catalog, Machine machine, Memory memory, Observation world, Resolutions? resolutions = null)
    {
        resolutions ??= new Resolutions();
        var notes = new List<Note>();
        var mind = memory.Rebase(world.Now);
        mind = Absorb.Signals(mind, catalog, world, notes);
        mind = Absorb.Intent(mind, intent, world.Now, notes);
        mind = Absorb.Health(mind, world, notes);
        mind = Absorb.Sensed(mind, world, intent.Policy, Budget.IsUnified(machine), notes);
        mind = Verdicts(mind, catalog, world, notes);
        var before = new Situation(intent, catalog, machine, mind, world, resolutions);
        (mind, var advice) = Adopt(before, notes);
        mind = Absorb.Facts(mind, advice, world, intent.Policy, notes);

        var situation = before with { Memory = mind };
        situation = situation with { Memory = mind = Reside(situation, notes) };
        var (plan, drift, look) = Planner.Draw(situation, advice);
        var (routes, degraded) = Routing.Of(situation, plan);
        var same = mind.SaysTheSameAs(memory);
        return new Decision
        {
            Memory = same ? memory : mind with { AsOf = world.Now.Boot },
            Plan = plan,
            Drift = drift,
            Routes = routes,
            Degraded = degraded,
            Residences = situation.Residences,
            Settled = mind.Trials.IsEmpty && plan.Moves.IsEmpty && mind.Target.Instances.All(i => IsAsItShould(i, world)),
            NextLook = Earlier(Earlier(plan.Holds.Where(h => h.Until > world.Now.Boot).Min(h => h.Until), look), Absorb.NextQuiet(mind, world.Now.Boot, intent.Policy.Pace)),
            Notes = [.. notes],
        };
    }

    /// <summary>Ready; or on demand, not loaded, and not asked for.</summary>
    private static bool IsAsItShould(InstanceSpec target, Observation world) => world.Find(target.Id) is { } fact
        ? fact.State == InstanceState.Ready
        : target.Residency == Residency.OnDemand && world.DemandOf(target.Workload) is null;

    /// <summary>
    /// When each instance is in memory follows from the targets and the intent, so it is decided again whenever these change. It
    /// is no trial: what answers, and how, stays as it was proven.
    /// </summary>
    private static Memory Reside(Situation situation, List<Note> notes)
    {
        var memory = situation.Memory;
        foreach (var residence in situation.Residences)
        {
            if (memory.Target.For(residence.Workload) is { } target && target.Residency != residence.Residency)
            {
                notes.Add(new Note("residency", Subjects.Workload(residence.Workload), $"{residence.Text}: {residence.Reason}"));
                memory = memory with { Target = memory.Target.Put(target with { Residency = residence.Residency }) };
            }

            if (memory.Good.For(residence.Workload) is { } good && good.Residency != residence.Residency) memory = memory with { Good = memory.Good.Put(good with { Residency = residence.Residency }) };
        }

        return memory;
    }

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null || b < a ? b : a;

    private static Memory Verdicts(Memory memory, Catalog catalog, Observation world, List<Note> notes)
    {
        foreach (var before in memory.Trials)
        {
            var trial = Judge.Witness(before, world);
            if (trial != before) memory = memory with { Trials = memory.Trials.Replace(before, trial) };
            var verdict = Judge.Decide(trial, world, catalog);
            memory = verdict.Outcome switch
            {
                Outcome.Proven => Commit(memory, trial, verdict, world.Now, notes),
                Outcome.Refuted => Revert(memory, trial, verdict, world.Now, notes),
                _ => memory,
            };
        }

        return memory;
    }

    private static Memory Commit(Memory memory, Trial trial, Verdict verdict, Instant now, List<Note> notes)
    {
        var subject = Subjects.Workload(trial.Workload);
        notes.Add(new Note("verdict", subject, $"proven: {trial.Change.Text} ({verdict.Evidence})"));
        if (trial is { Rank: Rank.Repair, Fallback: { } old })
        {
            // What was left behind is not gone back to before its time.
            var left = Change.Between(old.Weights.Digest == trial.Candidate.Weights.Digest ? trial.Candidate : null, old);
            memory = memory with { Lessons = Learn(memory.Lessons, left, new Verdict(Outcome.Refuted, trial.Reason, AboutArtifact: false) { Code = trial.Mends ?? "" }, trial.Room, now) };
        }

        return memory with
        {
            Good = memory.Good.With(trial.Candidate),
            Trials = memory.Trials.Remove(trial),
            Crashes = memory.Crashes.RemoveAll(c => c.Spec == trial.Fallback?.Id),
            Incidents = memory.Incidents.Close(Conditions.CrashLoop.Code, subject, $"{trial.Candidate.Model} serves: {verdict.Evidence}", now).Close(Conditions.NothingHelps.Code, subject, $"{trial.Candidate.Model} serves: {verdict.Evidence}", now),
        };
    }

    /// <summary>Going back is making the last good instance the target again: how it runs, never what was asked for.</summary>
    private static Memory Revert(Memory memory, Trial trial, Verdict verdict, Instant now, List<Note> notes)
    {
        var subject = Subjects.Workload(trial.Workload);
        // Where memory was short, less of the same may do.
        var about = Conditions.Find(verdict.Code) is { Layer: Layer.Memory } ? Change.ShapeOf(trial.Candidate) : trial.Change;
        var back = trial.Fallback is { } fallback ? $"{fallback.Model} is the target again" : "another candidate is looked for";
        notes.Add(new Note("verdict", subject, $"refuted: {trial.Change.Text} ({verdict.Evidence}); {back}"));

        // The condition that it was to mend is as open as before: the next step of its remedy is due.
        if (trial.Mends is { } code && memory.LadderOf(trial.Workload, code) is { } ladder) memory = memory with { Ladders = memory.Ladders.Replace(ladder, ladder with { Answered = Math.Min(ladder.Answered, ladder.Seen - 1) }) };
        return memory with
        {
            Target = trial.Fallback is { } good ? memory.Target.With(good) : memory.Target.Without(trial.Workload),
            Trials = memory.Trials.Remove(trial),
            Lessons = Learn(memory.Lessons, about, verdict, trial.Room, now),
            Crashes = memory.Crashes.RemoveAll(c => c.Spec == trial.Candidate.Id),
            Incidents = memory.Incidents.See(Conditions.TrialRefuted, subject, $"{trial.Change.Text}: {verdict.Evidence}", now).Close(Conditions.TrialRefuted.Code, subject, back, now),
        };
    }

    internal static ImmutableArray<Lesson> Learn(ImmutableArray<Lesson> lessons, Change change, Verdict verdict, ByteSize? room, Instant now)
    {
        var before = lessons.FirstOrDefault(l => l.Key == change.Key);
        var times = (before?.Times ?? 0) + 1;
        var term = TimeSpan.FromTicks(Math.Min(Lesson.LongestTerm.Ticks, Lesson.FirstTerm.Ticks << Math.Min(times - 1, 10)));
        var rest = before is null ? lessons : lessons.Remove(before);
        if (rest.Length == Lesson.Max) rest = rest.RemoveAt(0);
        return rest.Add(new Lesson(change.Key, change.Text, verdict.Evidence, now.Wall, verdict.AboutArtifact ? null : now.Boot + term, times) { Code = verdict.Code, Room = room });
    }

    /// <summary>Hears the proposers in rank order. The first that has something ready is adopted as a trial, unless one of its rank or above is under way.</summary>
    private static (Memory Memory, ImmutableArray<(Workload Workload, Advice Advice)> Advice) Adopt(Situation situation, List<Note> notes)
    {
        var heard = ImmutableArray.CreateBuilder<(Workload Workload, Advice Advice)>(situation.Intent.Workloads.Length);
        foreach (var workload in situation.Intent.Workloads)
        {
            var advice = Place(situation, Hear(situation, workload));
            heard.Add((workload, advice));
            if (advice.InPlace is { } step) situation = situation with { Memory = Take(situation, step, notes) };
            if (advice.Ready is { } proposal) situation = situation with { Memory = Begin(situation, proposal, notes) };
        }

        return (situation.Memory, heard.MoveToImmutable());
    }

    /// <summary>Room is among what a trial needs: its clock begins when others have made room that are on demand, or that are to be changed as well.</summary>
    private static Advice Place(Situation situation, Advice advice)
    {
        if (advice.Ready is not { } proposal) return advice;
        var spec = proposal.Candidate.Spec;
        if (situation.Memory.Good.For(spec.Workload)?.Id == spec.Id) return advice;
        if (!situation.IsOnDemand(proposal.Workload.Name)) return BesideTheOld(situation, spec) is { } old ? advice with { Ready = null, Withheld = old } : advice;
        var others = situation.World.Instances
            .Where(i => i.Workload != spec.Workload)
            .Select(i => (Spec: situation.Memory.Find(i.Spec), Fact: i))
            .Where(h => h.Spec is not null)
            .Select(h => new Holder(h.Spec!, h.Fact))
            .ToList();
        others.AddRange(situation.Memory.Target.Instances.Where(t => t.Workload != spec.Workload && situation.World.Find(t.Id) is null && (!situation.IsOnDemand(t.Workload) || situation.Memory.TrialOf(t.Workload) is not null)).Select(t => new Holder(t, null)).ToList());
        return Turns.For(situation, spec, situation.Now, others).Waits is { } waits ? advice with { Ready = null, Withheld = waits } : advice;
    }

    /// <summary>Why there is no room yet: another workload runs what the owner no longer wants. Null when there is.</summary>
    private static Withheld? BesideTheOld(Situation situation, InstanceSpec spec)
    {
        var loaded = situation.Memory.Target.Instances.Where(t => t.Workload != spec.Workload && situation.World.Find(t.Id) is not null).ToList();
        if (loaded.Find(t => situation.Intent.Find(t.Workload) is { } other && !situation.Answers(other, t)) is not { } old) return null;
        if (Budget.Short(situation.Machine, situation.Intent.Policy, PoolUse.Of(loaded).With(spec)) is not { } crowded) return null;
        return new Withheld($"{spec.Model} has no room while {old.Workload} runs {old.Model}: together they take {crowded}", null, $"the change of {old.Workload}");
    }

    /// <summary>The first proposer with something to say. One that ranks no higher than the trial under way may only prepare.</summary>
    private static Advice Hear(Situation situation, Workload workload)
    {
        var trial = situation.Memory.TrialOf(workload.Name);
        for (var rank = Rank.ColdStart; rank <= Rank.Upgrade; rank++)
        {
            var advice = Proposers[(int)rank - 1](situation, workload);
            if (rank >= trial?.Rank) advice = advice with { Ready = null, Withheld = null, InPlace = null };
            if (advice != Advice.None) return advice;
        }

        return Advice.None;
    }

    /// <summary>A step of a remedy that changes nothing about the target.</summary>
    private static Memory Take(Situation situation, InPlace place, List<Note> notes)
    {
        var (memory, now) = (Step(situation.Memory, place.Workload, place.Step, situation.Now), situation.World.Now);
        var subject = Subjects.Workload(place.Workload);
        if (place.Opens is { } opened)
        {
            var opens = Conditions.Of(opened);
            return memory.Incidents.HasOpen(opens, subject) ? memory : Absorb.See(memory, opens, subject, place.Reason, now, notes);
        }

        notes.Add(new Note("repair", subject, $"{Words(place.Step)}, because {place.Reason}"));
        return place.Orders.Aggregate(memory, Absorb.Give);
    }

    /// <summary>Remembers that a step was taken, where the ladder and the incident can be seen.</summary>
    private static Memory Step(Memory memory, WorkloadName workload, Step step, TimeSpan now)
    {
        if (memory.LadderOf(workload, step.Condition) is { } ladder) memory = memory with { Ladders = memory.Ladders.Replace(ladder, ladder.Take(step.Do, now)) };
        return memory with { Incidents = memory.Incidents.Try(Conditions.Of(step.Condition), Subjects.Workload(workload), Words(step)) };
    }

    private static string Words(Step step) => step.Do switch
    {
        AmendmentKind.Refetch => "its files are read again from end to end",
        AmendmentKind.AskReboot => "a new start of the machine is asked for",
        AmendmentKind.RestartDaemon => "the daemon is started anew",
        _ => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(step.Do.ToString()),
    };

    private static Memory Begin(Situation situation, Proposal proposal, List<Note> notes)
    {
        var (memory, now) = (situation.Memory, situation.Now);
        var candidate = proposal.Candidate.Spec;
        var fallback = memory.Good.For(candidate.Workload);
        var subject = Subjects.Workload(candidate.Workload);
        if (memory.TrialOf(candidate.Workload) is { } pending)
        {
            notes.Add(new Note("trial", subject, $"given up: {pending.Change.Text}, for {proposal.Reason}"));
            memory = memory with { Trials = memory.Trials.Remove(pending) };
        }

        if (fallback?.Id == candidate.Id)
        {
            notes.Add(new Note("target", subject, $"what runs already answers the new intent: {candidate}"));
            return memory with { Target = memory.Target.With(candidate), Good = memory.Good.With(candidate) };
        }

        var change = Change.Between(fallback, candidate);
        notes.Add(new Note("trial", subject, $"begun: {change.Text}, because {proposal.Reason}"));
        if (proposal.Step is { } step) memory = Step(memory, candidate.Workload, step, now);

        var starts = proposal.Rank == Rank.Upgrade ? memory.TrialStarts.Add(now) : memory.TrialStarts;
        return memory with
        {
            Target = memory.Target.With(candidate),
            Trials = memory.Trials.Add(new Trial
            {
                Workload = candidate.Workload,
                Rank = proposal.Rank,
                Candidate = candidate,
                Fallback = fallback,
                Change = change,
                Reason = proposal.Reason,
                Beside = fallback is not null && ((proposal.Rank != Rank.Repair && !situation.IsOnDemand(candidate.Workload)) || situation.World.Find(fallback.Id) is { State: InstanceState.Ready }) && Beside.Fits(situation, fallback, candidate),
                Mends = proposal.Step?.Condition,
                MustReach = proposal.Step is { Proof: ProofKind.Speed, Condition: var mended } ? memory.LadderOf(candidate.Workload, mended)?.Restored : null,
                Room = Absorb.RoomOf(memory, situation.World),
                StartedAt = now,
                Deadline = now + Judge.Allowance(candidate),
            }),
            TrialStarts = starts.Length > Memory.MaxStarts ? starts.RemoveAt(0) : starts,
        };
    }
}

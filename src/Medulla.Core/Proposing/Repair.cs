using Medulla.Core.Blueprints;
using Medulla.Core.Incidents;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Core.Proposing;

/// <summary>
/// What is committed cannot go on as it is. Climbs the remedies that the catalog has for each open condition of a workload, one
/// step for each time that it is seen: what changes nothing first (start again, read the artifact again), then the smallest
/// change. How far it has climbed is remembered, and a step that was refuted is not taken again while its lesson holds.
/// </summary>
public static class Repair
{
    /// <summary>For a catalog without remedies, and for conditions that it has none for, once they have spent the crash budget.</summary>
    private static readonly ImmutableArray<Amendment> LastResort =
    [
        new(AmendmentKind.PreviousBuild, null, null, ProofKind.Golden, null),
        new(AmendmentKind.OtherBackend, null, null, ProofKind.Golden, null),
        new(AmendmentKind.SmallerQuantisation, null, null, ProofKind.Golden, null),
        new(AmendmentKind.SmallerModel, null, 3, ProofKind.Golden, null),
        new(AmendmentKind.EmbeddedModel, null, 3, ProofKind.Serves, null),
    ];

    public static Advice Propose(Situation situation, Workload workload)
    {
        if (situation.Memory.Good.For(workload.Name) is not { } current) return Advice.None;
        if (situation.FindEngine(current.Engine) is null && situation.Substitute(current.Engine) is { } other) return ChangeEngine(situation, workload, current, other);
        var waiting = situation.Memory.Ladders
            .Where(l => l.Workload == workload.Name && l.IsWaiting)
            .OrderByDescending(l => Conditions.Of(l.Condition).Severity)
            .ThenByDescending(l => l.SeenAt);
        foreach (var ladder in waiting)
        {
            if (Climb(situation, workload, current, ladder) is { } advice) return advice;
        }

        return Advice.None;
    }

    /// <summary>The next step; null when there is no remedy, or nothing more to do before the condition is seen again.</summary>
    private static Advice? Climb(Situation situation, Workload workload, InstanceSpec current, Ladder ladder)
    {
        var condition = Conditions.Of(ladder.Condition);
        var remedy = situation.Catalog.FindRemedy(ladder.Condition);
        if (remedy is null && condition != Conditions.CrashLoop) return null;
        if (!Holds(remedy?.When, ladder)) return null;
        var reason = situation.Memory.Incidents.LastOrDefault(i => i.IsOpen && i.Code == ladder.Condition && i.Subject == Subjects.Workload(workload.Name))?.Evidence[^1] ?? condition.Title;
        foreach (var step in remedy?.Amendments ?? LastResort)
        {
            if (ladder.TimesOf(step.Do) >= (step.AtMost ?? 1) || !Holds(step.When, ladder)) continue;
            if (Take(situation, workload, current, ladder, step, reason) is { } advice) return advice;
        }

        if (condition.Severity != Severity.Critical) return null;
        var spent = new InPlace(workload.Name, new Step(ladder.Condition, AmendmentKind.Restart), $"{condition.Title}: {reason}", [], Conditions.NothingHelps.Code);
        return situation.Memory.Incidents.HasOpen(Conditions.NothingHelps, Subjects.Workload(workload.Name)) ? null : Advice.None with { InPlace = spent };
    }

    private static bool Holds(AmendmentGuard? guard, Ladder ladder) => guard is null || ladder.Seen >= guard.TimesAtLeast;

    private static Advice? Take(Situation situation, Workload workload, InstanceSpec current, Ladder ladder, Amendment amendment, string reason)
    {
        var step = new Step(ladder.Condition, amendment.Do, amendment.Proof);
        switch (amendment.Do)
        {
            case AmendmentKind.Restart:
                // What has ended is started again by the plan; what runs on with the fault is ended.
                var runs = situation.World.Find(current.Id) is { State: InstanceState.Ready } fact && fact.StartedAt < ladder.SeenAt && situation.Memory.RenewalOf(current.Id, fact.StartedAt) is null;
                return InPlace(runs ? [new Order(OrderKind.Renew, current.Id.Value, situation.Now, reason)] : []);
            case AmendmentKind.Refetch:
                return InPlace(
                [
                    .. current.Files.Select(f => new Order(OrderKind.Verify, Subjects.Weights(f.Digest), situation.Now, reason)),
                    new Order(OrderKind.Verify, Subjects.Build(current.Engine), situation.Now, reason),
                ]);
            case AmendmentKind.RestartDaemon:
                return situation.Memory.MayRelaunch(situation.Now) ? InPlace([new Order(OrderKind.Relaunch, Subjects.Daemon, situation.Now, reason)]) : null;
            case AmendmentKind.AskReboot:
                return InPlace([], Conditions.RebootWanted.Code);
        }

        if (Candidate(situation, workload, current, amendment, ladder) is not { } candidate) return null;

        // What cannot be fetched now is passed over while there are steps that need nothing.
        if (Needs.Of(situation, candidate).Any(n => situation.Memory.FetchOf(n.Subject) is { } failed && situation.Now < failed.NotBefore)) return null;
        return Advice.Of(new Proposal
        {
            Workload = workload,
            Rank = Rank.Repair,
            Reason = reason,
            Candidate = candidate,
            Needs = Needs.Of(situation, candidate),
            Step = step,
        });

        Advice InPlace(ImmutableArray<Order> orders, string? opens = null) => Advice.None with { InPlace = new InPlace(workload.Name, step, reason, orders, opens) };
    }

    private static Candidate? Candidate(Situation situation, Workload workload, InstanceSpec current, Amendment amendment, Ladder ladder)
    {
        var resolution = situation.Resolve(workload);
        var allowed = situation.Allowed(workload, resolution).Where(c => c.Spec.Id != current.Id);
        var size = current.Memory + current.DeviceMemory;
        return amendment.Do switch
        {
            AmendmentKind.PreviousBuild => situation.World.Engines
                .Where(e => e.Build.Engine == current.Engine.Engine && e.Build.Backend == current.Engine.Backend && e.Build.Digest != current.Engine.Digest)
                .OrderByDescending(e => e.Build.Number)
                .ThenBy(e => e.Build.Digest.Hex, StringComparer.Ordinal)
                .Select(e => Recast(current with { Engine = e.Build }))
                .FirstOrDefault(c => c is not null),
            AmendmentKind.OtherBackend => Nearest(allowed.Where(c => c.Spec.Weights.Digest == current.Weights.Digest && c.Spec.Engine.Backend != current.Engine.Backend)),
            AmendmentKind.SmallerQuantisation => Nearest(allowed.Where(c => c.Spec.Model == current.Model && c.File.Size < current.Weights.Size)),
            AmendmentKind.SmallerModel => Nearest(allowed.Where(c => c.Spec.Model != current.Model && c.Spec.Memory + c.Spec.DeviceMemory <= size))
                ?? Nearest(allowed.Where(c => c.Spec.Weights.Digest != current.Weights.Digest && situation.ReachOf(c) != Reach.Remote)),
            AmendmentKind.EmbeddedModel => allowed.Where(c => c.Spec.Weights.Digest != current.Weights.Digest && situation.ReachOf(c) != Reach.Remote).OrderBy(c => c.Spec.Memory + c.Spec.DeviceMemory).FirstOrDefault(),
            _ => Amending.Apply(current, amendment, Conditions.Of(ladder.Condition).Layer is Layer.Memory or Layer.Accelerator, workload, Shape()) is { } spec ? Recast(spec) : null,
        };

        // What is here or near serves soonest; what is far is fetched only where nothing else is left.
        Candidate? Nearest(IEnumerable<Candidate> candidates) => candidates.OrderBy(situation.ReachOf).FirstOrDefault();

        ModelShape? Shape() => Model() is { } model ? ModelShapes.Of(model) : null;

        ModelEntry? Model() => situation.Catalog.FindModel(current.Model) ?? situation.World.OwnModels.FirstOrDefault(m => m.Id == current.Model);

        // The same model file, run otherwise.
        Candidate? Recast(InstanceSpec spec)
        {
            if (situation.Memory.IsRefuted(Change.Between(current, spec), situation.Now) || situation.Memory.IsRefuted(Change.Between(null, spec), situation.Now)) return null;
            if (resolution.Candidates.FirstOrDefault(c => c.Spec.Weights.Digest == spec.Weights.Digest && c.Spec.Engine.Backend == spec.Engine.Backend) is { } like) return like with { Spec = spec };
            var engine = situation.Catalog.FindEngine(spec.Engine.Engine);
            return engine?.Builds.FirstOrDefault(b => b.Backend == spec.Engine.Backend) is { } build && Model() is { } model && model.Files.FirstOrDefault(f => f.Digest == spec.Weights.Digest) is { } file
                ? new Candidate(spec, model, file, engine, build, Placement.Of(situation.Machine, situation.Catalog)[^1], default!, null, null)
                : null;
        }
    }

    private static Advice ChangeEngine(Situation situation, Workload workload, InstanceSpec current, EngineFact other)
    {
        var same = situation.Allowed(workload, situation.Resolve(workload)).FirstOrDefault(c => c.Spec.Weights.Digest == current.Weights.Digest);
        return same is null
            ? Advice.Hold($"{current.Engine} is gone, and {current.Model} was refuted on {other.Build}", null, "another build")
            : Advice.Of(new Proposal
            {
                Workload = workload,
                Rank = Rank.Repair,
                Reason = $"{current.Engine} is gone and {other.Build} is here",
                Candidate = same,
                Needs = Needs.Of(situation, same),
            });
    }
}

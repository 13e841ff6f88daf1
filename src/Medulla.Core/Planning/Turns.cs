using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Proposing;
using Medulla.Core.Units;

namespace Medulla.Core.Planning;

/// <summary>
/// Who makes room for whom. An instance on demand that is idle goes, the least recently used first; one with requests in
/// flight is never ended for another, one that stays loaded never at all. Nobody goes before its least stay, and one
/// that is never without requests takes nothing new once somebody has waited for <see cref="Patience"/>: so each has its turn.
/// </summary>
public static class Turns
{
    /// <summary>An instance keeps its memory for twice the time that loading it took, within these bounds: loading must not be most of what is done.</summary>
    public static readonly TimeSpan LeastStay = TimeSpan.FromSeconds(2);

    public static readonly TimeSpan MostStay = TimeSpan.FromSeconds(30);

    /// <summary>A request waits so long before an instance that is never idle takes nothing new.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>While somebody else's requests are waited for: how soon to look again.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    /// <summary>Boot time at which it was of use last: its latest request, or else the moment it was ready.</summary>
    public static TimeSpan LastUse(InstanceFact fact) => fact.UsedAt ?? fact.ReadyAt ?? fact.WatchedAt ?? fact.StartedAt;

    /// <summary>Boot time until which it keeps its memory whoever asks.</summary>
    public static TimeSpan StaysUntil(InstanceFact fact)
    {
        var ready = fact.ReadyAt ?? fact.WatchedAt ?? fact.StartedAt;
        var stay = (ready - fact.StartedAt) * 2;
        return ready + (stay < LeastStay ? LeastStay : stay > MostStay ? MostStay : stay);
    }

    /// <summary>What must happen before an instance has its room.</summary>
    /// <param name="since">Boot time from which it has been waited for.</param>
    /// <param name="others">Instances that hold memory and stay unless they make room, and what is yet to be started beside them.</param>
    public static Room For(Situation situation, InstanceSpec spec, TimeSpan since, IReadOnlyCollection<Holder> others)
    {
        if (Fits(others)) return Room.Free;
        var idle = others.Where(o => o.Fact is { } fact && IsSpare(situation, o.Spec, fact) && MayGo(situation, fact, since)).OrderBy(o => LastUse(o.Fact!)).ThenBy(o => o.Fact!.Id.Value, StringComparer.Ordinal).ToList();
        var kept = others.Except(idle).ToList();
        if (Fits(kept))
        {
            // The most recently used come back first, as many as there is room for.
            for (var i = idle.Count - 1; i >= 0; i--)
            {
                kept.Add(idle[i]);
                if (Fits(kept)) idle.RemoveAt(i);
                else kept.RemoveAt(kept.Count - 1);
            }

            return Room.Free with { Going = [.. idle.Select(o => o.Fact!)] };
        }

        var now = situation.Now;
        var busy = kept.Where(o => o.Fact is { } fact && IsSpare(situation, o.Spec, fact)).Select(o => o.Fact!).OrderBy(f => f.Id.Value, StringComparer.Ordinal).ToList();

        // What stays loaded is held up by nobody but those on demand.
        if (busy.Count == 0 && !situation.IsOnDemand(spec.Workload)) return Room.Free;
        var closed = busy.Where(f => f.Requests > 0 && now >= StaysUntil(f) && now - since >= Patience && !IsOlder(situation, f, since)).Select(f => f.Id).ToImmutableArray();
        return Room.Free with { Closed = closed, Waits = Why(situation, spec, since, busy, kept) };

        bool Fits(IEnumerable<Holder> beside) => Budget.Holds(situation.Machine, situation.Intent.Policy, PoolUse.Of(beside.Select(o => o.Spec)).With(spec));
    }

    private static Withheld Why(Situation situation, InstanceSpec spec, TimeSpan since, List<InstanceFact> busy, List<Holder> kept)
    {
        var now = situation.Now;
        if (busy.FirstOrDefault(f => f.Requests > 0) is { } serving) return new Withheld($"{serving.Workload} has {(serving.Requests == 1 ? "a request" : $"{serving.Requests} requests")} in flight, and {spec.Model} needs its memory", now + Look, "the end of its requests");
        if (busy.FirstOrDefault(f => IsOlder(situation, f, since)) is { } first) return new Withheld($"requests for {first.Workload} have waited longer, and {spec.Model} needs the same memory", now + Look, "its turn");
        if (busy.FirstOrDefault(f => situation.Memory.TrialOf(f.Workload) is not null) is { } tried) return new Withheld($"{tried.Model} is on trial, and {spec.Model} needs its memory", null, "the verdict");
        if (busy.FirstOrDefault(f => f.State == InstanceState.Starting) is { } starting) return new Withheld($"{starting.Model} is being loaded, and {spec.Model} needs its memory", null, "its first token");
        if (busy.MinBy(StaysUntil) is { } fresh) return new Withheld($"{fresh.Model} was loaded a moment ago, and {spec.Model} needs its memory", StaysUntil(fresh), "the end of its least stay");
        var use = PoolUse.Of(kept.Select(o => o.Spec)).With(spec);
        return new Withheld($"{spec.Model} has no room beside {string.Join(" and ", kept.Select(o => o.Spec.Model).Distinct())}: together they take {Budget.Short(situation.Machine, situation.Intent.Policy, use)}", null, "the end of one of them");
    }

    /// <summary>The target of a workload on demand: all else is not for this to end.</summary>
    private static bool IsSpare(Situation situation, InstanceSpec spec, InstanceFact fact) =>
        fact.State is InstanceState.Ready or InstanceState.Starting && situation.IsOnDemand(fact.Workload) && situation.Memory.Target.For(fact.Workload)?.Id == spec.Id;

    private static bool MayGo(Situation situation, InstanceFact fact, TimeSpan since) =>
        fact is { State: InstanceState.Ready, Requests: 0 } && situation.Now >= StaysUntil(fact) && situation.Memory.TrialOf(fact.Workload) is null && !IsOlder(situation, fact, since);

    /// <summary>Somebody waits for this very instance, and for longer.</summary>
    private static bool IsOlder(Situation situation, InstanceFact fact, TimeSpan since) => situation.World.DemandOf(fact.Workload) is { } own && own.Since <= since;
}

/// <summary>What holds memory, or is about to.</summary>
/// <param name="Fact">Null for what is yet to be started.</param>
public sealed record Holder(InstanceSpec Spec, InstanceFact? Fact);

/// <summary>What must happen before an instance can be loaded.</summary>
/// <param name="Going">Idle instances that make room.</param>
/// <param name="Closed">Instances that take nothing new, so that they become idle.</param>
/// <param name="Waits">Why there is no room and none can be made now; null when there is, or when what is in <paramref name="Going"/> is enough.</param>
public sealed record Room(ImmutableArray<InstanceFact> Going, ImmutableArray<InstanceId> Closed, Withheld? Waits)
{
    public static readonly Room Free = new([], [], null);
}

using Medulla.Core.Blueprints;
using Medulla.Core.Observing;

namespace Medulla.Core.Incidents;

/// <summary>
/// Does an instance live? It does while it makes progress, whatever its health endpoint says: counters, bytes, or computing
/// time. One that is busy with a long prompt computes; one that waits for a slow client owes nothing.
/// </summary>
public static class Liveness
{
    /// <summary>With work and without any motion at all; with a look each second it is noticed within ten.</summary>
    public static readonly TimeSpan StillLimit = TimeSpan.FromSeconds(7);

    /// <summary>Stopped by a signal: nobody continues it by chance that soon.</summary>
    public static readonly TimeSpan StoppedLimit = TimeSpan.FromSeconds(3);

    /// <summary>Without its socket, which nobody but the engine can open again.</summary>
    public static readonly TimeSpan UnreachableLimit = TimeSpan.FromSeconds(1);

    /// <summary>Errors for answers, to a tiny prompt as well: each second it is asked once more.</summary>
    public static readonly TimeSpan FailingLimit = TimeSpan.FromSeconds(3);

    /// <summary>Without work: its main thread in the kernel, or a tiny prompt without an answer.</summary>
    public static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(25);

    /// <summary>While it starts: neither computing nor reading.</summary>
    public static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    /// <summary>Tokens that an engine works on before a counter moves.</summary>
    private const double Batch = 2048;

    private static readonly TimeSpan LeastBusyLimit = TimeSpan.FromSeconds(60);

    /// <summary>Computing with counters that stand still: three times as long as the slowest step is expected to take.</summary>
    public static TimeSpan BusyLimit(InstanceSpec spec) =>
        spec.ExpectedPromptTokensPerS is > 0 and var speed ? TimeSpan.FromSeconds(Math.Max(LeastBusyLimit.TotalSeconds, 3 * Batch / speed)) : LeastBusyLimit * 4;

    /// <summary>What is wrong with it; null when it lives.</summary>
    public static Cause? Of(InstanceFact fact, InstanceSpec spec, TimeSpan now)
    {
        if (fact.Pulse is not { } pulse || fact.State is not (InstanceState.Starting or InstanceState.Ready)) return null;
        if (pulse.FeltAt < now) now = pulse.FeltAt.Value;
        if (Longer(pulse.StoppedSince, StoppedLimit)) return new Cause(Conditions.EngineStopped, $"pid {fact.Pid} has been stopped for {Seconds(pulse.StoppedSince)}");
        if (pulse.RefusedSince is not null) return new Cause(Conditions.SecretMismatch, $"pid {fact.Pid} answers our own question with 401");
        if (Longer(pulse.UnreachableSince, UnreachableLimit)) return new Cause(Conditions.EngineUnresponsive, $"the socket of pid {fact.Pid} is gone, so that no request reaches it");
        if (Longer(pulse.FailingSince, FailingLimit)) return new Cause(Conditions.EngineUnresponsive, $"pid {fact.Pid} has answered requests, and a tiny prompt as well, with errors for {Seconds(pulse.FailingSince)}");
        if (fact.State == InstanceState.Starting)
        {
            return Longer(Later(pulse.ComputedAt, fact.StartedAt), StartLimit)
                ? new Cause(Conditions.EngineUnresponsive, $"pid {fact.Pid} has neither computed nor read anything for {Seconds(pulse.ComputedAt)} while it starts")
                : null;
        }

        if (pulse.OwesSince is { } owes)
        {
            var moved = Later(owes, pulse.MovedAt);
            var blind = spec.Settings.Accelerator >= 0 && !pulse.SeesAccelerator;
            if (!blind && Longer(Later(moved, pulse.ComputedAt), StillLimit))
            {
                return new Cause(Conditions.EngineHung, $"pid {fact.Pid} has work, and no counter, no byte and no computing time has moved for {Seconds(Later(moved, pulse.ComputedAt))}");
            }

            if (pulse.HasCounters ? Longer(moved, BusyLimit(spec)) : blind && Longer(Later(moved, pulse.ComputedAt), BusyLimit(spec)))
            {
                return new Cause(Conditions.EngineHung, $"pid {fact.Pid} has work and computes, and no counter and no byte has moved for {Seconds(moved)}");
            }

            return null;
        }

        if (Longer(pulse.StuckSince, IdleLimit)) return new Cause(Conditions.EngineUnresponsive, $"the main thread of pid {fact.Pid} has waited in the kernel for {Seconds(pulse.StuckSince)}");
        var silent = pulse.SilentSince is { } since && (Longer(Later(since, pulse.ComputedAt), IdleLimit) || Longer(since, BusyLimit(spec)));
        return silent ? new Cause(Conditions.EngineUnresponsive, $"pid {fact.Pid} has left a tiny prompt unanswered for {Seconds(pulse.SilentSince)}") : null;

        bool Longer(TimeSpan? since, TimeSpan limit) => since is { } start && now - start >= limit;
        string Seconds(TimeSpan? since) => $"{(now - since!.Value).TotalSeconds:0} s";
        static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
    }
}

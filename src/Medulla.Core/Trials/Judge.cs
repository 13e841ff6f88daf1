using Medulla.Core.Blueprints;
using Medulla.Core.Incidents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Units;

namespace Medulla.Core.Trials;

/// <summary>Evidence → verdict. The one place where a trial is proven or refuted.</summary>
public static class Judge
{
    /// <summary>After its proof a candidate is watched this long before the fallback is let go.</summary>
    public static readonly TimeSpan Watch = TimeSpan.FromSeconds(5);

    /// <summary>Probes in a row without any answer that refute: one may have had to wait too long.</summary>
    public const int ProbeTries = 2;

    /// <summary>Crashes above the base rate that refute.</summary>
    public const int CrashLimit = 3;

    /// <summary>How long a candidate may take from adoption to proof: loading is given 20 MB/s at worst.</summary>
    public static TimeSpan Allowance(InstanceSpec candidate) => TimeSpan.FromSeconds(180 + (candidate.Weights.Size.Bytes / 20e6));

    /// <summary>Counts what happened since the last look into the trial.</summary>
    public static Trial Witness(Trial trial, Observation world)
    {
        foreach (var exit in world.Signals.OfType<Signal.InstanceExited>())
        {
            if (exit.Asked) continue;
            if (exit.Spec == trial.Candidate.Id) trial = trial with { Crashes = trial.Crashes + 1, ProvedAt = null };
            else trial = trial with { OtherCrashes = trial.OtherCrashes + 1 };
        }

        // Time that the machine slept is not the candidate's.
        if (world.Signals.Any(s => s is Signal.HostEvent { Condition: var code } && code == Conditions.Resumed.Code) && trial.Deadline < world.Now.Boot + Allowance(trial.Candidate)) trial = trial with { Deadline = world.Now.Boot + Allowance(trial.Candidate) };
        if (trial.ProvedAt is null && world.Find(trial.Candidate.Id) is { State: InstanceState.Ready, Probe.IsGood: true })
        {
            trial = trial with { ProvedAt = world.Now.Boot };
        }

        return trial;
    }

    public static Verdict Decide(Trial trial, Observation world, Catalog catalog)
    {
        if (Refusal(trial, world, catalog) is { } refusal) return refusal;
        if (trial.Trouble is { } trouble) return new Verdict(Outcome.Refuted, trouble, AboutArtifact: false);
        var fact = world.Find(trial.Candidate.Id);
        if (fact?.Probe is { IsGood: false } probe && !(probe.NoAnswer && probe.InARow < ProbeTries))
        {
            return new Verdict(Outcome.Refuted, $"answered {probe.Passed} of {probe.Asked} golden prompts as expected ({probe.Failure})", AboutArtifact: false);
        }

        if (trial.Crashes - trial.OtherCrashes >= CrashLimit)
        {
            return new Verdict(Outcome.Refuted, $"exited {trial.Crashes} times while others exited {trial.OtherCrashes} times", AboutArtifact: false);
        }

        if (trial.ProvedAt is { } proved && fact is { State: InstanceState.Ready })
        {
            var asked = fact.Probe?.Asked ?? 0;
            if (trial.MustReach is { } least && world.Now.Boot < trial.Deadline)
            {
                if (fact.Speed?.TokensPerS is not { } speed) return Verdict.Open;
                if (speed < least) return new Verdict(Outcome.Refuted, $"it decodes {speed:0.#} tokens/s, and {least:0.#} were to be reached", AboutArtifact: false);
            }

            if (trial.Fallback is null) return new Verdict(Outcome.Proven, $"answered {asked} of {asked} golden prompts", AboutArtifact: false);
            if (world.Now.Boot >= proved + Watch) return new Verdict(Outcome.Proven, $"answered {asked} of {asked} golden prompts and held for {Watch.TotalSeconds:0} s", AboutArtifact: false);
            return Verdict.Open;
        }

        return world.Now.Boot >= trial.Deadline
            ? new Verdict(Outcome.Refuted, $"gave no proof within {(trial.Deadline - trial.StartedAt).TotalSeconds:0} s", AboutArtifact: false)
            : Verdict.Open;
    }

    /// <summary>A refused boot refutes at once. A kill from outside (SIGKILL, SIGTERM) is not a refusal.</summary>
    private static Verdict? Refusal(Trial trial, Observation world, Catalog catalog)
    {
        foreach (var signal in world.Signals)
        {
            switch (signal)
            {
                case Signal.StartFailed failed when failed.Spec == trial.Candidate.Id:
                    return new Verdict(Outcome.Refuted, failed.Reason, AboutArtifact: false) { Code = Diagnosis.Of(failed).Condition.Code };
                case Signal.InstanceExited { Asked: false } exit when exit.Spec == trial.Candidate.Id && exit.IsRefusal:
                    var cause = Diagnosis.Of(exit, catalog.FindEngine(trial.Candidate.Engine.Engine));
                    return new Verdict(Outcome.Refuted, $"refused to start: {cause.Text}", cause.Condition.IsAboutArtifact) { Code = cause.Condition.Code };
            }
        }

        return null;
    }
}

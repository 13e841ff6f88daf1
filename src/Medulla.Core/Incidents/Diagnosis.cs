using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Units;

namespace Medulla.Core.Incidents;

/// <param name="Text">The cause in one sentence.</param>
public sealed record Cause(Condition Condition, string Text);

/// <summary>
/// From the end of a process to its cause. What the engine itself says comes first, by the symptoms that the catalog knows of
/// it; then what the kernel counted; then the bare code or signal. Text of a log is compared and quoted, never obeyed.
/// </summary>
public static class Diagnosis
{
    public static Cause Of(Signal.InstanceExited exit, EngineEntry? engine)
    {
        foreach (var symptom in engine?.Symptoms ?? [])
        {
            if (!Fits(symptom, exit)) continue;
            if (symptom.Says.IsEmpty) return new Cause(Conditions.Of(symptom.Condition), How(exit));
            if (symptom.FindIn(exit.LastLines) is { } line) return new Cause(Conditions.Of(symptom.Condition), $"{How(exit)}: {Told(line, exit)}");
        }

        if (exit.KilledFor is { } shortage)
        {
            return shortage == Shortage.Group
                ? new Cause(Conditions.KilledByGroupLimit, $"{How(exit)}: its control group counted a kill for want of memory")
                : new Cause(Conditions.KilledByKernel, $"{How(exit)}: the kernel counted a kill for want of memory");
        }

        var error = exit.LastLines.LastOrDefault(l =>
            l.Contains(" E ", StringComparison.Ordinal) || l.Contains("error", StringComparison.OrdinalIgnoreCase) || l.Contains("what():", StringComparison.Ordinal));
        return new Cause(exit.IsRefusal ? Conditions.BootRefused : Conditions.EngineExited, error is null ? How(exit) : $"{How(exit)}: {Told(error, exit)}");
    }

    /// <summary>What an engine says about itself although it serves; null when all is as planned.</summary>
    /// <param name="layers">Planned for the accelerator; null for all.</param>
    public static Cause? Of(Signal.InstanceReady ready, EngineEntry? engine, int? layers)
    {
        foreach (var symptom in engine?.Symptoms.Where(s => s.Serves) ?? [])
        {
            if (symptom.FindIn(ready.Lines, layers) is { } line) return new Cause(Conditions.Of(symptom.Condition), $"it serves, and says: {EngineLine.Shown(line)}");
        }

        return null;
    }

    /// <summary>No process came to be.</summary>
    public static Cause Of(Signal.StartFailed failed) => failed.Error switch
    {
        2 or 8 or 13 => new Cause(Conditions.ExecFailed, failed.Reason),
        11 or 12 or 23 or 24 => new Cause(Conditions.ThreadExhaustion, failed.Reason),
        _ => new Cause(Conditions.BootRefused, failed.Reason),
    };

    /// <summary>Why a fetch failed; null when its outcome says enough.</summary>
    public static Condition? OfFetch(ImmutableArray<SourceFailure> failures)
    {
        var kinds = failures.Select(f => f.Kind).Where(k => k != FailureKind.Other).ToHashSet();
        if (kinds.Contains(FailureKind.Unusable)) return Conditions.EngineRefused;
        if (kinds.Contains(FailureKind.WrongContent)) return Conditions.ChecksumMismatch;
        if (kinds.Contains(FailureKind.CertificateTime)) return Conditions.CertificateTime;
        if (kinds.Contains(FailureKind.Certificate)) return Conditions.CertificateRefused;
        if (kinds.Contains(FailureKind.Page)) return Conditions.CaptivePortal;
        if (kinds.Contains(FailureKind.Consent)) return Conditions.Gated;
        if (kinds.Contains(FailureKind.Limited)) return Conditions.RateLimited;
        if (kinds.Contains(FailureKind.Gone)) return Conditions.SourceGone;
        if (kinds.Contains(FailureKind.Unreachable)) return Conditions.SourceDown;
        return kinds.Contains(FailureKind.Name) ? Conditions.NameUnresolved : null;
    }

    public static string How(Signal.InstanceExited exit) => exit switch
    {
        { KilledBy: { } signal } => $"ended by signal {signal}{SignalName(signal)}",
        { ExitCode: { } code } => $"exit code {code}",
        _ => "exit code unknown (it was adopted)",
    };

    private static bool Fits(Symptom symptom, Signal.InstanceExited exit) =>
        !symptom.Serves &&
        (symptom.Exits.IsEmpty || (exit.ExitCode is { } code && symptom.Exits.Contains(code))) &&
        (symptom.Killed.IsEmpty || (exit.KilledBy is { } signal && symptom.Killed.Contains(signal))) &&
        (symptom.Ready is not { } ready || ready == exit.WasReady);

    private static string SignalName(int signal) => signal switch
    {
        4 => " (illegal instruction)",
        6 => " (abort)",
        7 => " (bus error: its file shrank, or memory failed)",
        9 => " (killed)",
        11 => " (segmentation fault)",
        15 => " (terminated)",
        _ => "",
    };

    /// <summary>Once it has seen requests, an engine may quote them: then only lines of known shapes are told.</summary>
    private static string Told(string line, Signal.InstanceExited exit)
    {
        var told = (exit.WasReady ? EngineLine.Shown(line) : line).Trim();
        return told.Length <= 200 ? told : told[..200] + "…";
    }
}

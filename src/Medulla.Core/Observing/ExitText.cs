namespace Medulla.Core.Observing;

/// <summary>Puts an exit into words, from its code and its last lines (llama-server 0.7.0 and before, as observed).</summary>
public static class ExitText
{
    /// <summary>Fragments that are about the file itself: another start with the same bytes ends the same way.</summary>
    private static readonly ImmutableArray<string> ArtifactFragments =
    [
        "unknown model architecture",
        "invalid magic characters",
        "failed to read magic",
        "failed to read key-value pairs",
        "model is corrupted or incomplete",
        "this software only supports up to version",
        "is no longer supported",
        "failed to initialize chat template",
        "check_tensor_dims",
        "missing tensor",
    ];

    /// <summary>The cause in one sentence: the last line of the log that names an error, else the code or signal.</summary>
    public static (string Text, bool AboutArtifact) Cause(Signal.InstanceExited exit)
    {
        var artifact = exit.LastLines.LastOrDefault(l => ArtifactFragments.Any(f => l.Contains(f, StringComparison.Ordinal)));
        if (artifact is not null) return ($"{How(exit)}: {Trim(artifact)}", true);
        var error = exit.LastLines.LastOrDefault(l =>
            l.Contains(" E ", StringComparison.Ordinal) || l.Contains("error", StringComparison.OrdinalIgnoreCase) || l.Contains("what():", StringComparison.Ordinal));
        return (error is null ? How(exit) : $"{How(exit)}: {Trim(error)}", false);
    }

    public static string How(Signal.InstanceExited exit) => exit switch
    {
        { KilledBy: { } signal } => $"ended by signal {signal}{SignalName(signal)}",
        { ExitCode: { } code } => $"exit code {code}",
        _ => "exit code unknown (it was adopted)",
    };

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

    private static string Trim(string line) => line.Length <= 200 ? line.Trim() : line[..200].Trim() + "…";
}

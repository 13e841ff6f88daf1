using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Medulla.Artifacts.Builds;

/// <summary>What a finished program left.</summary>
/// <param name="Code">Exit code; -1 when it could not be started, -2 when it ran past its limit.</param>
/// <param name="Output">Standard output, bounded.</param>
/// <param name="Error">Standard error, bounded.</param>
internal sealed record CommandResult(int Code, string Output, string Error)
{
    /// <summary>The last line that says anything.</summary>
    public string LastLine => (Error + "\n" + Output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? $"exit code {Code}";
}

/// <summary>Runs a program to its end, within a time limit, keeping a bounded part of what it prints.</summary>
internal static class Command
{
    private const int MaxOutput = 1 << 20;

    public static async Task<CommandResult> RunAsync(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, TimeSpan limit, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
        foreach (var argument in command.Skip(1)) start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = new Process { StartInfo = start };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            return new CommandResult(-1, "", $"cannot start {command[0]}: {e.Message}");
        }

        process.StandardInput.Close();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        end.CancelAfter(limit);
        var output = ReadAsync(process.StandardOutput);
        var error = ReadAsync(process.StandardError);
        try
        {
            await process.WaitForExitAsync(end.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancel.ThrowIfCancellationRequested();
            return new CommandResult(-2, "", $"{command[0]} ran longer than {limit.TotalSeconds:0} s and was ended");
        }

        return new CommandResult(process.ExitCode, await output, await error);
    }

    /// <summary>Reads to the end, so that the program never waits for us, and keeps the beginning.</summary>
    private static async Task<string> ReadAsync(StreamReader reader)
    {
        var kept = new StringBuilder();
        var buffer = new char[8192];
        int read;
        while ((read = await reader.ReadAsync(buffer)) > 0)
        {
            if (kept.Length < MaxOutput) kept.Append(buffer, 0, read);
        }

        return kept.ToString();
    }
}

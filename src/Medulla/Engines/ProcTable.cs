using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Medulla.Engines;

/// <param name="Session">Pid of the session's leader: the process itself for an engine.</param>
/// <param name="StartTicks">Start time in clock ticks since boot: with the pid, an identity within one boot.</param>
internal sealed record ProcEntry(int Pid, char State, int Session, long StartTicks);

/// <summary>Reads <c>/proc</c>: who runs, since when, and with which of our marks.</summary>
internal static class ProcTable
{
    public static ProcEntry? Find(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return new ProcEntry(pid, fields[0][0], int.Parse(fields[3], CultureInfo.InvariantCulture), long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Living processes whose environment has this mark, with the rest of the mark's value.</summary>
    public static IEnumerable<(ProcEntry Process, string Value)> Marked(string mark)
    {
        foreach (var pid in Pids())
        {
            if (Environment(pid).FirstOrDefault(v => v.StartsWith(mark, StringComparison.Ordinal)) is not { } found) continue;
            if (Find(pid) is { State: not 'Z' } entry) yield return (entry, found[mark.Length..]);
        }
    }

    /// <summary>True while any process of the session lives; the dead that nobody has reaped do not count.</summary>
    public static bool IsSessionAlive(int session) => Pids().Select(Find).Any(p => p is { State: not ('Z' or 'X') } && p.Session == session);

    public static ImmutableArray<string> Arguments(int pid) => Strings($"/proc/{pid}/cmdline");

    /// <summary>Lets the system end this process before others when memory is short. Refused silently where it may not.</summary>
    public static void Prefer(int pid)
    {
        try
        {
            File.WriteAllText($"/proc/{pid}/oom_score_adj", "500");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The order of victims is a courtesy; the engine works without it.
        }
    }

    private static IEnumerable<int> Pids()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)) yield return pid;
        }
    }

    private static ImmutableArray<string> Environment(int pid) => Strings($"/proc/{pid}/environ");

    private static ImmutableArray<string> Strings(string path)
    {
        try
        {
            return [.. Encoding.UTF8.GetString(File.ReadAllBytes(path)).TrimEnd('\0').Split('\0')];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}

using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Medulla.Engines;

/// <param name="Session">Pid of the session's leader: the process itself for an engine.</param>
/// <param name="StartTicks">Start time in clock ticks since boot: with the pid, an identity within one boot.</param>
/// <param name="Ticks">Clock ticks that it has computed, all its threads together.</param>
/// <param name="Faults">Pages that it had to wait for.</param>
internal sealed record ProcEntry(int Pid, char State, int Session, long StartTicks, long Ticks = 0, long Faults = 0);

/// <summary>Reads <c>/proc</c>: who runs, since when, and with which of our marks.</summary>
internal static class ProcTable
{
    public static ProcEntry? Find(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return new ProcEntry(pid, fields[0][0], int.Parse(fields[3], CultureInfo.InvariantCulture), Number(19), Number(11) + Number(12), Number(9));

            long Number(int field) => long.Parse(fields[field], CultureInfo.InvariantCulture);
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

    /// <summary>Bytes that it has asked the system to read; 0 when unknown.</summary>
    public static long BytesRead(int pid)
    {
        try
        {
            var line = File.ReadLines($"/proc/{pid}/io").FirstOrDefault(l => l.StartsWith("rchar:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan("rchar:".Length), CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    /// <summary>Nanoseconds that it has computed on accelerators whose driver counts them (<c>drm-engine-*</c>); null when none does.</summary>
    public static long? DeviceTime(int pid)
    {
        long? sum = null;
        try
        {
            foreach (var file in Directory.EnumerateFiles($"/proc/{pid}/fdinfo"))
            {
                if (new FileInfo($"/proc/{pid}/fd/{Path.GetFileName(file)}").LinkTarget?.StartsWith("/dev/dri/", StringComparison.Ordinal) != true) continue;
                foreach (var line in File.ReadLines(file).Where(l => l.StartsWith("drm-engine-", StringComparison.Ordinal) && l.EndsWith(" ns", StringComparison.Ordinal)))
                {
                    if (long.TryParse(line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1, line.Length - line.IndexOf(':', StringComparison.Ordinal) - 4), CultureInfo.InvariantCulture, out var spent)) sum = (sum ?? 0) + spent;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile, or is not ours to look at.
        }

        return sum;
    }

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

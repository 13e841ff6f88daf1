using System.Globalization;
using Medulla.Core.Observing;

namespace Medulla.Engines;

/// <summary>
/// How often the kernel has killed for want of memory: in the control group of a process, and on the whole machine. The code
/// of an exit alone does not tell such a kill from any other.
/// </summary>
/// <param name="Group">Null when unknown.</param>
/// <param name="Machine">Null when unknown.</param>
internal readonly record struct KillCounters(long? Group, long? Machine)
{
    /// <param name="events">File with the counter of the group, as <see cref="EventsOf"/> gave it; null for none.</param>
    public static KillCounters Read(string? events) => new(events is null ? null : Counter(events), Counter("/proc/vmstat"));

    /// <summary>The file that counts for the control group of a process, of either version; null when there is none.</summary>
    public static string? EventsOf(int pid)
    {
        foreach (var line in Text($"/proc/{pid}/cgroup").Split('\n'))
        {
            var fields = line.Split(':', 3);
            if (fields.Length < 3) continue;
            var file = fields[0] == "0" && fields[1].Length == 0
                ? Path.Join("/sys/fs/cgroup", fields[2], "memory.events")
                : fields[1].Split(',').Contains("memory", StringComparer.Ordinal) ? Path.Join("/sys/fs/cgroup/memory", fields[2], "memory.oom_control") : null;
            if (file is not null && File.Exists(file)) return file;
        }

        return null;
    }

    /// <summary>Who has killed since; null when nobody has.</summary>
    public Shortage? Since(KillCounters before)
    {
        if (Group > before.Group) return Shortage.Group;
        return Machine > before.Machine ? Shortage.Machine : null;
    }

    private static long? Counter(string path)
    {
        var line = Text(path).Split('\n').FirstOrDefault(l => l.StartsWith("oom_kill ", StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan("oom_kill ".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;
    }

    private static string Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}

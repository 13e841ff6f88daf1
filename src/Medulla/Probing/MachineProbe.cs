using System.Collections.Concurrent;
using System.Globalization;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Probing;

/// <summary>Reads what this machine is. What cannot be read stays unknown; what is unusual becomes a finding.</summary>
/// <param name="root">Where <c>proc</c>, <c>sys</c> and <c>etc</c> are; another than <c>/</c> for a capture.</param>
internal sealed class MachineProbe(string root = "/")
{
    /// <summary>A limit above this is none.</summary>
    private const long Boundless = 1L << 56;

    /// <summary>How long an answer to <see cref="Recent"/> is good.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);

    /// <summary>What hung in an earlier look and is perhaps still there.</summary>
    private readonly ConcurrentDictionary<string, Func<bool>> _hanging = new(StringComparer.Ordinal);

    private readonly Lock _gate = new();
    private Machine? _last;
    private long _lastAt;

    /// <summary>Looks at everything, within three seconds: tools that hang cost their budget and nothing else.</summary>
    public Machine Read(string data)
    {
        var machine = Detection.Of(new LiveSource(data, root, hanging: _hanging).ReadAsync().GetAwaiter().GetResult());
        lock (_gate) (_last, _lastAt) = (machine, Environment.TickCount64);
        return machine;
    }

    /// <summary>What the last look gave, when it is fresh; else another look.</summary>
    public Machine Recent(string data)
    {
        lock (_gate)
        {
            if (_last is { } last && Environment.TickCount64 - _lastAt < Fresh.TotalMilliseconds) return last;
        }

        return Read(data);
    }

    /// <summary>Memory that can be taken now: what the system has, or what the container still may have.</summary>
    public ByteSize? MemoryAvailable()
    {
        if (Field("proc/meminfo", "MemAvailable") is not { } kib) return null;
        var available = kib * 1024;
        foreach (var (limit, used) in Limits())
        {
            if (used is not null) available = Math.Min(available, Math.Max(0, limit - used.Value));
        }

        return new ByteSize(available);
    }

    /// <summary>Memory of the machine, or the least limit of the groups that this process is in.</summary>
    public ByteSize? MemoryTotal()
    {
        if (Field("proc/meminfo", "MemTotal") is not { } kib) return null;
        return new ByteSize(Limits().Select(l => l.Limit).Append(kib * 1024).Min());
    }

    /// <summary>Every limit from this process's group up to the root, of either version of control groups.</summary>
    private IEnumerable<(long Limit, long? Used)> Limits()
    {
        foreach (var line in Lines("proc/self/cgroup"))
        {
            var fields = line.Split(':', 3);
            if (fields.Length < 3) continue;
            var second = fields[0] == "0" && fields[1].Length == 0;
            if (!second && !fields[1].Split(',').Contains("memory", StringComparer.Ordinal)) continue;
            var (mount, limit, used) = second ? ("sys/fs/cgroup", "memory.max", "memory.current") : ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes");
            for (var path = fields[2].Trim('/'); ; path = Path.GetDirectoryName(path) ?? "")
            {
                if (Number($"{mount}/{path}/{limit}") is { } bytes and < Boundless) yield return (bytes, Number($"{mount}/{path}/{used}") is { } all ? Math.Max(0, all - Reclaimable($"{mount}/{path}/memory.stat")) : null);
                if (path.Length == 0) break;
            }
        }
    }

    /// <summary>Pages of files that a group holds and the kernel can take back at once: all that are idle, and half of the others.</summary>
    private long Reclaimable(string file)
    {
        var (idle, used) = (0L, 0L);
        foreach (var line in Lines(file))
        {
            if (Value("inactive_file ") is { } a) idle = a;
            if (Value("active_file ") is { } b) used = b;
            if (Value("total_inactive_file ") is { } c) idle = c;
            if (Value("total_active_file ") is { } d) used = d;

            long? Value(string name) => line.StartsWith(name, StringComparison.Ordinal) && long.TryParse(line.AsSpan(name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
        }

        return idle + (used / 2);
    }

    private long? Field(string file, string name)
    {
        var line = Lines(file).FirstOrDefault(l => l.StartsWith(name + ":", StringComparison.Ordinal));
        return line is not null && long.TryParse(line[(name.Length + 1)..].Replace("kB", "", StringComparison.Ordinal).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    private long? Number(string file) => long.TryParse(KernelFile.Read(root, file)?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    private IEnumerable<string> Lines(string file) => KernelFile.Read(root, file)?.Split('\n') ?? [];
}

using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using Medulla.Core.Machines;
using Medulla.Core.Units;
using OperatingSystem = Medulla.Core.Machines.OperatingSystem;

namespace Medulla.Probing;

/// <summary>Reads what this machine is. What cannot be read stays unknown; what is unusual becomes a finding.</summary>
/// <param name="root">Where <c>proc</c>, <c>sys</c> and <c>etc</c> are; another than <c>/</c> for a capture.</param>
internal sealed class MachineProbe(string root = "/")
{
    private static readonly ImmutableArray<string> Telling =
    [
        "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16",
        "asimd", "asimddp", "i8mm", "bf16", "sve", "sve2", "v",
    ];

    /// <summary>A limit above this is none.</summary>
    private const long Boundless = 1L << 56;

    public Machine Read(string data)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var memory = ReadMemory(findings);
        var machine = new Machine
        {
            Os = ReadSystem(),
            Cpu = ReadCpu(findings),
            Memory = memory,
            Disks = ReadDisk(data),
        };
        return machine with { Findings = findings.ToImmutable() };
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

    private OperatingSystem ReadSystem()
    {
        var family = System.OperatingSystem.IsWindows() ? "windows" : System.OperatingSystem.IsMacOS() ? "macos" : "linux";
        var name = Lines("etc/os-release").FirstOrDefault(l => l.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?[12..].Trim('"') ?? "";
        return new OperatingSystem(family, name, Text("proc/sys/kernel/osrelease")?.Trim() ?? "", RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant());
    }

    private Cpu ReadCpu(ImmutableArray<Finding>.Builder findings)
    {
        var cores = new HashSet<(string, string)>();
        var (model, features, threads, package) = ("", ImmutableArray<string>.Empty, 0, "0");
        foreach (var line in Lines("proc/cpuinfo"))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0) continue;
            var (key, value) = (line[..colon].Trim(), line[(colon + 1)..].Trim());
            switch (key)
            {
                case "processor":
                    threads++;
                    break;
                case "model name" or "Model" or "uarch":
                    model = model.Length == 0 ? value : model;
                    break;
                case "physical id":
                    package = value;
                    break;
                case "core id":
                    cores.Add((package, value));
                    break;
                case "flags" or "Features":
                    var all = value.Split(' ');
                    features = features.IsEmpty ? [.. Telling.Where(f => all.Contains(f, StringComparer.Ordinal))] : features;
                    break;
            }
        }

        // .NET counts affinity and CPU quotas of containers in.
        var usable = Math.Max(1, Environment.ProcessorCount);
        if (threads > usable) findings.Add(new Finding("cpu", $"this process may use {usable} of {threads} hardware threads", null));
        return new Cpu(model, Math.Clamp(cores.Count == 0 ? usable : cores.Count, 1, usable), usable, features);
    }

    private MemoryPool ReadMemory(ImmutableArray<Finding>.Builder findings)
    {
        var total = new ByteSize((Field("proc/meminfo", "MemTotal") ?? 0) * 1024);
        if (total == ByteSize.Zero) total = new ByteSize(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        var limits = Limits().Select(l => l.Limit).Where(l => l < total.Bytes).ToList();
        ByteSize? limit = limits.Count == 0 ? null : new ByteSize(limits.Min());
        if (limit is not null) findings.Add(new Finding("memory", $"a control group limits this process to {limit} of {total}", null));
        return new MemoryPool(total, limit);
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
                if (Number($"{mount}/{path}/{limit}") is { } bytes and < Boundless) yield return (bytes, Number($"{mount}/{path}/{used}"));
                if (path.Length == 0) break;
            }
        }
    }

    private static ImmutableArray<Disk> ReadDisk(string data)
    {
        try
        {
            var drive = new DriveInfo(data);
            return [new Disk(data, new ByteSize(drive.TotalSize), new ByteSize(drive.AvailableFreeSpace), drive.DriveFormat)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }

    private long? Field(string file, string name)
    {
        var line = Lines(file).FirstOrDefault(l => l.StartsWith(name + ":", StringComparison.Ordinal));
        return line is not null && long.TryParse(line[(name.Length + 1)..].Replace("kB", "", StringComparison.Ordinal).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    private long? Number(string file) => long.TryParse(Text(file)?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    private IEnumerable<string> Lines(string file) => Text(file)?.Split('\n') ?? [];

    private string? Text(string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(root, file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

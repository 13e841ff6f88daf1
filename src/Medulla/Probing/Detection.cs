using System.Collections.Immutable;
using Medulla.Core.Machines;
using Medulla.Core.Units;
using Host = Medulla.Core.Machines.Host;
using OperatingSystem = Medulla.Core.Machines.OperatingSystem;

namespace Medulla.Probing;

/// <summary>
/// Puts readings together to a machine: parses each, joins what several say of one device, and names what nobody says.
/// Pure: the same readings give the same machine, here or in a replay.
/// </summary>
internal static class Detection
{
    public static Machine Of(IReadOnlyList<Reading> readings)
    {
        var all = readings.Select(r => (Reading: r, Facts: ParserTable.Parse(r))).ToList();
        var facts = all.ConvertAll(a => a.Facts);
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var ram = First(facts, f => f.Ram) ?? First(facts, f => f.RoughRam);
        var limits = facts.Select(f => f.MemoryLimit).OfType<long>().Where(l => ram is null || l < ram).ToList();
        var memory = new MemoryPool(new ByteSize(ram ?? 0), limits.Count == 0 ? null : new ByteSize(limits.Min()))
        {
            BandwidthGBs = First(facts, f => f.BandwidthGBs),
            Kind = facts.Select(f => f.MemoryKind).FirstOrDefault(k => k is not null) ?? "",
        };
        if (memory.Limit is { } limit) findings.Add(Found("memory-limited", "memory", ram is null ? $"a control group limits this process to {limit}" : $"a control group limits this process to {limit} of {memory.Total}"));

        var devices = Joining.Join(facts);
        var accelerators = Completion.Complete(devices, facts, First(facts, f => f.Ram), findings);
        if (memory.BandwidthGBs is null && accelerators.FirstOrDefault(a => a.Unified) is { } pooled) memory = memory with { BandwidthGBs = Completion.BandwidthOf(pooled) };
        var (state, cause) = DriverJudgement.Judge(facts, accelerators, findings);
        var cpu = CpuOf(facts, findings);
        findings.AddRange(facts.SelectMany(f => f.Findings).Where(f => f.Code != ParserTable.Unread || !facts.Exists(o => o.Devices.Exists(d => d.Scope == f.Subject))).Distinct());
        var kernel = Word(facts, f => f.KernelDriver);
        var library = Word(facts, f => f.UserLibrary);
        var hostVendor = Word(facts, f => f.HostVendor);
        var hostProduct = Word(facts, f => f.HostProduct);
        var disks = facts.SelectMany(f => f.Disks).ToImmutableArray();
        return new Machine
        {
            Os = SystemOf(facts, findings),
            Cpu = cpu,
            Memory = memory,
            Disks = disks,
            Accelerators = accelerators,
            Driver = state,
            Cause = cause,
            KernelDriver = kernel,
            UserLibrary = library,
            Host = hostVendor is null && hostProduct is null ? null : new Host(hostVendor ?? "", hostProduct ?? ""),
            Findings = findings.ToImmutable(),
            Sources = [.. all.Where(a => a.Reading.Text.Length > 0).Select(a => a.Reading.Origin)],
        };
    }

    public static Finding Found(string code, string subject, string text, string? remedy = null) => new(subject, text, remedy) { Code = code };

    private static OperatingSystem SystemOf(List<Facts> facts, ImmutableArray<Finding>.Builder findings)
    {
        var named = facts.Where(f => f.SystemId is not null).ToList();
        if (named.Select(f => (f.SystemId, f.SystemVersion)).Distinct().Count() > 1) findings.Add(Found("several-systems", "system", $"{named.Count} different systems are described here; the first is taken"));
        var system = named.FirstOrDefault();
        var model = Word(facts, f => f.DriverModel);
        var family = Word(facts, f => f.Family) ?? (model is null ? "" : "windows");
        return new OperatingSystem(family, system?.SystemName ?? Word(facts, f => f.SystemName) ?? "", Word(facts, f => f.Kernel) ?? "", Word(facts, f => f.Architecture) ?? "")
        {
            Id = system?.SystemId ?? "",
            Version = system?.SystemVersion ?? "",
            DriverModel = model ?? "",
        };
    }

    private static Cpu CpuOf(List<Facts> facts, ImmutableArray<Finding>.Builder findings)
    {
        var cores = First(facts, f => f.Cores) ?? 0;
        var threads = First(facts, f => f.Threads) ?? cores;
        var fast = FastCores();
        var usable = facts.Select(f => f.UsableThreads).OfType<double>().DefaultIfEmpty(threads).Min();
        var allowed = Math.Max(1, (int)Math.Ceiling(usable));
        if (threads > 0 && allowed < threads)
        {
            findings.Add(Found("cpu-limited", "cpu", $"this process may use {allowed} of {threads} hardware threads"));
            (threads, cores) = (allowed, Math.Min(cores, allowed));
        }

        return new Cpu(Word(facts, f => f.CpuModel) ?? "", cores, threads, [.. facts.FirstOrDefault(f => f.CpuFeatures.Count > 0)?.CpuFeatures ?? []]) { Nodes = First(facts, f => f.Nodes) ?? 0, FastCores = Math.Min(fast, cores) };

        // Slow cores have one thread each, so that they are as many as the threads that are not of fast ones.
        int FastCores()
        {
            var known = First(facts, f => f.FastCores) ?? (First(facts, f => f.FastThreads) is { } quick && quick < threads ? cores - (threads - quick) : 0);
            return known > 0 && known < cores ? known : 0;
        }
    }

    private static T? First<T>(List<Facts> facts, Func<Facts, T?> of)
        where T : struct => facts.Select(of).FirstOrDefault(v => v is not null);

    private static string? Word(List<Facts> facts, Func<Facts, string?> of) => facts.Select(of).FirstOrDefault(v => v is not null);
}

using System.Collections.Immutable;
using System.Globalization;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Probing;

/// <summary>
/// Makes accelerators of joined devices: fills in what a number, a name or a compiler target tells, applies the rules of unified
/// pools, names what is unknown, and counts equal ones.
/// </summary>
internal static class Completion
{
    /// <summary>A carve-out of this size is meant to be the GPU's memory; a smaller one is not, and the rest is in GTT.</summary>
    private static readonly long MeantCarveout = ByteSize.GiB(32).Bytes;

    /// <summary>Memory that firmware sets aside for a small GPU, at most.</summary>
    private static readonly long SmallCarveout = ByteSize.GiB(4).Bytes;

    /// <summary>GB/s of unified pools, from vendor sheets, by a word in the name.</summary>
    private static readonly (string Word, double GBs)[] Bandwidths =
    [
        ("M1 Ultra", 800), ("M1 Max", 400), ("M1 Pro", 200), ("M1", 68.25), ("M2 Ultra", 800), ("M2 Max", 400), ("M2 Pro", 200), ("M2", 100), ("M3 Ultra", 819), ("M3 Pro", 150), ("M3", 100),
        ("M4 Pro", 273), ("M4", 120), ("GB10", 273), ("8060S", 256), ("8050S", 256), ("140V", 136.5),
    ];

    public static double? BandwidthOf(Accelerator accelerator)
    {
        var name = $"{accelerator.Name} {accelerator.MarketingName}";
        if (accelerator.Compute == "gfx1151") return 256;

        // Of the M3 Max and M4 Max there are two, with different buses.
        if (name.Contains("M3 Max", StringComparison.Ordinal) || name.Contains("M4 Max", StringComparison.Ordinal) || name.Contains("M5", StringComparison.Ordinal)) return null;
        return Array.Find(Bandwidths, b => name.Contains(b.Word, StringComparison.Ordinal)) is { Word: not null } found ? found.GBs : null;
    }

    public static ImmutableArray<Accelerator> Complete(List<Device> devices, List<Facts> facts, long? ram, ImmutableArray<Finding>.Builder findings)
    {
        var wired = facts.Select(f => f.WiredLimit).FirstOrDefault(w => w is not null);
        var made = new List<Accelerator>();
        foreach (var device in devices)
        {
            device.DriverVersion ??= Of(facts, f => f.DriverVersions, device.Vendor!);
            device.Runtime ??= Of(facts, f => f.Runtimes, device.Vendor!);
            made.Add(Make(device, ram, wired, findings));
        }

        var counted = Count(made);
        foreach (var unknown in counted.Where(a => a.Memory is null)) findings.Add(Detection.Found("memory-unknown", unknown.Name ?? unknown.MarketingName ?? unknown.Vendor, MemoryUnknown(unknown), RemedyFor(unknown)));
        return counted;
    }

    private static Accelerator Make(Device device, long? ram, long? wired, ImmutableArray<Finding>.Builder findings)
    {
        Infer(device, findings);
        var vendor = device.Vendor!;
        var shortened = Device.IsShortened(device.Name);
        var byNumber = DeviceTable.OfNumber(device.PciId);
        var byName = DeviceTable.OfName(vendor, device.Name);
        var type = byNumber?.Class ?? (DeviceTable.IsInsideCpu(device.Compute) ? device.Compute == "gfx1151" ? DeviceClass.Pooled : DeviceClass.Integrated : (DeviceClass?)null) ?? byName?.Class ?? Guess(device);
        var unified = type is { } c ? DeviceTable.IsUnified(c) : device.Unified ?? false;
        var compute = device.Compute ?? (unified && vendor == "amd" ? byNumber?.Compute ?? byName?.Compute : null);
        var kind = device.Kind ?? (type is { } k ? DeviceTable.KindOf(k) : device.Scope == "accel" ? AcceleratorKind.Npu : AcceleratorKind.Gpu);
        var (memory, carveout, note) = MemoryOf(device, type, unified, ram, wired);
        var notes = device.Notes.Where(n => n != "the tool gives no name").ToList();
        if (note is not null) notes.Add(note);
        if (shortened) notes.Add("the name is shortened by the table: use --query-gpu for the whole");
        if (vendor == "nvidia" && device.Name?.StartsWith("Device ", StringComparison.Ordinal) == true && byNumber is not null) notes.Add($"{byNumber.Name}; the list of names on that machine is old");
        var (name, marketing) = NameOf(device, byNumber, compute, notes);
        return new Accelerator
        {
            Vendor = vendor,
            Name = name,
            MarketingName = marketing,
            Kind = kind,
            Memory = memory is { } bytes ? new ByteSize(bytes) : null,
            Unified = unified,
            DriverVersion = device.DriverVersion,
            DriverModule = device.DriverModule,
            Architecture = device.Architecture ?? byNumber?.Architecture ?? DeviceTable.ArchitectureOf(vendor, compute) ?? DeviceTable.NvidiaRange(device.PciId) ?? byName?.Architecture ?? Family(vendor),
            Compute = compute,
            Runtime = device.Runtime,
            Firmware = device.Firmware,
            PciId = device.PciId,
            Carveout = carveout is { } own ? new ByteSize(own) : null,
            Gtt = unified && device.Gtt is { } gtt ? new ByteSize(gtt) : null,
            VulkanHeap = device.VulkanHeap is { } heap ? new ByteSize(heap) : null,
            PowerLimitW = device.PowerLimitW,
            TemperatureC = device.TemperatureC,
            Link = device.LinkWidth is > 0 and var width && !unified ? new PcieLink(device.LinkGeneration ?? 0, width, device.LinkMaxWidth ?? 0) : null,
            Interfaces = [.. device.Interfaces.Distinct(StringComparer.Ordinal)],
            Note = notes.Count == 0 ? null : string.Join("; ", notes.Distinct(StringComparer.Ordinal)),
            Sources = [.. device.Sources.Distinct(StringComparer.Ordinal)],
        };
    }

    /// <summary>A pool of sizes that only one family has, without any number or name.</summary>
    private static void Infer(Device device, ImmutableArray<Finding>.Builder findings)
    {
        if (device is not { Vendor: "amd", PciId: null, Name: null, Compute: null, Memory: { } own }) return;
        var pool = device.Gtt >= ByteSize.GiB(48).Bytes && device.Gtt >= 4 * own;
        if (!pool && own != ByteSize.GiB(96).Bytes) return;
        device.PciId = null;
        (device.Name, device.Compute, device.Architecture, device.Unified) = ("Radeon 8060S (gfx1151)", "gfx1151", "RDNA3.5", true);
        device.Notes.Add("named by the size of its pool: no PCI number in these sources");
        findings.Add(Detection.Found("inferred", "Radeon 8060S", "its name is inferred from the size of its memory pool, which only Ryzen AI Max has", "capture /sys/class/drm/card*/device/uevent too"));
    }

    /// <summary>What the tools' words leave open.</summary>
    private static DeviceClass? Guess(Device device) => device switch
    {
        { Vendor: "apple" } => DeviceClass.Pooled,
        { Vendor: "huawei" } => DeviceClass.NeuralCard,
        { Scope: "accel" } => DeviceClass.Neural,
        { Vendor: "nvidia", Unified: null, Memory: null, MemoryUnsaid: true } => DeviceClass.Pooled,
        { Vendor: "amd", Compute: null, Memory: { } own } when own <= SmallCarveout && IsGeneric(device.Name) => DeviceClass.Integrated,
        { Vendor: "amd", Memory: null, Scope: "win32" } when IsGeneric(device.Name) => DeviceClass.Integrated,
        { Unified: true, Vendor: "nvidia" } => DeviceClass.Pooled,
        { Unified: true } => DeviceClass.Integrated,
        _ => null,
    };

    private static bool IsGeneric(string? name) => name is null || (name.Contains("Radeon", StringComparison.Ordinal) && name.EndsWith("Graphics", StringComparison.Ordinal) && !name.Any(char.IsAsciiDigit));

    private static (long? Memory, long? Carveout, string? Note) MemoryOf(Device device, DeviceClass? type, bool unified, long? ram, long? wired)
    {
        if (!unified) return (device.Memory ?? device.Pool, null, null);
        switch (device.Vendor)
        {
            case "amd" when type is DeviceClass.Neural:
                return (null, null, null);
            case "amd":
                if (device is { Memory: { } own, Gtt: { } gtt }) return (own + gtt, own, $"{new ByteSize(own)} set aside by firmware and {new ByteSize(gtt)} that the driver may map");
                if (device.Memory is { } carveout)
                {
                    if (type != DeviceClass.Pooled || carveout >= MeantCarveout) return (carveout, carveout, null);
                    return (null, carveout, "the carve-out is not its capacity: most of the pool is in GTT, which these sources do not hold");
                }

                if (device.Gtt is not null) return (null, null, "GTT defaults to half of the memory: ttm.pages_limit raises it");
                if (device.Pool is { } pool && pool >= MeantCarveout) return (pool, null, "what the compute runtime can allocate");
                return (null, null, device.VulkanHeap is null ? null : "the heaps of Vulkan may exceed what is free: plan with visible memory");
            case "nvidia":
                if (device.Memory is { } said && !device.MemoryRough) return (said, null, null);
                return (ram, null, ram is null ? "the tool gives no memory: take the system's" : "the memory is the system's");
            case "apple":
                return (wired ?? device.Memory, null, null);
            default:
                return (device.Memory, null, null);
        }
    }

    private static (string? Name, string? Marketing) NameOf(Device device, KnownDevice? known, string? compute, List<string> notes)
    {
        var sold = known?.Name is { Length: > 0 } name ? name : null;
        if (device.Name is not null) return (device.Name, sold is not null && (device.Name.Contains(':') || device.Name.StartsWith("Device ", StringComparison.Ordinal)) ? sold : device.MarketingName);
        if (device.Notes.Contains("the tool gives no name"))
        {
            notes.Add("the tool gives no name: it is told by its PCI number");
            return (null, sold is null ? device.PciId : $"{sold} (PCI device 0x{device.PciId![5..]})");
        }

        if (sold is null) return (device.PciId, device.MarketingName);
        return (known!.Class == DeviceClass.Pooled && compute?.StartsWith("gfx", StringComparison.Ordinal) == true ? $"{sold} ({compute})" : sold, device.MarketingName);
    }

    private static string? Family(string vendor) => vendor switch { "apple" => "Apple", "mthreads" => "MUSA", "metax" => "MACA", "hygon" => "DCU", _ => null };

    /// <summary>Equal devices are one entry: where they are and how warm they are does not make them different.</summary>
    private static ImmutableArray<Accelerator> Count(List<Accelerator> made)
    {
        var groups = made.GroupBy(a => string.Create(CultureInfo.InvariantCulture, $"{a.Vendor}|{a.Name}|{a.MarketingName}|{a.Kind}|{a.Memory?.Bytes}|{a.Unified}|{a.DriverVersion}|{a.DriverModule}|{a.Compute}|{a.Runtime}|{a.PciId}|{a.Gtt?.Bytes}|{a.Carveout?.Bytes}|{a.VulkanHeap?.Bytes}"), StringComparer.Ordinal);
        return
        [
            .. groups.Select(g => g.First() with
            {
                Count = g.Count(),
                TemperatureC = g.Max(a => a.TemperatureC),
                PowerLimitW = g.Min(a => a.PowerLimitW),
                Link = g.Select(a => a.Link).OfType<PcieLink>().OrderBy(l => l.Width).FirstOrDefault(),
                Sources = [.. g.SelectMany(a => a.Sources).Distinct(StringComparer.Ordinal)],
            }),
        ];
    }

    private static string MemoryUnknown(Accelerator accelerator) => accelerator.Unified ? "how much of the system's memory it may use is not in these sources" : "its memory is not in these sources";

    private static string? RemedyFor(Accelerator accelerator) => (accelerator.Vendor, accelerator.Kind, accelerator.Unified) switch
    {
        (_, AcceleratorKind.Npu, true) => null,
        ("nvidia", _, true) => "read /proc/meminfo: the pool is the system's memory",
        ("nvidia", _, _) => "run nvidia-smi",
        ("amd", _, true) => "read mem_info_vram_total and mem_info_gtt_total in /sys/class/drm/card*/device",
        ("amd", _, _) => "run rocm-smi --showmeminfo vram, or read mem_info_vram_total in /sys/class/drm/card*/device",
        ("apple", _, _) => "the Metal working set: 'llama-server --list-devices', or sysctl iogpu.wired_limit_mb where it is set",
        ("intel", _, true) => "read /proc/meminfo: it shares the system's memory",
        ("intel", _, false) => "run xpu-smi discovery -d 0, or read tile*/physical_vram_size_bytes in /sys/class/drm/card*/device",
        ("huawei", _, _) => "run npu-smi info",
        ("hygon", _, _) => "run hy-smi --showmeminfo vram",
        ("mthreads", _, _) => "run mthreads-gmi",
        ("metax", _, _) => "run mx-smi",
        ("cambricon", _, _) => "run cnmon",
        (_, _, false) => "run the tool of the vendor's driver",
        _ => null,
    };

    private static string? Of(List<Facts> facts, Func<Facts, Dictionary<string, string>> of, string vendor) => facts.Select(f => of(f).GetValueOrDefault(vendor)).FirstOrDefault(v => v is not null);
}

using Medulla.Core.Machines;
using Medulla.Core.Units;
using OperatingSystem = Medulla.Core.Machines.OperatingSystem;

namespace Medulla.Core.Knowledge;

/// <summary>A machine of a kind that the catalog describes: for plans of boxes that nobody has here.</summary>
public static class TypicalMachine
{
    private static readonly ByteSize Disk = ByteSize.GiB(2000);

    /// <param name="count">Equal devices; 1 or more.</param>
    public static Machine Of(HardwareEntry entry, int count)
    {
        var host = entry.Host ?? new TypicalHost("linux", "x64", "", 8, 16, ["avx2", "fma", "f16c"], entry.Unified ? entry.Memory ?? ByteSize.GiB(32) : ByteSize.GiB(32));
        var processor = entry.Kind == HardwareKind.Cpu;
        var pool = entry.Unified && entry.Memory is { } memory ? memory : host.Memory;
        return new Machine
        {
            Os = new OperatingSystem(host.Os, "", "", host.Architecture),
            Cpu = new Cpu(processor && entry.Recognise.Names.Length > 0 ? entry.Recognise.Names[0] : host.Cpu, host.Cores, host.Threads, host.Features) { FastCores = host.FastCores },
            Memory = new MemoryPool(pool, null) { BandwidthGBs = processor || entry.Unified ? entry.BandwidthGBs : null },
            Disks = [new Disk("/", Disk, Disk, "ext4")],
            Accelerators = processor ? [] : [Device(entry, count)],
            Driver = processor ? DriverState.Unknown : DriverState.Ok,
        };
    }

    private static Accelerator Device(HardwareEntry entry, int count) => new()
    {
        Vendor = entry.Vendor,
        Name = entry.Recognise.Names.FirstOrDefault() ?? entry.Title,
        PciId = entry.Recognise.Pci.FirstOrDefault(),
        Kind = entry.Kind == HardwareKind.Npu ? AcceleratorKind.Npu : AcceleratorKind.Gpu,
        Count = count,
        Memory = entry.Unified ? entry.Vendor == "apple" && entry.Memory is { } pool ? WorkingSet(pool) : null : entry.Memory,
        Unified = entry.Unified,
        Architecture = entry.Architecture,
        Compute = entry.Compute,
        Interfaces = entry.Interfaces,
    };

    /// <summary>What macOS lets Metal keep resident: two thirds of small pools, three quarters of large ones.</summary>
    private static ByteSize WorkingSet(ByteSize pool) => new(pool > ByteSize.GiB(36) ? pool.Bytes / 4 * 3 : pool.Bytes / 3 * 2);
}

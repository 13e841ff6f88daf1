using Medulla.Core.Machines;

namespace Medulla.Core.Wire;

/// <summary>What <c>medulla detect --json</c> prints: a machine for programs. Null means <i>unknown</i>.</summary>
public sealed record DetectReport
{
    /// <summary>Devices that engines can compute on; equal ones are one entry with a count.</summary>
    public required ImmutableArray<AcceleratorReport> Accelerators { get; init; }

    /// <summary>Sum of their counts.</summary>
    public required int AcceleratorCount { get; init; }

    /// <summary><c>ok</c>, <c>missing</c>, <c>broken</c>, <c>mismatch</c> or <c>unknown</c>.</summary>
    public required string DriverState { get; init; }

    public string? Cause { get; init; }

    public string? KernelDriver { get; init; }

    public string? UserLibrary { get; init; }

    /// <summary>Memory that may be planned with: a container's limit wins over the host's total.</summary>
    public long? RamBytes { get; init; }

    public CpuReport? Cpu { get; init; }

    /// <summary>Such as <c>ubuntu 24.04 arm64</c>, <c>darwin arm64</c>, <c>windows</c>.</summary>
    public string? Os { get; init; }

    public string? Kernel { get; init; }

    public Host? Host { get; init; }

    public MemoryReport? Memory { get; init; }

    public required ImmutableArray<DiskReport> Disks { get; init; }

    public required ImmutableArray<Finding> Findings { get; init; }

    public required ImmutableArray<string> Sources { get; init; }

    public static DetectReport Of(Machine machine) => new()
    {
        Accelerators = [.. machine.Accelerators.Select(AcceleratorReport.Of)],
        AcceleratorCount = machine.Accelerators.Sum(a => a.Count),
        DriverState = machine.Driver.ToString().ToLowerInvariant(),
        Cause = machine.Cause,
        KernelDriver = machine.KernelDriver,
        UserLibrary = machine.UserLibrary,
        RamBytes = machine.Memory.Usable.Bytes is > 0 and var usable ? usable : null,
        Cpu = CpuReport.Of(machine.Cpu),
        Os = SystemOf(machine.Os),
        Kernel = Known(machine.Os.Kernel),
        Host = machine.Host,
        Memory = machine.Memory.Total.Bytes > 0 || machine.Memory.BandwidthGBs is not null || machine.Memory.Limit is not null
            ? new MemoryReport(machine.Memory.Total.Bytes is > 0 and var total ? total : null, machine.Memory.Limit?.Bytes, Known(machine.Memory.Kind), machine.Memory.BandwidthGBs)
            : null,
        Disks = [.. machine.Disks.Select(d => new DiskReport(d.Path, d.Total.Bytes, d.Free.Bytes, Known(d.Filesystem), Known(d.SpeedClass)))],
        Findings = machine.Findings,
        Sources = machine.Sources,
    };

    /// <summary>The system in one line; null when nothing is known.</summary>
    public static string? SystemOf(Machines.OperatingSystem os)
    {
        var architecture = os.Architecture == "x64" ? "amd64" : os.Architecture;
        var name = os.Family switch
        {
            "macos" => "darwin",
            "windows" => os.DriverModel.Length > 0 ? $"windows ({os.DriverModel})" : "windows",
            _ => os.Id.Length > 0 ? $"{os.Id} {os.Version}".Trim() : os.Family,
        };
        return Known($"{name} {architecture}".Trim());
    }

    private static string? Known(string text) => text.Length == 0 ? null : text;
}

/// <summary>A device, or several equal ones, as programs read it; see <see cref="Accelerator"/> for what each word means.</summary>
public sealed record AcceleratorReport
{
    public required string Vendor { get; init; }

    public required string? Name { get; init; }

    public required int Count { get; init; }

    /// <summary>Of one device.</summary>
    public required long? MemoryBytes { get; init; }

    public required bool Unified { get; init; }

    public string? DriverVersion { get; init; }

    public string? Arch { get; init; }

    public string? Compute { get; init; }

    public string? Runtime { get; init; }

    public string? Note { get; init; }

    public string? PciId { get; init; }

    public string? DriverModule { get; init; }

    /// <summary><c>gpu</c>, <c>igpu</c> or <c>npu</c>.</summary>
    public required string Kind { get; init; }

    public string? MarketingName { get; init; }

    public long? GttBytes { get; init; }

    public long? CarveoutBytes { get; init; }

    public long? VulkanHeapBytes { get; init; }

    public double? PowerLimitW { get; init; }

    public double? TemperatureC { get; init; }

    public string? Firmware { get; init; }

    public PcieLink? Link { get; init; }

    public required ImmutableArray<string> Interfaces { get; init; }

    public required ImmutableArray<string> Sources { get; init; }

    public static AcceleratorReport Of(Accelerator a) => new()
    {
        Vendor = a.Vendor,
        Name = a.Name,
        Count = a.Count,
        MemoryBytes = a.Memory?.Bytes,
        Unified = a.Unified,
        DriverVersion = a.DriverVersion,
        Arch = a.Architecture,
        Compute = a.Compute,
        Runtime = a.Runtime,
        Note = a.Note,
        PciId = a.PciId,
        DriverModule = a.DriverModule,
        Kind = a.Kind switch { AcceleratorKind.Npu => "npu", AcceleratorKind.IntegratedGpu => "igpu", _ => "gpu" },
        MarketingName = a.MarketingName,
        GttBytes = a.Gtt?.Bytes,
        CarveoutBytes = a.Carveout?.Bytes,
        VulkanHeapBytes = a.VulkanHeap?.Bytes,
        PowerLimitW = a.PowerLimitW,
        TemperatureC = a.TemperatureC,
        Firmware = a.Firmware,
        Link = a.Link,
        Interfaces = a.Interfaces,
        Sources = a.Sources,
    };
}

/// <summary>A processor as programs read it. Zero is never printed: null means <i>unknown</i>.</summary>
public sealed record CpuReport(string? Model, int? Cores, int? Threads, ImmutableArray<string> Features, int? Nodes, int? FastCores)
{
    public static CpuReport? Of(Cpu cpu) => cpu is { Model.Length: 0, Cores: 0, Threads: 0 }
        ? null
        : new CpuReport(cpu.Model.Length == 0 ? null : cpu.Model, Count(cpu.Cores), Count(cpu.Threads), cpu.Features, Count(cpu.Nodes), Count(cpu.FastCores));

    private static int? Count(int number) => number == 0 ? null : number;
}

/// <param name="TotalBytes">Physical memory of the host.</param>
/// <param name="LimitBytes">The tightest limit of a container around this process; null when there is none.</param>
/// <param name="Kind">Such as <c>DDR5</c>.</param>
/// <param name="BandwidthGbs">1e9 bytes a second that its channels can move.</param>
public sealed record MemoryReport(long? TotalBytes, long? LimitBytes, string? Kind, double? BandwidthGbs);

/// <param name="SpeedClass"><c>nvme</c>, <c>ssd</c>, <c>hdd</c> or <c>network</c>; null when unknown.</param>
public sealed record DiskReport(string Path, long TotalBytes, long FreeBytes, string? Filesystem, string? SpeedClass);

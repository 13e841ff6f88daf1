using Medulla.Core.Units;

namespace Medulla.Core.Machines;

/// <summary>What this device can do: measured, never assumed. Null and empty mean <i>unknown</i>.</summary>
public sealed record Machine
{
    public required OperatingSystem Os { get; init; }

    public required Cpu Cpu { get; init; }

    public required MemoryPool Memory { get; init; }

    public required ImmutableArray<Disk> Disks { get; init; }

    /// <summary>Devices that engines can compute on, in the order of their tools; equal ones are one entry with a count.</summary>
    public ImmutableArray<Accelerator> Accelerators { get; init; } = [];

    /// <summary>Do the drivers of what was found work?</summary>
    public DriverState Driver { get; init; } = DriverState.Unknown;

    /// <summary>Why the driver does not work; null when it does, or when nobody knows.</summary>
    public string? Cause { get; init; }

    /// <summary>Version of the loaded kernel module, where it differs from the library's or no device answers; null otherwise.</summary>
    public string? KernelDriver { get; init; }

    /// <summary>Version of the user library that does not fit the kernel module; null otherwise.</summary>
    public string? UserLibrary { get; init; }

    /// <summary>The maker of the box and its product name; null when unknown.</summary>
    public Host? Host { get; init; }

    /// <summary>What is wrong or unusual here, in sentences.</summary>
    public ImmutableArray<Finding> Findings { get; init; } = [];

    /// <summary>The commands and files that these facts are from, in their order.</summary>
    public ImmutableArray<string> Sources { get; init; } = [];
}

/// <param name="Family"><c>linux</c>, <c>windows</c> or <c>macos</c>; empty when unknown.</param>
/// <param name="Name">What the system calls itself, such as <c>Debian GNU/Linux 12 (bookworm)</c>; empty when unknown.</param>
/// <param name="Kernel">Kernel release; empty when unknown.</param>
/// <param name="Architecture"><c>x64</c>, <c>arm64</c>, <c>riscv64</c>, …; empty when unknown.</param>
public sealed record OperatingSystem(string Family, string Name, string Kernel, string Architecture)
{
    /// <summary>Name of a distribution for programs, such as <c>ubuntu</c>; empty when unknown.</summary>
    public string Id { get; init; } = "";

    /// <summary>Such as <c>24.04</c>; empty when unknown.</summary>
    public string Version { get; init; } = "";

    /// <summary>Driver model of Windows that the accelerator's tool named: <c>WDDM</c>, <c>TCC</c> or <c>MCDM</c>; empty otherwise.</summary>
    public string DriverModel { get; init; } = "";
}

/// <param name="Model">Name as the CPU gives it; empty when unknown.</param>
/// <param name="Cores">Physical cores that this process may use; 0 when unknown.</param>
/// <param name="Threads">Hardware threads that this process may use; 0 when unknown.</param>
/// <param name="Features">Instruction sets that matter to engines (<c>avx2</c>, <c>avx512f</c>, <c>neon</c>, …).</param>
public sealed record Cpu(string Model, int Cores, int Threads, ImmutableArray<string> Features)
{
    /// <summary>NUMA nodes; 0 when unknown.</summary>
    public int Nodes { get; init; }

    /// <summary>Those of <see cref="Cores"/> that are the fast ones of a mixed processor; 0 when all are alike, or nobody knows.</summary>
    public int FastCores { get; init; }
}

/// <param name="Total">Physical memory; zero when unknown.</param>
/// <param name="Limit">The tightest limit of a container or control group around this process; null when there is none.</param>
public sealed record MemoryPool(ByteSize Total, ByteSize? Limit)
{
    /// <summary>What may be planned with: a container's limit wins over the host's total.</summary>
    public ByteSize Usable => Limit is { } limit && limit < Total ? limit : Total;

    /// <summary>Bytes per second in 1e9 that its channels can move, from their count and rate; null when unknown.</summary>
    public double? BandwidthGBs { get; init; }

    /// <summary>Such as <c>DDR5</c>; empty when unknown.</summary>
    public string Kind { get; init; } = "";
}

/// <param name="Path">Where it was asked: the data directory, for one.</param>
/// <param name="Total">Size of the filesystem.</param>
/// <param name="Free">Free for this user when it was measured.</param>
/// <param name="Filesystem">Type, such as <c>ext4</c>; empty when unknown.</param>
public sealed record Disk(string Path, ByteSize Total, ByteSize Free, string Filesystem)
{
    /// <summary><c>nvme</c>, <c>ssd</c>, <c>hdd</c>, <c>network</c>; empty when unknown.</summary>
    public string SpeedClass { get; init; } = "";
}

/// <param name="Vendor">Empty when unknown.</param>
/// <param name="Product">Empty when unknown.</param>
public sealed record Host(string Vendor, string Product);

/// <param name="Subject">What it is about.</param>
/// <param name="Text">What was found.</param>
/// <param name="Remedy">What a person can do; null when nothing needs doing.</param>
public sealed record Finding(string Subject, string Text, string? Remedy)
{
    /// <summary>A stable name for programs, such as <c>driver-mismatch</c> or <c>probe-timed-out</c>; empty for a plain remark.</summary>
    public string Code { get; init; } = "";
}

using Medulla.Core.Units;

namespace Medulla.Core.Machines;

/// <summary>What this device can do: measured, never assumed. Null and empty mean <i>unknown</i>.</summary>
public sealed record Machine
{
    public required OperatingSystem Os { get; init; }

    public required Cpu Cpu { get; init; }

    public required MemoryPool Memory { get; init; }

    public required ImmutableArray<Disk> Disks { get; init; }

    /// <summary>What is wrong or unusual here, in sentences.</summary>
    public ImmutableArray<Finding> Findings { get; init; } = [];
}

/// <param name="Family"><c>linux</c>, <c>windows</c> or <c>macos</c>.</param>
/// <param name="Name">What the system calls itself, such as <c>Debian GNU/Linux 12 (bookworm)</c>; empty when unknown.</param>
/// <param name="Kernel">Kernel release; empty when unknown.</param>
/// <param name="Architecture"><c>x64</c>, <c>arm64</c>, <c>riscv64</c>, …</param>
public sealed record OperatingSystem(string Family, string Name, string Kernel, string Architecture);

/// <param name="Model">Name as the CPU gives it; empty when unknown.</param>
/// <param name="Cores">Physical cores that this process may use; 1 or more.</param>
/// <param name="Threads">Hardware threads that this process may use; 1 or more.</param>
/// <param name="Features">Instruction sets that matter to engines (<c>avx2</c>, <c>avx512f</c>, <c>neon</c>, …).</param>
public sealed record Cpu(string Model, int Cores, int Threads, ImmutableArray<string> Features);

/// <param name="Total">Physical memory.</param>
/// <param name="Limit">The tightest limit of a container or control group around this process; null when there is none.</param>
public sealed record MemoryPool(ByteSize Total, ByteSize? Limit)
{
    /// <summary>What may be planned with: a container's limit wins over the host's total.</summary>
    public ByteSize Usable => Limit is { } limit && limit < Total ? limit : Total;
}

/// <param name="Path">Where it was asked: the data directory, for one.</param>
/// <param name="Total">Size of the filesystem.</param>
/// <param name="Free">Free for this user when it was measured.</param>
/// <param name="Filesystem">Type, such as <c>ext4</c>; empty when unknown.</param>
public sealed record Disk(string Path, ByteSize Total, ByteSize Free, string Filesystem);

/// <param name="Subject">What it is about.</param>
/// <param name="Text">What was found.</param>
/// <param name="Remedy">What a person can do; null when nothing needs doing.</param>
public sealed record Finding(string Subject, string Text, string? Remedy);

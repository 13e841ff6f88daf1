using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

public enum HardwareKind
{
    /// <summary>A card with memory of its own.</summary>
    Gpu,

    /// <summary>CPU and GPU on one chip with one pool of memory, made for computing.</summary>
    Soc,

    /// <summary>A PC's processor with a GPU that shares its memory.</summary>
    Apu,

    Npu,

    /// <summary>A machine that computes on its processor.</summary>
    Cpu,
}

/// <summary>How far the figures of an entry can be trusted.</summary>
public enum Confidence
{
    /// <summary>Its maker's figures, not checked against a box.</summary>
    Listed,

    /// <summary>Checked against a capture or a measurement of a real box.</summary>
    Measured,

    /// <summary>Some figures are missing.</summary>
    Partial,

    /// <summary>From hearsay: to be checked before anybody relies on it.</summary>
    Unverified,
}

/// <summary>A kind of hardware: how it is recognised, and what it can do. Null means <i>not known</i>.</summary>
public sealed record HardwareEntry
{
    public required HardwareId Id { get; init; }

    /// <summary>Lower case, as detection names it.</summary>
    public required string Vendor { get; init; }

    public required string Title { get; init; }

    public required HardwareKind Kind { get; init; }

    /// <summary>Hardware that behaves alike: <c>nvidia-dgpu</c>, <c>nvidia-dc</c>, <c>nvidia-soc</c>, <c>amd-dgpu</c>, <c>amd-apu</c>, <c>apple</c>, <c>intel-gpu</c>, <c>npu</c>, <c>accel-cn</c>, <c>cpu</c>.</summary>
    public required string Class { get; init; }

    public required Recognition Recognise { get; init; }

    /// <summary>Of one device; the pool where it is unified; the typical system memory of a CPU.</summary>
    public ByteSize? Memory { get; init; }

    public bool Unified { get; init; }

    /// <summary>1e9 bytes per second of one device, as its maker gives it.</summary>
    public double? BandwidthGBs { get; init; }

    /// <summary>1e12 operations per second, dense, in half precision.</summary>
    public double? Fp16Tflops { get; init; }

    /// <summary>1e12 operations per second, dense, on bytes.</summary>
    public double? Int8Tops { get; init; }

    public string? Architecture { get; init; }

    public string? Compute { get; init; }

    public double? TdpW { get; init; }

    /// <summary>What engines can use it through: <c>cuda</c>, <c>vulkan</c>, <c>rocm</c>, <c>metal</c>, …</summary>
    public ImmutableArray<string> Interfaces { get; init; } = [];

    /// <summary>A typical box around it; null when none is described.</summary>
    public TypicalHost? Host { get; init; }

    /// <summary>Its ids in the evidence, without a count in front.</summary>
    public ImmutableArray<string> MeasuredAs { get; init; } = [];

    public required Confidence Confidence { get; init; }

    /// <summary>What an operator must know; null when nothing.</summary>
    public string? Notes { get; init; }

    public ImmutableArray<string> Sources { get; init; } = [];
}

/// <summary>How a detected device is known to be of a kind: by PCI id or by a part of its name, narrowed by memory.</summary>
/// <param name="Names">Parts of the accelerator's or the CPU's name, case-insensitive.</param>
/// <param name="NotNames">Parts that speak against it.</param>
/// <param name="Pci"><c>10de:2684</c>, lower case.</param>
/// <param name="From">Least memory of one device, or of the pool; null for any.</param>
/// <param name="To">Most memory; null for any.</param>
public sealed record Recognition(ImmutableArray<string> Names, ImmutableArray<string> NotNames, ImmutableArray<string> Pci, ByteSize? From, ByteSize? To);

/// <param name="Os"><c>linux</c>, <c>windows</c> or <c>macos</c>.</param>
/// <param name="Architecture"><c>x64</c>, <c>arm64</c>, <c>riscv64</c>.</param>
public sealed record TypicalHost(string Os, string Architecture, string Cpu, int Cores, int Threads, ImmutableArray<string> Features, ByteSize Memory)
{
    /// <summary>Fast cores of a mixed processor; 0 when all are alike, or nobody has recorded it.</summary>
    public int FastCores { get; init; }
}

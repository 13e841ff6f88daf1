using Medulla.Core.Units;

namespace Medulla.Core.Machines;

public enum AcceleratorKind
{
    /// <summary>A GPU with memory of its own, or the main one of a unified pool.</summary>
    Gpu,

    /// <summary>A small GPU inside a CPU that borrows its memory.</summary>
    IntegratedGpu,

    /// <summary>A neural processor.</summary>
    Npu,
}

public enum DriverState
{
    Unknown,
    Ok,

    /// <summary>A device is there, or was looked for, and no driver is loaded for it.</summary>
    Missing,

    /// <summary>The driver is loaded and the device does not work.</summary>
    Broken,

    /// <summary>Kernel module and user library are of different versions.</summary>
    Mismatch,
}

/// <summary>A device that engines can compute on, or several equal ones. Null means <i>unknown</i>.</summary>
public sealed record Accelerator
{
    /// <summary><c>nvidia</c>, <c>amd</c>, <c>intel</c>, <c>apple</c>, <c>huawei</c>, <c>mthreads</c>, <c>metax</c>, <c>hygon</c>, <c>qualcomm</c>, …</summary>
    public required string Vendor { get; init; }

    /// <summary>As its tool names it.</summary>
    public required string? Name { get; init; }

    /// <summary>As its maker sells it, where that differs from <see cref="Name"/>.</summary>
    public string? MarketingName { get; init; }

    public AcceleratorKind Kind { get; init; } = AcceleratorKind.Gpu;

    /// <summary>Equal devices; 1 or more.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Memory of one device; of the pool that it can use where that is <see cref="Unified"/>.</summary>
    public ByteSize? Memory { get; init; }

    /// <summary>True when its memory is the system's.</summary>
    public required bool Unified { get; init; }

    public string? DriverVersion { get; init; }

    /// <summary>The kernel module, such as <c>amdgpu</c> or <c>xe</c>.</summary>
    public string? DriverModule { get; init; }

    /// <summary>Generation, such as <c>Ada</c>, <c>RDNA3.5</c>.</summary>
    public string? Architecture { get; init; }

    /// <summary>What compilers call it: <c>8.9</c>, <c>gfx1151</c>.</summary>
    public string? Compute { get; init; }

    /// <summary>The vendor's runtime with its version, such as <c>CUDA 13.0</c>.</summary>
    public string? Runtime { get; init; }

    public string? Firmware { get; init; }

    /// <summary><c>10de:2684</c>, lower case.</summary>
    public string? PciId { get; init; }

    /// <summary>Part of a unified pool that the firmware set aside for it.</summary>
    public ByteSize? Carveout { get; init; }

    /// <summary>Part of a unified pool that the driver may map for it (AMD).</summary>
    public ByteSize? Gtt { get; init; }

    /// <summary>Sum of the memory heaps that Vulkan reports.</summary>
    public ByteSize? VulkanHeap { get; init; }

    public double? PowerLimitW { get; init; }

    public double? TemperatureC { get; init; }

    public PcieLink? Link { get; init; }

    /// <summary>Interfaces that answered here: <c>cuda</c>, <c>rocm</c>, <c>vulkan</c>, <c>metal</c>, <c>sycl</c>, <c>cann</c>, <c>musa</c>, <c>maca</c>, …; empty when unknown.</summary>
    public ImmutableArray<string> Interfaces { get; init; } = [];

    /// <summary>What a reader must know about these figures; null when nothing.</summary>
    public string? Note { get; init; }

    /// <summary>The commands and files that these facts are from.</summary>
    public ImmutableArray<string> Sources { get; init; } = [];
}

/// <param name="Generation">1 to 7; 0 when unknown.</param>
/// <param name="Width">Lanes in use.</param>
/// <param name="MaxWidth">Lanes that device and slot could use; 0 when unknown.</param>
public sealed record PcieLink(int Generation, int Width, int MaxWidth);

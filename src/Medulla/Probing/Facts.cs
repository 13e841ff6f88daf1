using Medulla.Core.Machines;

namespace Medulla.Probing;

/// <summary>
/// What one reading says, before anything is put together. A parser fills it and decides nothing: unknown stays null.
/// </summary>
internal sealed class Facts
{
    /// <summary>Accelerators as this tool numbers them.</summary>
    public List<Device> Devices { get; } = [];

    public List<Finding> Findings { get; } = [];

    /// <summary>What it says about drivers.</summary>
    public List<DriverSign> Drivers { get; } = [];

    /// <summary>Kernel modules that are loaded; null when this reading does not list them.</summary>
    public HashSet<string>? Modules { get; set; }

    /// <summary>Runtime with its version by vendor, such as <c>CANN 8.3.RC1</c>.</summary>
    public Dictionary<string, string> Runtimes { get; } = new(StringComparer.Ordinal);

    /// <summary>Version of a driver by vendor, from a file of the driver itself.</summary>
    public Dictionary<string, string> DriverVersions { get; } = new(StringComparer.Ordinal);

    /// <summary>Was it a look at all devices or drivers of this machine, so that their absence is a fact?</summary>
    public bool Looked { get; set; }

    public string? Family { get; set; }

    public string? SystemId { get; set; }

    public string? SystemVersion { get; set; }

    public string? SystemName { get; set; }

    public string? Kernel { get; set; }

    public string? Architecture { get; set; }

    public string? DriverModel { get; set; }

    public string? CpuModel { get; set; }

    public int? Cores { get; set; }

    public int? Threads { get; set; }

    public int? Nodes { get; set; }

    /// <summary>Cores of the greatest kind of a mixed processor.</summary>
    public int? FastCores { get; set; }

    /// <summary>Hardware threads of the fast cores of a mixed processor.</summary>
    public int? FastThreads { get; set; }

    /// <summary>Hardware threads that a container leaves to us.</summary>
    public double? UsableThreads { get; set; }

    public List<string> CpuFeatures { get; } = [];

    public long? Ram { get; set; }

    /// <summary>Rounded by the tool that printed it: used only where nobody knows better.</summary>
    public long? RoughRam { get; set; }

    public long? MemoryLimit { get; set; }

    public double? BandwidthGBs { get; set; }

    public string? MemoryKind { get; set; }

    /// <summary>Bytes that macOS lets the GPU wire; null when it is at its default.</summary>
    public long? WiredLimit { get; set; }

    public string? HostVendor { get; set; }

    public string? HostProduct { get; set; }

    public string? KernelDriver { get; set; }

    public string? UserLibrary { get; set; }

    public List<Disk> Disks { get; } = [];

    public void Find(string code, string subject, string text, string? remedy = null) => Findings.Add(new Finding(subject, text, remedy) { Code = code });
}

/// <summary>What a reading says about the driver of one vendor.</summary>
/// <param name="Cause">In a few words; null when it works.</param>
/// <param name="Remedy">What a person can do; null when it works.</param>
internal sealed record DriverSign(string Vendor, DriverState State, string? Cause = null, string? Remedy = null)
{
    /// <summary>Code of the finding that this becomes.</summary>
    public string Code => State switch { DriverState.Mismatch => "driver-mismatch", DriverState.Missing => "driver-missing", _ => "driver-broken" };
}

/// <summary>An accelerator as one tool sees it: parts of a device, to be put together with what others see.</summary>
internal sealed class Device
{
    /// <summary>The tool or part of the system that sees it: two devices of one scope are never the same one.</summary>
    public required string Scope { get; init; }

    /// <summary>Number or path within its scope; null where the tool gives none.</summary>
    public string? Index { get; set; }

    public string? Vendor { get; set; }

    public string? Name { get; set; }

    /// <summary>How telling the field was that <see cref="Name"/> is from; the more telling one wins within a scope.</summary>
    public int NameRank { get; set; }

    public string? MarketingName { get; set; }

    public AcceleratorKind? Kind { get; set; }

    /// <summary>Memory of its own, or what the tool calls so.</summary>
    public long? Memory { get; set; }

    /// <summary>The figure is near the device's memory, not equal to it: a heap, an allocator's view.</summary>
    public bool MemoryRough { get; set; }

    /// <summary>The tool said that it has no figure, which unified devices do.</summary>
    public bool MemoryUnsaid { get; set; }

    public bool? Unified { get; set; }

    public long? Gtt { get; set; }

    public long? VulkanHeap { get; set; }

    /// <summary>What the compute runtime can allocate, where it says so.</summary>
    public long? Pool { get; set; }

    public string? DriverVersion { get; set; }

    public string? DriverModule { get; set; }

    public string? Architecture { get; set; }

    public string? Compute { get; set; }

    public string? Runtime { get; set; }

    public string? Firmware { get; set; }

    public string? PciId { get; set; }

    /// <summary>The halves of <see cref="PciId"/>, where files of their own hold them.</summary>
    public string? PciVendor { get; set; }

    public string? PciDevice { get; set; }

    /// <summary>PCI address with its domain, lower case: <c>0000:01:00.0</c>.</summary>
    public string? Bus { get; set; }

    public double? PowerLimitW { get; set; }

    public double? TemperatureC { get; set; }

    public int? LinkGeneration { get; set; }

    public int? LinkWidth { get; set; }

    public int? LinkMaxWidth { get; set; }

    public List<string> Interfaces { get; } = [];

    public List<string> Notes { get; } = [];

    public List<string> Sources { get; } = [];

    /// <summary>The name as a table cut it, until somebody says the whole of it.</summary>
    private string? _shortened;

    /// <summary>Takes from another view of the same device what this one lacks.</summary>
    public void Fill(Device other)
    {
        if (IsShortened(Name)) _shortened ??= Name;
        if (Name is null || (other.Name is not null && (other.NameRank > NameRank || (IsShortened(Name) && !IsShortened(other.Name)) || IsWholeOf(_shortened, other.Name))))
        {
            if (other.Name is not null) (Name, NameRank) = (other.Name, Math.Max(NameRank, other.NameRank));
            if (IsWholeOf(_shortened, Name)) _shortened = null;
        }

        if ((MemoryRough && other is { MemoryRough: false, Memory: not null }) || Memory is null) (Memory, MemoryRough) = (other.Memory, other.MemoryRough);
        Index ??= other.Index;
        Vendor ??= other.Vendor;
        MarketingName ??= other.MarketingName;
        Kind ??= other.Kind;
        MemoryUnsaid |= other.MemoryUnsaid;
        Unified ??= other.Unified;
        Gtt ??= other.Gtt;
        VulkanHeap ??= other.VulkanHeap;
        Pool ??= other.Pool;
        DriverVersion ??= other.DriverVersion;
        DriverModule ??= other.DriverModule;
        Architecture ??= other.Architecture;
        Compute ??= other.Compute;
        Runtime ??= other.Runtime;
        Firmware ??= other.Firmware;
        PciVendor ??= other.PciVendor;
        PciDevice ??= other.PciDevice;
        PciId ??= other.PciId ?? (PciVendor is not null && PciDevice is not null ? $"{PciVendor}:{PciDevice}" : null);
        Bus ??= other.Bus;
        PowerLimitW ??= other.PowerLimitW;
        TemperatureC ??= other.TemperatureC;
        LinkGeneration ??= other.LinkGeneration;
        LinkWidth ??= other.LinkWidth;
        LinkMaxWidth ??= other.LinkMaxWidth;
        Interfaces.AddRange(other.Interfaces.Except(Interfaces, StringComparer.Ordinal));
        Notes.AddRange(other.Notes.Except(Notes, StringComparer.Ordinal));
        Sources.AddRange(other.Sources.Except(Sources, StringComparer.Ordinal));
    }

    /// <summary>The name that a table cut, goes on in this one.</summary>
    private static bool IsWholeOf(string? shortened, string? name) => shortened is not null && name is not null && !IsShortened(name) && name.Contains(shortened.Trim('.', ' '), StringComparison.Ordinal);

    /// <summary>Did a table cut the name, at either end?</summary>
    public static bool IsShortened(string? name) => name is not null && (name.EndsWith("...", StringComparison.Ordinal) || name.StartsWith("...", StringComparison.Ordinal));
}

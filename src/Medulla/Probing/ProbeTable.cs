using System.Text.RegularExpressions;

namespace Medulla.Probing;

[Flags]
internal enum Platforms
{
    Linux = 1,
    MacOs = 2,
    Windows = 4,
}

/// <summary>A command that is asked, where it is installed.</summary>
/// <param name="Name">Of its reading and of its file in a capture.</param>
/// <param name="Command">Program and arguments; no shell.</param>
/// <param name="Folders">Where vendors put it, besides the path.</param>
internal sealed record CommandRow(string Name, Platforms On, string[] Command, string[] Folders)
{
    /// <summary>Lines that are kept; null for all. What is not needed is not read, so that it cannot be captured.</summary>
    public Regex? Keep { get; init; }

    /// <summary>What follows a line with this word is not read: lists of processes.</summary>
    public string? Until { get; init; }
}

/// <summary>Files that are read.</summary>
/// <param name="Path">Below the root, with <c>*</c> in its parts; its slashes as dashes are the name of the reading.</param>
internal sealed record FileRow(string Path)
{
    /// <summary>Lines that are kept; null for all.</summary>
    public Regex? Keep { get; init; }

    /// <summary>Only a file whose text looks like this is of use; null for all.</summary>
    public Regex? Only { get; init; }
}

/// <summary>What a probe asks on each platform: data.</summary>
internal static partial class ProbeTable
{
    private static readonly string[] NvidiaFolders = ["/usr/lib/wsl/lib", "/usr/local/nvidia/bin", @"C:\Windows\System32", @"C:\Program Files\NVIDIA Corporation\NVSMI"];

    /// <summary>Who uses the memory of NVIDIA's accelerators now: pid, MiB, program. Not part of what a machine is.</summary>
    public static CommandRow NvidiaUse { get; } = new("nvidia-smi-use", Platforms.Linux | Platforms.Windows, ["nvidia-smi", "--query-compute-apps=pid,used_memory,process_name", "--format=csv,noheader,nounits"], NvidiaFolders);

    /// <summary>Whether NVIDIA's accelerators slow themselves down now, and why: index, bits, state, percent, MHz, MHz. Not part of what a machine is.</summary>
    public static CommandRow NvidiaSlowing { get; } = new("nvidia-smi-slowing", Platforms.Linux | Platforms.Windows, ["nvidia-smi", "--query-gpu=index,clocks_throttle_reasons.active,pstate,utilization.gpu,clocks.current.sm,clocks.max.sm", "--format=csv,noheader,nounits"], NvidiaFolders);

    public static CommandRow[] Commands { get; } =
    [
        new("nvidia-smi-query", Platforms.Linux | Platforms.Windows,
            ["nvidia-smi", "--query-gpu=index,name,memory.total,driver_version,compute_cap,pci.bus_id,pci.device_id,power.limit,temperature.gpu,pcie.link.gen.current,pcie.link.width.current,pcie.link.width.max,mig.mode.current,vbios_version", "--format=csv"],
            NvidiaFolders),
        new("nvidia-smi", Platforms.Linux | Platforms.Windows, ["nvidia-smi"], NvidiaFolders) { Until = "Processes:" },
        new("rocm-smi", Platforms.Linux, ["rocm-smi", "--showproductname", "--showmeminfo", "vram", "gtt", "--showdriverversion", "--showbus", "--json"], ["/opt/rocm/bin"]),
        new("amd-smi", Platforms.Linux, ["amd-smi", "static", "--asic", "--bus", "--vram", "--driver", "--limit", "--json"], ["/opt/rocm/bin"]),
        new("rocminfo", Platforms.Linux, ["rocminfo"], ["/opt/rocm/bin"]),
        new("hy-smi", Platforms.Linux, ["hy-smi"], ["/opt/hyhal/bin", "/usr/local/hyhal/bin"]),
        new("hy-smi-product", Platforms.Linux, ["hy-smi", "--showproductname", "--showmeminfo", "vram", "--showdriverversion"], ["/opt/hyhal/bin", "/usr/local/hyhal/bin"]),
        new("npu-smi-info", Platforms.Linux, ["npu-smi", "info"], ["/usr/local/sbin", "/usr/local/bin", "/usr/local/Ascend/driver/tools"]) { Until = "Process" },
        new("mx-smi", Platforms.Linux, ["mx-smi"], ["/opt/mxdriver/bin", "/opt/maca/bin"]) { Until = "Process" },
        new("mthreads-gmi", Platforms.Linux, ["mthreads-gmi"], ["/usr/bin", "/usr/local/musa/bin"]) { Until = "Processes:" },
        new("xpu-smi-discovery", Platforms.Linux, ["xpu-smi", "discovery", "-j"], ["/usr/bin"]),
        new("ppu-smi", Platforms.Linux, ["ppu-smi"], ["/usr/local/PPU_SDK/bin"]) { Until = "Processes:" },
        new("cnmon", Platforms.Linux, ["cnmon"], ["/usr/bin", "/usr/local/neuware/bin"]) { Until = "Processes:" },
        new("ixsmi", Platforms.Linux, ["ixsmi"], ["/usr/local/corex/bin"]) { Until = "Processes:" },
        new("vulkaninfo-summary", Platforms.Linux | Platforms.Windows, ["vulkaninfo", "--summary"], []),
        new("lspci-nnDk", Platforms.Linux, ["lspci", "-nnDk"], ["/usr/bin", "/sbin", "/usr/sbin"]),
        new("dmidecode", Platforms.Linux, ["dmidecode", "-t", "system", "-t", "memory"], ["/usr/sbin", "/sbin"]) { Keep = DmiLines() },
        new("dmesg", Platforms.Linux, ["dmesg"], ["/bin", "/usr/bin"]) { Keep = DriverLines() },
        new("sysctl", Platforms.MacOs, ["sysctl", "hw.memsize", "hw.physicalcpu", "hw.logicalcpu", "hw.model", "hw.machine", "machdep.cpu.brand_string"], ["/usr/sbin"]),
        new("sysctl-iogpu.wired_limit_mb", Platforms.MacOs, ["sysctl", "-n", "iogpu.wired_limit_mb"], ["/usr/sbin"]),
        new("sysctl-perflevel", Platforms.MacOs, ["sysctl", "hw.perflevel0.physicalcpu"], ["/usr/sbin"]),
        new("sysctl-arm", Platforms.MacOs, ["sysctl", "hw.optional.arm"], ["/usr/sbin"]),
        new("system_profiler-SPDisplaysDataType", Platforms.MacOs, ["system_profiler", "-json", "SPDisplaysDataType"], ["/usr/sbin"]),
        new("sw_vers", Platforms.MacOs, ["sw_vers"], ["/usr/bin"]),
        new("uname", Platforms.MacOs, ["uname", "-srm"], ["/usr/bin"]),
        PowerShell("win32-videocontroller", "Win32_VideoController", "Name,AdapterRAM,DriverVersion,PNPDeviceID,VideoProcessor,AdapterCompatibility,Status,ConfigManagerErrorCode"),
        PowerShell("win32-processor", "Win32_Processor", "Name,NumberOfCores,NumberOfLogicalProcessors,Architecture"),
        PowerShell("win32-operatingsystem", "Win32_OperatingSystem", "Caption,Version,OSArchitecture,TotalVisibleMemorySize"),
        PowerShell("win32-computersystem", "Win32_ComputerSystem", "Manufacturer,Model,TotalPhysicalMemory"),
        PowerShell("win32-physicalmemory", "Win32_PhysicalMemory", "Capacity,Speed,DeviceLocator"),
    ];

    public static FileRow[] Files { get; } =
    [
        new("etc/os-release"),
        new("proc/meminfo") { Keep = MemoryLines() },
        new("proc/cpuinfo"),
        new("proc/modules"),
        new("proc/cmdline") { Keep = CommandLineWords() },
        new("proc/self/status") { Keep = AllowedLine() },
        new("proc/driver/nvidia/version"),
        new("proc/driver/nvidia/gpus/*/information"),
        new("proc/device-tree/model"),
        new("etc/nv_tegra_release"),
        new("sys/devices/system/node/online"),
        new("sys/devices/cpu_core/cpus"),
        new("sys/class/dmi/id/sys_vendor"),
        new("sys/class/dmi/id/product_name"),
        .. new[] { "uevent", "vendor", "device", "mem_info_vram_total", "mem_info_gtt_total", "current_link_width", "current_link_speed", "max_link_width", "product_name", "vbios_version", "lmem_total_bytes", "tile*/physical_vram_size_bytes", "hwmon/hwmon*/power1_cap", "hwmon/hwmon*/temp1_input" }
            .Select(f => new FileRow("sys/class/drm/card*/device/" + f)),
        new("sys/class/accel/accel*/device/uevent"),
        new("sys/bus/pci/devices/*/uevent") { Only = AcceleratorClass() },
        new("sys/class/kfd/kfd/topology/nodes/*/properties"),
        new("sys/class/kfd/kfd/topology/nodes/*/mem_banks/*/properties"),
        new("sys/module/amdgpu/version"),
        new("sys/module/nvidia/version"),
        new("sys/module/mtgpu/version"),
        new("usr/local/Ascend/ascend-toolkit/latest/version.cfg"),
        new("usr/local/Ascend/driver/version.info"),
        new("opt/rocm/.info/version"),
    ];

    /// <summary>Files of control groups, from the group of this process up to the root.</summary>
    public static (string Mount, string[] Files) CgroupSecond { get; } = ("sys/fs/cgroup", ["memory.max", "cpu.max"]);

    public static (string Mount, string[] Files) CgroupFirst { get; } = ("sys/fs/cgroup/memory", ["memory.limit_in_bytes"]);

    private static CommandRow PowerShell(string name, string type, string fields) =>
        new(name, Platforms.Windows, ["powershell", "-NoProfile", "-NonInteractive", "-Command", $"Get-CimInstance {type} | Select-Object {fields} | ConvertTo-Json"], [@"C:\Windows\System32\WindowsPowerShell\v1.0"]);

    [GeneratedRegex(@"\b(?:amdgpu|xe|i915|intel_vpu|amdxdna|nouveau|nvidia|mtgpu|hydcu)\b|NVRM|\[drm\]", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex DriverLines();

    [GeneratedRegex(@"^Handle|^System Information|^Memory Device|^\S|Manufacturer|Product Name|Size:|Width:|Locator|Type:|Speed", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex DmiLines();

    [GeneratedRegex(@"^MemTotal", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex MemoryLines();

    [GeneratedRegex(@"(?<=^|\s)(?:ttm\.\S+|amdgpu\.\S+|amd_iommu=\S+|iommu\S*=\S+|nomodeset)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex CommandLineWords();

    [GeneratedRegex(@"^Cpus_allowed_list:", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex AllowedLine();

    [GeneratedRegex(@"^PCI_CLASS=(?:3\d{4}|12\d{4}|1180\d\d|B40\d\d)$", RegexOptions.Multiline | RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex AcceleratorClass();
}

using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml;
using Medulla.Core.Machines;
using Medulla.Probing.Parsers;

namespace Medulla.Probing;

/// <summary>Fills facts from a reading. Throws nothing but what <see cref="ParserTable.Parse"/> catches.</summary>
internal delegate void Parser(Reading reading, Facts facts);

/// <summary>Which parser reads what: by the beginning of the reading's name, then by a word anywhere in it, then by what the text looks like.</summary>
internal static partial class ParserTable
{
    /// <summary>The longest name that fits is taken.</summary>
    private static readonly (string Name, Parser Parser)[] ByName =
    [
        .. new (string Name, Parser Parser)[]
        {
            ("nvidia-smi", Nvidia.Smi), ("nvidia_smi", Nvidia.Smi), ("proc-driver-nvidia-version", Nvidia.ModuleVersion), ("proc-driver-nvidia-gpus", Nvidia.ModuleDevice),
            ("rocm-smi", Amd.RocmSmi), ("rocm_smi", Amd.RocmSmi), ("rocm", Amd.RocmSmi), ("rocminfo", Amd.Rocminfo), ("amd-smi", Amd.AmdSmi), ("amdgpu_top", Amd.AmdgpuTop), ("amdgpu-top", Amd.AmdgpuTop),
            ("opt-rocm", Version), ("rocm-version", Version), ("hy-smi", Amd.HySmi), ("dcu-smi", Amd.HySmi),
            ("npu-smi", Others.NpuSmi), ("ascend-toolkit", Others.AscendVersion), ("driver-version", Others.AscendVersion), ("usr-local-Ascend", Others.AscendVersion), ("ascend", Others.AscendVersion), ("cann", Others.AscendVersion),
            ("mx-smi", Others.MxSmi), ("mthreads-gmi", Others.MthreadsGmi), ("xpu-smi", Others.XpuSmi), ("xpu_smi", Others.XpuSmi), ("cnmon", Others.CnMon), ("xpumcli", Others.XpuSmi), ("ppu-smi", Others.PpuSmi), ("ixsmi", Others.IxSmi),
            ("vulkan", Graphics.Vulkan), ("clinfo", Graphics.OpenCl), ("llama-", Graphics.EngineDevices), ("lspci", Pci.Lspci), ("dmesg", Kernel.Dmesg), ("journalctl", Kernel.Dmesg), ("proc-modules", Kernel.Modules), ("lsmod", Kernel.Modules),
            ("proc-cmdline", Kernel.CommandLine), ("sys-", Kernel.Sysfs), ("mem_info_", Kernel.Sysfs), ("sys-fs-cgroup", Linux.Cgroup), ("sys-devices-system-node", Linux.Numa), ("sys-devices-cpu_core", Linux.FastThreads),
            ("sys-firmware-devicetree-base-model", Linux.DeviceTree), ("proc-device-tree-model", Linux.DeviceTree), ("tegrastats", Linux.TegraStats), ("nv_tegra_release", Linux.TegraRelease), ("etc-nv_tegra_release", Linux.TegraRelease),
            ("dmidecode", Linux.Dmidecode), ("os-release", Linux.OsRelease), ("etc-os-release", Linux.OsRelease), ("uname", Linux.Uname), ("proc-sys-kernel-osrelease", Linux.Uname), ("proc-version", Linux.Uname),
            ("proc-meminfo", Linux.Meminfo), ("meminfo", Linux.Meminfo), ("free", Linux.Free), ("proc-cpuinfo", Linux.Cpuinfo), ("cpuinfo", Linux.Cpuinfo), ("lscpu", Linux.Lscpu), ("numactl", Linux.Numa),
            ("proc-self-status", Linux.Status), ("df", Linux.Disks), ("memory.max", Linux.Cgroup), ("memory.limit_in_bytes", Linux.Cgroup), ("cpu.max", Linux.Cgroup),
            ("sysctl", Apple.Sysctl), ("vm_stat", Apple.VmStat), ("sw_vers", Apple.SwVers), ("system_profiler", Apple.SystemProfiler),
            ("wmic", Wmi.Cim), ("win32", Wmi.Cim), ("powershell", Wmi.Cim), ("get-ciminstance", Wmi.Cim), ("systeminfo", Wmi.SystemInfo),
        }.OrderByDescending(r => r.Name.Length),
    ];

    /// <summary>Names that are looked for anywhere in the name of a file: <c>box7-nvidia-smi-q</c>.</summary>
    private const int ShortestInside = 6;

    private static readonly (Regex Looks, Parser Parser)[] ByContent =
    [
        (NvidiaText(), Nvidia.Smi), (MxText(), Others.MxSmi), (NpuText(), Others.NpuSmi), (GmiText(), Others.MthreadsGmi), (HyText(), Amd.HySmi), (RocmText(), Amd.RocmSmi), (AgentText(), Amd.Rocminfo),
        (AmdSmiText(), Amd.AmdSmi), (TopText(), Amd.AmdgpuTop), (XpuText(), Others.XpuSmi), (VulkanText(), Graphics.Vulkan), (OpenClText(), Graphics.OpenCl), (EngineText(), Graphics.EngineDevices), (MacText(), Apple.SystemProfiler), (VmStatText(), Apple.VmStat),
        (WmiText(), Wmi.Cim), (DmiText(), Linux.Dmidecode), (MeminfoText(), Linux.Meminfo), (CpuinfoText(), Linux.Cpuinfo), (LscpuText(), Linux.Lscpu), (FreeText(), Linux.Free), (OsText(), Linux.OsRelease), (LspciText(), Pci.Lspci), (DmesgText(), Kernel.Dmesg), (UnameText(), Linux.Uname),
        (ModulesText(), Kernel.Modules), (DarwinText(), Apple.Sysctl),
    ];

    /// <summary>Something did not answer within its budget, so that the look is not whole.</summary>
    public const string TimedOut = "probe-timed-out";

    /// <summary>A tool printed something in which we find no device; of no interest when it names them in another reading.</summary>
    public const string Unread = "tool-unread";

    /// <summary>Programs of vendors: when they say nothing, that is a finding.</summary>
    private static readonly string[] VendorTools = ["nvidia-smi", "rocm-smi", "rocminfo", "amd-smi", "amdgpu_top", "hy-smi", "npu-smi", "mx-smi", "mthreads-gmi", "xpu-smi", "xpu_smi", "cnmon", "ppu-smi", "ixsmi", "vulkaninfo", "clinfo", "lspci", "system_profiler"];

    /// <summary>The facts of one reading. Never throws: a text that nobody understands is a finding.</summary>
    public static Facts Parse(Reading reading)
    {
        var facts = new Facts();
        var tool = Array.Find(VendorTools, t => reading.Name.StartsWith(t, StringComparison.OrdinalIgnoreCase));
        if (reading.End == ReadingEnd.Cut) facts.Find("too-long", reading.Origin, $"it is longer than {Reading.MaxText >> 20} MiB: only its beginning is read");
        if (Find(reading) is not { } parser)
        {
            if (reading.End == ReadingEnd.TimedOut) Hung(reading, facts, tool ?? reading.Origin);
            else if (tool is null && reading.Text.Length > 0) facts.Find("unknown-file", reading.Origin, "nobody here knows what it is", "name the file after the tool that printed it, as in 'nvidia-smi-query.csv'");
            return facts;
        }

        try
        {
            parser(reading, facts);
        }
        catch (Exception e) when (e is JsonException or XmlException or RegexMatchTimeoutException)
        {
            facts.Find("unreadable", reading.Origin, $"it cannot be read: {e.Message}", "capture it again, or report the capture");
        }

        foreach (var device in facts.Devices) device.Sources.Add(reading.Origin);
        if (tool is not null && facts.Devices.Count == 0 && facts.Drivers.Count == 0) Silent(reading, facts, tool);
        else if (reading.End == ReadingEnd.TimedOut) Hung(reading, facts, tool ?? reading.Name);
        return facts;
    }

    private static Parser? Find(Reading reading)
    {
        foreach (var (name, parser) in ByName)
        {
            if (reading.Name.StartsWith(name, StringComparison.OrdinalIgnoreCase)) return parser;
        }

        foreach (var (name, parser) in ByName)
        {
            if (name.Length >= ShortestInside && reading.Name.Contains(name, StringComparison.OrdinalIgnoreCase)) return parser;
        }

        var head = reading.Text.Length > 20_000 ? reading.Text[..20_000] : reading.Text;
        try
        {
            return Array.Find(ByContent, r => r.Looks.IsMatch(head)).Parser;
        }
        catch (RegexMatchTimeoutException)
        {
            return null;
        }
    }

    private static void Silent(Reading reading, Facts facts, string tool)
    {
        if (Missing.IsHung(reading)) Hung(reading, facts, tool);
        else if (Missing.LacksLibrary(reading)) facts.Find("library-missing", tool, $"{tool} does not start: {LastLine(reading.Text)}", "reinstall the tool or the vendor's driver; in a container, mount the driver's libraries");
        else if (Missing.IsNotHere(reading))
        {
            facts.Findings.RemoveAll(IsOfTheText);
            facts.Find("tool-missing", tool, $"{tool} is not installed, or not on the path", "install the tools of the vendor's driver");
        }
        else if (reading.Text.Trim().Length == 0) facts.Find("tool-silent", tool, $"{tool} printed nothing", $"run '{tool}' by hand and look at what it says");
        else if (reading.End == ReadingEnd.Failed) facts.Find("tool-failed", tool, $"{tool} ended with code {reading.Code}: {LastLine(reading.Text)}", $"run '{tool}' by hand and look at what it says");
        else if (facts is { Looked: false, Findings.Count: 0, Ram: null, CpuModel: null, HostProduct: null, DriverVersions.Count: 0, Runtimes.Count: 0 }) facts.Find(Unread, tool, $"{tool} names no device: \"{LastLine(reading.Text)}\" ({reading.Origin})", $"run '{tool}' by hand and look at what it says, or report the capture");
    }

    private static void Hung(Reading reading, Facts facts, string tool)
    {
        facts.Findings.RemoveAll(IsOfTheText);
        facts.Find(TimedOut, tool, $"{tool} did not answer within {LiveSource.Budget.TotalSeconds:0} s and was ended: what only it knows is unknown ({reading.Origin})", "a tool that hangs often means a stuck driver: look at 'dmesg', then restart the machine");
    }

    /// <summary>What a parser finds in a text that is no output of the tool.</summary>
    private static bool IsOfTheText(Finding finding) => finding.Code is "unreadable" or "malformed-row";

    private static string LastLine(string text)
    {
        var line = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault(l => l.Any(char.IsLetter)) ?? "";
        return line.Length > 120 ? line[..120] + "…" : line;
    }

    /// <summary>A version alone in a file.</summary>
    private static void Version(Reading reading, Facts facts)
    {
        if (OnlyVersion().Match(reading.Text) is { Success: true } match) facts.Runtimes["amd"] = $"ROCm {match.Groups[1].Value}";
    }

    [GeneratedRegex(@"^\s{0,8}(\d{1,2}\.\d{1,3}(?:\.\d{1,4})?)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex OnlyVersion();

    [GeneratedRegex(@"NVIDIA-SMI|<nvidia_smi_log|^GPU \d+: |memory\.total \[MiB\]|Failed to initialize NVML|^\s{0,4}name, |compute_cap|NVSMI LOG", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex NvidiaText();

    [GeneratedRegex(@"mx-smi|MX-SMI|MetaX System", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex MxText();

    [GeneratedRegex(@"npu-smi|^\s*NPU ID", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex NpuText();

    [GeneratedRegex(@"mthreads-gmi|MTHREADS-GMI|""MTT ", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex GmiText();

    [GeneratedRegex(@"^(?:DCU|HCU)(?:\[|\s+Temp)", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex HyText();

    [GeneratedRegex(@"ROCm System Management|""card0""|GPU\[\d+\]\s*:|VRAM Total Memory", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex RocmText();

    [GeneratedRegex(@"HSA System Attributes|\*{3,}\s*\n\s*Agent \d", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex AgentText();

    [GeneratedRegex(@"target_graphics_version|TARGET_GRAPHICS_VERSION|MARKET_NAME|market_name", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex AmdSmiText();

    [GeneratedRegex(@"amdgpu_top|""gfx_target_version""|Total GTT", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex TopText();

    [GeneratedRegex(@"memory_physical_size|""device_list""|Device Information\s+\||pci_bdf_address", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex XpuText();

    [GeneratedRegex(@"VULKANINFO|Vulkan Instance Version|PHYSICAL_DEVICE_TYPE|^GPU id\s*[=:] ", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex VulkanText();

    [GeneratedRegex(@"^Number of platforms\s", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex OpenClText();

    [GeneratedRegex(@"^Available devices:|ggml_vulkan: \d|ggml_cuda_init: found", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex EngineText();

    [GeneratedRegex(@"SPDisplaysDataType|SPHardwareDataType|Chipset Model:", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex MacText();

    [GeneratedRegex(@"Mach Virtual Memory Statistics", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex VmStatText();

    [GeneratedRegex(@"AdapterRAM|TotalVisibleMemorySize|NumberOfLogicalProcessors|PNPDeviceID", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex WmiText();

    [GeneratedRegex(@"^# dmidecode|SMBIOS \d", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex DmiText();

    [GeneratedRegex(@"^MemTotal:\s", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex MeminfoText();

    [GeneratedRegex(@"^processor\s*:\s*\d", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex CpuinfoText();

    [GeneratedRegex(@"^CPU op-mode|^Core\(s\) per|""lscpu""", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex LscpuText();

    [GeneratedRegex(@"^\s*total\s+used\s+free", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex FreeText();

    [GeneratedRegex(@"^(?:PRETTY_NAME|VERSION_ID)=", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex OsText();

    [GeneratedRegex(@"^(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] [A-Z0-9""]", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex LspciText();

    [GeneratedRegex(@"^\[\s*\d+\.\d{4,6}\] |NVRM: |\[drm\]", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex DmesgText();

    [GeneratedRegex(@"^(?:Linux|Darwin) \S+", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex UnameText();

    [GeneratedRegex(@"^\w+ \d+ \d+ \S+ Live 0x", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex ModulesText();

    [GeneratedRegex(@"^hw\.memsize|^machdep\.cpu", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex DarwinText();
}

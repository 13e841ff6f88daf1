using System.Globalization;
using System.Text.RegularExpressions;
using Medulla.Core.Machines;

namespace Medulla.Probing.Parsers;

/// <summary>What interfaces and engines list: Vulkan, OpenCL, and the devices of llama.cpp.</summary>
internal static partial class Graphics
{
    private const string InstallVulkan = "install the Vulkan driver of the device (mesa-vulkan-drivers, or the vendor's)";

    public static void Vulkan(Reading reading, Facts facts)
    {
        Device? device = null;
        var skip = false;
        var software = false;
        long? heap = null;
        var heaps = new List<(long Size, bool Local)>();

        // Two drivers of one card list it twice: of a kind of card only what the first of them lists counts.
        var drivers = new Dictionary<string, string>(StringComparer.Ordinal);
        var name = "";
        var version = "";
        foreach (var raw in Said.Lines(reading.Text))
        {
            var line = raw.Trim();
            if (VulkanHead().Match(raw) is { Success: true } head)
            {
                Close();
                device = new Device { Scope = "vulkan", Index = head.Groups[1].Value };
                (skip, name, version) = (false, "", "");
                heaps.Clear();
                continue;
            }

            if (device is null) continue;
            if (line.Contains("MEMORY_HEAP_DEVICE_LOCAL_BIT", StringComparison.Ordinal) && heaps.Count > 0 && !line.Contains("None", StringComparison.Ordinal)) heaps[^1] = (heaps[^1].Size, true);
            if (line.StartsWith("memoryTypes", StringComparison.Ordinal)) heap = null;
            if (HeapHead().IsMatch(line)) heap = -1;
            if (Said.Pair(line, '=') is not var (key, value)) continue;
            switch (key)
            {
                case "size" when heap == -1 && Said.Number(value) is { } size and >= 0:
                    heaps.Add(((long)size, false));
                    heap = null;
                    break;
                case "vendorID" when HexWord().Match(value) is { Success: true } vendor:
                    device.PciVendor ??= vendor.Groups[1].Value.PadLeft(4, '0').ToLowerInvariant();
                    break;
                case "deviceID" when HexWord().Match(value) is { Success: true } number:
                    device.PciDevice ??= number.Groups[1].Value.PadLeft(4, '0').ToLowerInvariant();
                    break;
                case "deviceName" when Said.Word(value) is { } word && device.Name is null:
                    (device.Name, device.NameRank) = (word, 2);
                    break;
                case "deviceType":
                    if (value.Contains("CPU", StringComparison.Ordinal)) (skip, software) = (true, true);
                    if (value.Contains("VIRTUAL", StringComparison.Ordinal)) skip = true;
                    if (value.Contains("INTEGRATED", StringComparison.Ordinal)) device.Unified = true;
                    if (value.Contains("DISCRETE", StringComparison.Ordinal)) device.Unified = false;
                    break;
                case "driverName":
                    name = value;
                    break;
                case "driverVersion" when version.Length == 0:
                    version = value;
                    break;
                case "driverInfo" when DriverInfo().Match(value) is { Success: true } info:
                    device.DriverVersion = info.Value;
                    break;
            }
        }

        Close();
        if (facts.Devices.Count == 0)
        {
            foreach (var raw in Said.Lines(reading.Text))
            {
                if (VulkanChoice().Match(raw) is { Success: true } choice)
                {
                    Choice(choice);
                    continue;
                }

                if (VulkanId().Match(raw) is not { Success: true } match) continue;
                var plain = RadvSuffix().Replace(match.Groups[2].Value.Trim(), "");
                if (Software().IsMatch(plain)) software = true;
                else if (DeviceTable.VendorIn(plain) is { } vendor && facts.Devices.TrueForAll(d => d.Index != match.Groups[1].Value))
                {
                    var listed = new Device { Scope = "vulkan", Index = match.Groups[1].Value, Vendor = vendor, Name = plain, NameRank = 2 };
                    if (RadvCode().Match(match.Groups[2].Value) is { Success: true } code) Code(listed, code.Groups[1].Value);
                    facts.Devices.Add(listed);
                }
            }
        }

        foreach (var each in facts.Devices)
        {
            each.Interfaces.Add("vulkan");
            facts.Drivers.Add(new DriverSign(each.Vendor!, DriverState.Ok));
        }

        if (software && facts.Devices.Count == 0) facts.Find("vulkan-software-only", "vulkan", "Vulkan finds no device but a software renderer", InstallVulkan);
        else if (facts.Devices.Count == 0 && VulkanFailure().IsMatch(reading.Text)) facts.Find("vulkan-broken", "vulkan", "Vulkan does not start: no driver of it fits a device here", InstallVulkan + "; add the user to the groups render and video");

        // What Mesa's layer for choosing a device prints: number, kind, name, address.
        void Choice(Match choice)
        {
            var plain = RadvSuffix().Replace(choice.Groups[4].Value, "");
            if (Software().IsMatch(plain)) software = true;
            if (Software().IsMatch(plain) || choice.Groups[5].Value is not ("discrete" or "integrated")) return;
            var pciVendor = choice.Groups[2].Value.PadLeft(4, '0');
            if (DeviceTable.VendorOf(pciVendor) is not { } vendor) return;
            facts.Devices.Add(new Device { Scope = "vulkan", Index = choice.Groups[1].Value, Vendor = vendor, Name = plain, NameRank = 2, PciId = $"{pciVendor}:{choice.Groups[3].Value.PadLeft(4, '0')}", Bus = Said.Bus(choice.Groups[6].Value), Unified = choice.Groups[5].Value == "integrated" });
        }

        void Close()
        {
            if (device is null) return;
            var closing = device;
            device = null;
            if (skip || closing.Name is null || Software().IsMatch(closing.Name)) return;
            if (Layered().Match(closing.Name) is { Success: true } layered)
            {
                // Inside Windows' subsystem the driver is a layer over the one of Windows, whose version it does not know.
                (closing.Name, closing.DriverVersion, version, name) = (layered.Groups[1].Value, null, "", "layer");
            }

            closing.Vendor = DeviceTable.VendorOf(closing.PciVendor) ?? DeviceTable.VendorIn(closing.Name);
            if (closing.Vendor is null || facts.Devices.Exists(d => d.Index == closing.Index)) return;
            if (closing.PciVendor is not null && closing.PciDevice is not null) closing.PciId = $"{closing.PciVendor}:{closing.PciDevice}";
            if (closing.PciId is { } kind && !drivers.TryAdd(kind, name) && drivers[kind] != name) return;
            closing.DriverVersion ??= closing.Vendor == "nvidia" && NvidiaVersion().Match(version) is { Success: true } v ? v.Value : name is "radv" or "anv" or "nvk" or "turnip" && version.Length > 0 ? $"Mesa {version}" : null;
            if (RadvCode().Match(closing.Name) is { Success: true } code) Code(closing, code.Groups[1].Value);
            if (heaps.Count > 0)
            {
                closing.VulkanHeap = heaps.Sum(h => h.Size);
                if (closing.Unified == false && heaps.Where(h => h.Local).Select(h => h.Size).DefaultIfEmpty(0).Max() is > 0 and var local) (closing.Memory, closing.MemoryRough) = (local, true);
            }

            facts.Devices.Add(closing);
        }
    }

    /// <summary><c>clinfo</c>: each platform lists devices of its own, and several platforms may list the same one.</summary>
    public static void OpenCl(Reading reading, Facts facts)
    {
        Device? device = null;
        var platform = "";
        var compute = false;
        foreach (var line in Said.Lines(reading.Text))
        {
            if (ClField().Match(line) is not { Success: true } field) continue;
            var (key, value) = (field.Groups[1].Value, field.Groups[2].Value.Trim());
            switch (key)
            {
                case "Platform Name":
                    Close();
                    platform = value;
                    break;
                case "Device Name":
                    Close();
                    device = new Device { Scope = "opencl:" + platform, Index = facts.Devices.Count.ToString(CultureInfo.InvariantCulture), Name = Said.Word(value), NameRank = 2 };
                    compute = !Software().IsMatch(value);
                    break;
                case "Device Board Name (AMD)" or "Device Board Name" when device is not null && Said.Word(value) is { } board:
                    if (device.Name?.StartsWith("gfx", StringComparison.Ordinal) == true) device.Compute = device.Name.Split(':')[0];
                    device.Name = board;
                    break;
                case "Device Vendor ID" when device is not null && HexWord().Match(value) is { Success: true } vendor:
                    device.Vendor = DeviceTable.VendorOf(vendor.Groups[1].Value.PadLeft(4, '0'));
                    break;
                case "Device Vendor" when device is not null:
                    device.Vendor ??= DeviceTable.VendorIn(value);
                    break;
                case "Device Type":
                    compute &= !value.Contains("CPU", StringComparison.Ordinal);
                    break;
                case "Driver Version" when device?.Vendor == "nvidia":
                    device.DriverVersion = Said.Word(value);
                    break;
                case "Global memory size" when device is not null:
                    (device.Memory, device.MemoryRough) = (Said.Positive(value.Split(' ')[0], "B"), true);
                    break;
                case "Unified memory for Host and Device" or "Integrated memory (NV)" when device is not null:
                    device.Unified ??= value == "Yes";
                    break;
                case var topology when device is not null && topology.StartsWith("Device Topology", StringComparison.Ordinal):
                    device.Bus = Said.Bus(value);
                    break;
            }
        }

        Close();
        foreach (var each in facts.Devices)
        {
            each.Interfaces.Add("opencl");
            facts.Drivers.Add(new DriverSign(each.Vendor!, DriverState.Ok));
        }

        if (facts.Devices.Count == 0) facts.Find("opencl-no-device", "opencl", "OpenCL finds no device to compute on", "install the OpenCL driver of the device, and add the user to the groups render and video");

        void Close()
        {
            if (device is null) return;
            var closing = device;
            device = null;
            if (!compute || closing.Vendor is null || closing.Name is null) return;

            // What a device inside a processor may allocate is no memory of its own.
            var inside = closing.Unified == true || DeviceTable.IsInsideCpu(closing.Compute) || DeviceTable.OfName(closing.Vendor, closing.Name)?.Class is { } known && DeviceTable.IsUnified(known);
            if (inside) (closing.Unified, closing.Pool, closing.Memory) = (true, closing.Memory, null);
            facts.Devices.Add(closing);
        }
    }

    /// <summary><c>--list-devices</c> of llama.cpp's programs, and what its backends print when they load.</summary>
    public static void EngineDevices(Reading reading, Facts facts)
    {
        foreach (var line in Said.Lines(reading.Text))
        {
            if (Listed().Match(line) is { Success: true } match)
            {
                var face = match.Groups[1].Value.ToLowerInvariant();
                if (face is "cpu" or "blas" or "rpc" or "accel") continue;
                var name = match.Groups[3].Value.Trim();
                if (Software().IsMatch(name)) continue;
                var device = Make(face, match.Groups[2].Value, name);
                if (Said.Positive(match.Groups[4].Value + " MiB") is not { } size) continue;
                if (face == "vulkan") device.VulkanHeap = size;
                else if (device.Vendor == "apple") device.Memory = size;
                else (device.Pool, device.Memory, device.MemoryRough) = (size, size, true);
            }
            else if (CudaLine().Match(line) is { Success: true } cuda)
            {
                var device = Make("cuda", cuda.Groups[1].Value, cuda.Groups[2].Value.Trim());
                device.Compute = cuda.Groups[3].Value.ToLowerInvariant();
                if (device.Compute.StartsWith("gfx", StringComparison.Ordinal)) device.Vendor = "amd";
            }
            else if (VulkanLine().Match(line) is { Success: true } vulkan && !Software().IsMatch(vulkan.Groups[2].Value))
            {
                var device = Make("vulkan", vulkan.Groups[1].Value, vulkan.Groups[2].Value.Trim());
                device.Unified ??= vulkan.Groups[3].Value == "1";
            }
        }

        facts.Devices.RemoveAll(d => d.Vendor is null);
        foreach (var each in facts.Devices) facts.Drivers.Add(new DriverSign(each.Vendor!, DriverState.Ok));

        Device Make(string face, string index, string name)
        {
            var vendor = face switch { "cuda" => "nvidia", "rocm" or "hip" => "amd", "sycl" => "intel", "mtl" or "metal" => "apple", "musa" => "mthreads", "cann" => "huawei", _ => DeviceTable.VendorIn(name) };
            var device = new Device { Scope = "list:" + face, Index = index, Vendor = DeviceTable.VendorIn(name) ?? vendor, Name = name, NameRank = 2 };
            device.Interfaces.Add(face is "mtl" ? "metal" : face);
            if (RadvCode().Match(name) is { Success: true } code) Code(device, code.Groups[1].Value);
            facts.Devices.Add(device);
            return device;
        }
    }

    /// <summary>Names of drivers for chips: <c>STRIX_HALO</c>, <c>GFX1151</c>. Only GPUs inside CPUs are told by them: the rest have numbers.</summary>
    private static void Code(Device device, string code)
    {
        var target = code.ToUpperInvariant() switch
        {
            "STRIX_HALO" => "gfx1151",
            "STRIX1" => "gfx1150",
            "PHOENIX" or "PHOENIX2" or "HAWK_POINT1" => "gfx1103",
            "REMBRANDT" => "gfx1035",
            "RAPHAEL_MENDOCINO" => "gfx1036",
            "RENOIR" => "gfx90c",
            "VANGOGH" => "gfx1033",
            var other when other.StartsWith("GFX1", StringComparison.Ordinal) => other.ToLowerInvariant(),
            _ => null,
        };
        if (target is not null) device.Compute ??= target;
        if (code.StartsWith("NAVI3", StringComparison.OrdinalIgnoreCase)) device.Architecture ??= "RDNA3";
        if (code.StartsWith("NAVI2", StringComparison.OrdinalIgnoreCase)) device.Architecture ??= "RDNA2";
        if (code.StartsWith("NAVI1", StringComparison.OrdinalIgnoreCase)) device.Architecture ??= "RDNA";
    }

    [GeneratedRegex(@"^GPU(\d{1,2}):?\s*$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex VulkanHead();

    [GeneratedRegex(@"^\s{0,8}GPU id\s{0,4}[=:]\s{0,4}(\d{1,2})\s{0,4}\((.{2,120})\)\s*:?\s*$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex VulkanId();

    [GeneratedRegex(@"^\s{0,8}GPU (\d{1,2}): ([0-9a-f]{1,8}):([0-9a-f]{1,8}) ""(.{2,120})"" (discrete|integrated|virtual|CPU|other)\b[^\d\n]{0,20}(\S{0,20})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex VulkanChoice();

    [GeneratedRegex(@"vkCreateInstance failed|ERROR_INCOMPATIBLE_DRIVER|ERROR_INITIALIZATION_FAILED|Failed to detect any valid GPUs", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex VulkanFailure();

    [GeneratedRegex(@"^Microsoft Direct3D12 \((.{2,100})\)$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Layered();

    [GeneratedRegex(@"^\s{0,8}(\S(?: ?\S){0,60}?)\s{2,60}(\S.{0,400})$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex ClField();

    [GeneratedRegex(@"^memoryHeaps\[\d{1,2}\]", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex HeapHead();

    [GeneratedRegex(@"^(?:0x)?([0-9a-fA-F]{1,8})\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex HexWord();

    [GeneratedRegex(@"^Mesa \d[\w.-]{0,30}|^\d{3}\.\d[\d.]{0,10}|^\d{4}\.Q\d[\w.]{0,8}|^\d[\w.]{2,20}", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex DriverInfo();

    [GeneratedRegex(@"^\d{3}\.\d{2,3}(?:\.\d{2})?(?![\d])", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NvidiaVersion();

    [GeneratedRegex(@"llvmpipe|lavapipe|SwiftShader|softpipe|Microsoft Basic|virgl|venus|\bpocl\b", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex Software();

    [GeneratedRegex(@"\s\((?:RADV|LLVM|ACO)[^)]{0,40}\)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex RadvSuffix();

    [GeneratedRegex(@"\(RADV (\w{3,24})\)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex RadvCode();

    [GeneratedRegex(@"^\s{0,8}([A-Za-z]{2,10})(\d{0,3}):\s{1,4}(.{2,120}?)\s\((\d{1,9}) MiB, \d{1,9} MiB free\)\s*$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Listed();

    [GeneratedRegex(@"^\s{0,8}Device (\d{1,3}): (.{2,100}?), (?:compute capability )?(\d{1,2}\.\d|gfx\w{3,5})\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex CudaLine();

    [GeneratedRegex(@"ggml_vulkan: (\d{1,3}) = (.{2,120}?)(?: \([^()]{1,40}\))? \| uma: ([01])", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex VulkanLine();
}

using System.Globalization;
using System.Text.RegularExpressions;
using Medulla.Core.Machines;

namespace Medulla.Probing.Parsers;

/// <summary>What the Linux kernel says of devices: its log, its modules, <c>/sys</c>.</summary>
internal static partial class Kernel
{
    public static void Dmesg(Reading reading, Facts facts)
    {
        var text = reading.Text;
        Nvidia.Complaints(text, facts);
        if (NvrmModule().Match(text) is { Success: true } nvrm)
        {
            facts.KernelDriver ??= nvrm.Groups[1].Value;
            facts.DriverVersions["nvidia"] = nvrm.Groups[1].Value;
        }

        var broken = new Dictionary<string, (bool Guc, bool Wedged, string? Other)>(StringComparer.Ordinal);
        var memory = 0;
        string? lastAmd = null;
        foreach (var line in Said.Lines(text))
        {
            if (line.Length is 0 or > 1000) continue;
            if (DriverLine().Match(line) is { Success: true } match)
            {
                var (module, address, what) = (match.Groups[1].Value, Said.Bus(match.Groups[2].Value), match.Groups[3].Value);
                if (address is null) continue;
                if (module == "amdgpu") lastAmd = address;
                if (IntelFound().Match(what) is { Success: true } found)
                {
                    var device = Of(facts, module, address);
                    device.PciId = "8086:" + found.Groups[2].Value.ToLowerInvariant();
                    var known = DeviceTable.OfNumber(device.PciId)?.Name;
                    (device.Name, device.NameRank) = ($"{known ?? Title(found.Groups[1].Value)} (device {found.Groups[2].Value.ToLowerInvariant()})", 1);
                    if (found.Groups[1].Value.StartsWith("BATTLEMAGE", StringComparison.OrdinalIgnoreCase)) device.Architecture = "Xe2 (Battlemage)";
                    if (found.Groups[1].Value.StartsWith("DG2", StringComparison.OrdinalIgnoreCase)) device.Architecture = "Xe HPG";
                }
                else if (IntelMemory().Match(what) is { Success: true } local && long.TryParse(local.Groups[1].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bytes))
                {
                    // Tiles have memory each.
                    var device = Of(facts, module, address);
                    device.Memory = (device.Memory ?? 0) + bytes;
                }
                else if (module == "amdgpu" && AmdIds().Match(what) is { Success: true } ids)
                {
                    Of(facts, module, address).PciId = $"1002:{ids.Groups[1].Value.ToLowerInvariant()}";
                }
                else if (module == "nouveau" && what.Contains("NVIDIA", StringComparison.Ordinal))
                {
                    var device = Of(facts, "nouveau", address);
                    Drivers.Bound(facts, device, said: true);
                }

                if (module is "xe" or "i915" or "amdgpu" or "intel_vpu" or "amdxdna")
                {
                    broken.TryGetValue(module, out var seen);
                    if (what.Contains("wedged", StringComparison.OrdinalIgnoreCase)) seen.Wedged = true;
                    if (GucFailure().IsMatch(what)) seen.Guc = true;
                    if (Fatal().IsMatch(what)) seen.Other ??= Fatal().Match(what).Value;
                    if (seen != default) broken[module] = seen;
                    if (seen != default) Of(facts, module, address);
                }
            }

            if (AmdMemory().Match(line) is { Success: true } ready && Said.Positive(ready.Groups[1].Value + "M") is { } size)
            {
                // The line of older kernels names no device: they are started one after the other.
                var address = Said.Bus(line) ?? lastAmd ?? "amdgpu";
                var device = Of(facts, "amdgpu", address);
                if (ready.Groups[2].Value == "GTT") device.Gtt ??= size;
                else device.Memory ??= size;
                memory++;
            }

            if (Xid().Match(line) is { Success: true } xid) facts.Find("xid", "nvidia", $"the NVIDIA driver logged Xid {xid.Groups[1].Value}", "look the number up in NVIDIA's table of Xid errors; 79 and 48 mean hardware");
            if (line.Contains("RmInitAdapter failed", StringComparison.Ordinal)) facts.Drivers.Add(new DriverSign("nvidia", DriverState.Broken, "the kernel module cannot start the GPU (RmInitAdapter failed)", "update the driver and the firmware of the card; check its power"));
        }

        foreach (var (module, (guc, wedged, other)) in broken)
        {
            var vendor = DeviceTable.Modules.GetValueOrDefault(module) ?? "intel";
            var cause = (guc, wedged) switch
            {
                (true, true) => "GuC load failure, device wedged; a driver rebind is the only repair",
                (true, false) => "GuC load failure",
                (false, true) => "device wedged; a driver rebind is the only repair",
                _ => other ?? "the device does not start",
            };
            if (guc || wedged || other is not null) facts.Drivers.Add(new DriverSign(vendor, DriverState.Broken, cause, guc || wedged ? "unbind and bind the driver (/sys/bus/pci/drivers/" + module + "), update linux-firmware, then reboot" : "see 'dmesg'; update kernel and firmware, then reboot"));
        }

        if (memory > 0 && facts.Drivers.Count == 0) facts.Drivers.Add(new DriverSign("amd", DriverState.Ok));
    }

    /// <summary><c>/proc/modules</c> and <c>lsmod</c>.</summary>
    public static void Modules(Reading reading, Facts facts)
    {
        facts.Modules = [.. Said.Lines(reading.Text).Select(l => l.Split(' ', 2)[0].Trim()).Where(m => m.Length is > 0 and < 64)];
        facts.Looked = true;
    }

    public static void CommandLine(Reading reading, Facts facts)
    {
        if (PagesLimit().Match(reading.Text) is { Success: true } pages && Said.Whole(pages.Groups[1].Value) is { } count and < 1L << 40)
        {
            facts.Find("gtt-ceiling", "memory", $"the kernel lets GPUs map {new Core.Units.ByteSize(count * 4096)} of system memory (ttm.pages_limit)");
        }

        if (reading.Text.Contains("nomodeset", StringComparison.Ordinal)) facts.Drivers.Add(new DriverSign("any", DriverState.Missing, "the kernel was started with nomodeset, so that no driver takes a GPU", "remove nomodeset from the kernel's command line"));
    }

    /// <summary>A file below <c>/sys</c>, told by its name.</summary>
    public static void Sysfs(Reading reading, Facts facts)
    {
        var (name, value) = (reading.Name, reading.Text.Trim());
        if (Topology().Match(name) is { Success: true } node) Kfd(facts, node.Groups[1].Value, node.Groups[2].Value, value);
        else if (Dmi().Match(name) is { Success: true } dmi) HostField(facts, dmi.Groups[1].Value, value);
        else if (ModuleFile().Match(name) is { Success: true } module && DeviceTable.Modules.TryGetValue(module.Groups[1].Value, out var vendor))
        {
            if (Said.Word(value) is { } version && version.Length < 40) facts.DriverVersions[vendor] = version;
        }
        else if (DeviceFile().Match(name) is { Success: true } file)
        {
            var number = file.Groups["index"].Success ? file.Groups["index"].Value : "";
            var (scope, index) = file.Groups["class"].Value switch
            {
                "drm" => (name.Contains("-renderD", StringComparison.Ordinal) ? "render" : "drm", number),
                "accel" => ("accel", number),
                "bus" => ("pci", Said.Bus(number) ?? number),
                _ => ("drm", ""),
            };
            Field(facts, scope, index, file.Groups["file"].Value, value);
        }
        else if (AnyMemory().Match(name) is { Success: true } memory)
        {
            Field(facts, "drm", "", memory.Value, value);
        }
    }

    private static void Field(Facts facts, string scope, string index, string file, string value)
    {
        var device = new Device { Scope = scope, Index = index };
        switch (file)
        {
            case "vendor" when HexOnly().Match(value) is { Success: true } hex:
                device.PciVendor = hex.Groups[1].Value.ToLowerInvariant();
                device.Vendor = DeviceTable.VendorOf(device.PciVendor);
                break;
            case "device" when HexOnly().Match(value) is { Success: true } hex:
                device.PciDevice = hex.Groups[1].Value.ToLowerInvariant();
                break;
            case "uevent":
                Uevent(facts, device, value);
                break;
            case "mem_info_vram_total":
                (device.Vendor, device.DriverModule, device.Memory) = ("amd", "amdgpu", Said.Positive(value, "B"));
                break;
            case "mem_info_gtt_total":
                (device.Vendor, device.DriverModule, device.Gtt) = ("amd", "amdgpu", Said.Positive(value, "B"));
                break;
            case "current_link_width":
                device.LinkWidth = Said.Count(value);
                break;
            case "max_link_width":
                device.LinkMaxWidth = Said.Count(value) is { } lanes and < 64 ? lanes : null;
                break;
            case "current_link_speed":
                device.LinkGeneration = Pci.Generation(value);
                break;
            case "vbios_version":
                device.Firmware = Said.Word(value);
                break;
            case "product_name" when Said.Word(value) is { } name:
                (device.Name, device.NameRank) = (name, 3);
                break;
            case "lmem_total_bytes":
                device.Memory = Said.Positive(value, "B");
                break;
            case var tile when tile.EndsWith("physical_vram_size_bytes", StringComparison.Ordinal):
                device.Memory = HexOnly().Match(value) is { Success: true } size && long.TryParse(size.Groups[1].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bytes) && value.StartsWith("0x", StringComparison.Ordinal) ? bytes : Said.Positive(value, "B");
                break;
            case var sensor when sensor.EndsWith("power1_cap", StringComparison.Ordinal) || sensor.EndsWith("power1_max", StringComparison.Ordinal):
                device.PowerLimitW = Said.Number(value) is { } microwatts and > 0 ? microwatts / 1e6 : null;
                break;
            case var sensor when sensor.EndsWith("temp1_input", StringComparison.Ordinal):
                device.TemperatureC = Said.Number(value) is { } milli ? milli / 1000 : null;
                break;
            default:
                return;
        }

        facts.Devices.Add(device);
        if (device is { DriverModule: "amdgpu", Vendor: "amd" }) facts.Drivers.Add(new DriverSign("amd", DriverState.Ok));
    }

    private static void Uevent(Facts facts, Device device, string text)
    {
        foreach (var line in Said.Lines(text))
        {
            if (Said.Pair(line, '=') is not var (key, value)) continue;
            switch (key)
            {
                case "DRIVER":
                    device.DriverModule = Said.Word(value);
                    break;
                case "PCI_ID" when value.Length == 9:
                    device.PciId = value.ToLowerInvariant();
                    (device.PciVendor, device.PciDevice) = (device.PciId[..4], device.PciId[5..]);
                    device.Vendor = DeviceTable.VendorOf(device.PciVendor);
                    if (device.Scope == "accel") (device.Name, device.NameRank) = (value, 1);
                    break;
                case "PCI_SLOT_NAME":
                    device.Bus = Said.Bus(value);
                    break;
                case "PCI_CLASS":
                    device.Notes.Add("class " + value.PadLeft(6, '0').ToLowerInvariant());
                    break;
                case "OF_COMPATIBLE_0" or "OF_NAME" when value.Contains("nvidia", StringComparison.Ordinal) || value.Contains("qcom", StringComparison.Ordinal):
                    device.Vendor = value.Contains("nvidia", StringComparison.Ordinal) ? "nvidia" : "qualcomm";
                    device.Unified = true;
                    if (value.Contains("ga10b", StringComparison.Ordinal)) (device.Name, device.NameRank) = ("Orin (nvgpu)", 1);
                    if (value.Contains("adreno", StringComparison.Ordinal)) (device.Name, device.NameRank) = ("Qualcomm Adreno", 1);
                    break;
            }
        }

        // The class says of a device on the bus whether it is one of ours; cards and accelerators are by their folder.
        var code = device.Notes.Find(n => n.StartsWith("class ", StringComparison.Ordinal))?[6..];
        device.Notes.Clear();
        if (device.Scope == "pci" && (code is null || device.Vendor is null || !Pci.IsCandidate(code, device.Vendor, device.PciId, ""))) device.Vendor = null;
        else if (device.Vendor is not null) Drivers.Bound(facts, device, said: true);
        if (device.Scope == "pci") facts.Looked = true;
        if (device.Vendor is null && device.Scope == "pci") (device.PciId, device.PciVendor) = (null, "1af4");
    }

    private static void Kfd(Facts facts, string node, string file, string text)
    {
        var device = new Device { Scope = "kfd", Index = node };
        var fields = Said.Lines(text).Select(l => l.Split(' ', 2, StringSplitOptions.TrimEntries)).Where(f => f.Length == 2).GroupBy(f => f[0], StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First()[1], StringComparer.Ordinal);
        if (file.StartsWith("mem_banks", StringComparison.Ordinal))
        {
            if (fields.GetValueOrDefault("heap_type") is "1" or "2" && Said.Whole(fields.GetValueOrDefault("size_in_bytes")) is { } size and > 0) device.Pool = size;
        }
        else if (file == "properties" && Said.Whole(fields.GetValueOrDefault("gfx_target_version")) is { } version and > 0 and < 1_000_000)
        {
            device.Compute = string.Create(CultureInfo.InvariantCulture, $"gfx{version / 10000}{version / 100 % 100:x}{version % 100:x}");
            device.Vendor = "amd";
            if (Said.Whole(fields.GetValueOrDefault("vendor_id")) is { } vendorId and > 0 and < 65536)
            {
                device.PciVendor = vendorId.ToString("x4", CultureInfo.InvariantCulture);
                device.Vendor = DeviceTable.VendorOf(device.PciVendor) ?? "amd";
            }

            if (Said.Whole(fields.GetValueOrDefault("device_id")) is { } id and > 0 and < 65536) device.PciId = $"{device.PciVendor ?? "1002"}:{id:x4}";
            if (Said.Whole(fields.GetValueOrDefault("location_id")) is { } place and > 0 and < 65536) device.Bus = string.Create(CultureInfo.InvariantCulture, $"{(Said.Whole(fields.GetValueOrDefault("domain")) ?? 0) & 0xffff:x4}:{place >> 8:x2}:{(place >> 3) & 31:x2}.{place & 7}");
            device.Interfaces.Add("rocm");
        }
        else
        {
            return;
        }

        facts.Devices.Add(device);
    }

    private static void HostField(Facts facts, string field, string value)
    {
        if (Said.Word(value) is not { } word) return;
        if (field == "sys_vendor") facts.HostVendor ??= word;
        if (field == "product_name") facts.HostProduct ??= word;
    }

    private static Device Of(Facts facts, string module, string address)
    {
        var device = facts.Devices.Find(d => d.Index == address);
        if (device is not null) return device;
        device = new Device { Scope = "dmesg", Index = address, Bus = Said.Bus(address), DriverModule = module, Vendor = module == "nouveau" ? "nvidia" : DeviceTable.Modules.GetValueOrDefault(module) };
        facts.Devices.Add(device);
        return device;
    }

    private static string Title(string name) => name.Length < 2 ? name : $"{char.ToUpperInvariant(name[0])}{name[1..].ToLowerInvariant().Replace('_', ' ')}";

    [GeneratedRegex(@"\b(xe|i915|amdgpu|amdxdna|nouveau|intel_vpu|nvidia) ([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): (.{1,900})$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex DriverLine();

    [GeneratedRegex(@"Found ([A-Z][\w/ -]{1,30}?) \(device ID ([0-9a-fA-F]{4})\)", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex IntelFound();

    [GeneratedRegex(@"VRAM\[\d\]: Actual physical size 0x([0-9a-fA-F]{6,16})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex IntelMemory();

    [GeneratedRegex(@"0x1002:0x([0-9a-fA-F]{4})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex AmdIds();

    [GeneratedRegex(@"(?:GuC|GT\d).{0,60}(?:load failed|init(?:ialization)? failed|Failed to (?:load|init))|Failed to (?:load|initialize) GuC", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex GucFailure();

    [GeneratedRegex(@"Fatal error during GPU init|GPU reset.{0,20}failed|hw_init of IP block .{0,40} failed|probe with driver \w{1,12} failed|Failed to boot the firmware|firmware .{0,60} failed with error", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex Fatal();

    [GeneratedRegex(@"\b(\d{1,9})M of (GTT|VRAM) memory ready", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex AmdMemory();

    [GeneratedRegex(@"NVRM: Xid \([^)]{1,60}\): (\d{1,4})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Xid();

    [GeneratedRegex(@"NVRM: loading .{0,60}Kernel Module(?: for \S{1,20})?\s{1,8}(\d{3}\.\d[\d.]{0,12})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NvrmModule();

    [GeneratedRegex(@"ttm\.pages_limit=(\d{1,12})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex PagesLimit();

    [GeneratedRegex(@"^sys-class-kfd-kfd-topology-nodes-(\d{1,3})-(.{1,60})$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Topology();

    [GeneratedRegex(@"^sys-(?:class|devices-virtual)-dmi-id-(sys_vendor|product_name)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Dmi();

    [GeneratedRegex(@"^sys-module-(\w{2,32})-version", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex ModuleFile();

    [GeneratedRegex(@"^sys-(?:class-(?<class>drm|accel)-(?:card|accel|renderD)(?<index>\d{1,4})|(?<class>bus)-pci-(?:devices|drivers-\w{1,20})-(?<index>[0-9a-fA-F]{4}[:_-][0-9a-fA-F]{2}[:_-][0-9a-fA-F]{2}\.[0-7]))-(?:device-)?(?<file>[\w.-]{1,80})$", RegexOptions.ExplicitCapture, Said.RegexLimitMs)]
    private static partial Regex DeviceFile();

    [GeneratedRegex(@"mem_info_(?:vram|gtt)_total", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex AnyMemory();

    [GeneratedRegex(@"^(?:0x)?([0-9a-fA-F]{1,16})$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex HexOnly();
}

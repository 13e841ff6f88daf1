using System.Globalization;
using System.Text.RegularExpressions;
using Medulla.Core.Machines;

namespace Medulla.Probing.Parsers;

/// <summary><c>rocm-smi</c>, <c>amd-smi</c>, <c>rocminfo</c>, <c>amdgpu_top</c>, and Hygon's descendants of them.</summary>
internal static partial class Amd
{
    public static void RocmSmi(Reading reading, Facts facts) => Smi(reading, facts, "rocm-smi", "amd");

    public static void HySmi(Reading reading, Facts facts) => Smi(reading, facts, "hy-smi", "hygon");

    public static void AmdSmi(Reading reading, Facts facts)
    {
        Complaints(reading.Text, facts, "amd");
        if (Json(reading.Text)) JsonDevices.Parse(reading, facts, "amd-smi", "amd");
        else if (!Table(reading.Text, facts) && !TextDevices.Csv(Prefixed(reading.Text), facts, "amd-smi", "amd") && !TextDevices.Columns(reading.Text, facts, "amd-smi", "amd")) TextDevices.Blocks(reading.Text, facts, "amd-smi", "amd");
        Finish(reading.Text, facts, "amd", "rocm");
    }

    public static void AmdgpuTop(Reading reading, Facts facts)
    {
        if (Json(reading.Text)) JsonDevices.Parse(reading, facts, "amdgpu_top", "amd");
        else TopDump(reading.Text, facts);
        Finish(reading.Text, facts, "amd", null);
    }

    public static void Rocminfo(Reading reading, Facts facts)
    {
        var text = reading.Text;
        Complaints(text, facts, "amd");
        foreach (var agent in AgentHead().Split(text).Skip(1).Take(64))
        {
            var fields = new Dictionary<string, string>(StringComparer.Ordinal);
            long? pool = null;
            string? segment = null;
            foreach (var line in Said.Lines(agent))
            {
                if (Said.Pair(line) is not var (key, value)) continue;
                if (key == "ISA Info" || key.StartsWith("ISA ", StringComparison.Ordinal)) break;
                if (key == "Segment") segment = value;
                else if (key == "Size" && segment is { } s && s.Contains("GLOBAL", StringComparison.Ordinal) && value.Contains("KB", StringComparison.Ordinal) && Said.Number(value) is { } kib) pool ??= (long)kib * 1024;
                else fields.TryAdd(key, value);
            }

            var target = fields.GetValueOrDefault("Name") ?? "";
            if (!target.StartsWith("gfx", StringComparison.Ordinal))
            {
                if (fields.GetValueOrDefault("Device Type") == "CPU" && Said.Word(fields.GetValueOrDefault("Marketing Name") ?? target) is { } cpu) facts.CpuModel ??= cpu;
                continue;
            }

            var name = Said.Word(fields.GetValueOrDefault("Marketing Name"));
            var vendor = target is "gfx926" or "gfx928" or "gfx936" or "gfx938" || (name is not null && HygonName().IsMatch(name)) ? "hygon" : "amd";
            var device = new Device { Scope = "rocminfo", Vendor = vendor, Compute = target.Split(':')[0].ToLowerInvariant(), Pool = pool };
            if (name is not null) (device.Name, device.NameRank) = (name, 4);
            if (fields.TryGetValue("Chip ID", out var chip) && HexInside().Match(chip) is { Success: true } id && vendor == "amd") device.PciId = $"1002:{id.Groups[1].Value.ToLowerInvariant()}";
            if (Said.Whole(fields.GetValueOrDefault("BDFID")) is { } bdf and > 0 and < 65536)
            {
                var domain = Said.Whole(fields.GetValueOrDefault("Domain")) ?? 0;
                device.Bus = string.Create(CultureInfo.InvariantCulture, $"{domain & 0xffff:x4}:{bdf >> 8:x2}:{(bdf >> 3) & 31:x2}.{bdf & 7}");
            }

            device.Index = facts.Devices.Count.ToString(CultureInfo.InvariantCulture);
            facts.Devices.Add(device);
        }

        if (facts.Devices.Count == 0 && facts.CpuModel is not null) facts.Find("no-gpu-agent", "rocminfo", "the ROCm runtime sees the processor and no GPU", "see whether this user may open /dev/kfd and /dev/dri, and whether this ROCm release knows the GPU");
        if (RockVersion().Match(text) is { Success: true } rock) facts.DriverVersions["amd"] = rock.Groups[1].Value;
        Finish(text, facts, "amd", "rocm");
    }

    private static void Smi(Reading reading, Facts facts, string scope, string vendor)
    {
        var text = reading.Text;
        Complaints(text, facts, vendor);
        if (Json(text)) JsonDevices.Parse(reading, facts, scope, vendor);
        else
        {
            var tagged = TextDevices.Tagged(text, facts, scope, vendor);
            var columns = TextDevices.Columns(text, facts, scope, vendor);
            if (!tagged && !columns && facts.Drivers.Count == 0 && !TextDevices.Csv(text, facts, scope, vendor)) TextDevices.Blocks(text, facts, scope, vendor);
        }

        // The same program under two names: Hygon ships rocm-smi too.
        if (vendor == "amd" && (text.Contains("DCU", StringComparison.Ordinal) || text.Contains("HCU", StringComparison.Ordinal)) && !text.Contains("AMD", StringComparison.Ordinal))
        {
            vendor = "hygon";
            foreach (var device in facts.Devices) device.Vendor = vendor;
        }

        Finish(text, facts, vendor, vendor == "amd" ? "rocm" : "dtk");
    }

    private static void Finish(string text, Facts facts, string vendor, string? face)
    {
        if (DriverLine().Match(text) is { Success: true } driver && Said.Word(driver.Groups[1].Value) is { } version) facts.DriverVersions[vendor] = version;
        if (RocmVersion().Match(text) is { Success: true } rocm) facts.Runtimes[vendor] = $"ROCm {rocm.Groups[1].Value}";
        if (DtkVersion().Match(text) is { Success: true } dtk) facts.Runtimes[vendor] = $"DTK {dtk.Groups[1].Value}";
        foreach (var device in facts.Devices.Where(_ => face is not null)) device.Interfaces.Add(face!);
        if (facts.Devices.Count > 0 && facts.Drivers.Count == 0) facts.Drivers.Add(new DriverSign(vendor, DriverState.Ok));
    }

    /// <summary>The boxed table of newer versions: address and name in the first row of a device, its number and memory in the second.</summary>
    private static bool Table(string text, Facts facts)
    {
        Device? device = null;
        foreach (var line in Said.Lines(text))
        {
            if (line.Contains("Processes:", StringComparison.Ordinal)) break;
            if (TableFirst().Match(line) is { Success: true } first)
            {
                device = new Device { Scope = "amd-smi", Vendor = "amd", Bus = Said.Bus(first.Groups[1].Value), Name = Said.Word(first.Groups[2].Value), NameRank = 4 };
                facts.Devices.Add(device);
            }
            else if (device is not null && TableSecond().Match(line) is { Success: true } second)
            {
                device.Index ??= second.Groups[1].Value;
            }

            if (device is null) continue;
            if (TableMemory().Match(line) is { Success: true } memory) device.Memory ??= Said.Positive(memory.Groups[1].Value);
            if (TablePower().Match(line) is { Success: true } power) device.PowerLimitW ??= Said.Number(power.Groups[1].Value);
            if (TableHeat().Match(line) is { Success: true } heat) device.TemperatureC ??= Said.Number(heat.Groups[1].Value);
        }

        return device is not null;
    }

    /// <summary><c>amd-smi static --csv</c> writes the fields of the memory without the word that they are below elsewhere.</summary>
    private static string Prefixed(string text) => VramHeader().Replace(text, "$1,vram type,vram vendor,vram size,");

    private static void Complaints(string text, Facts facts, string vendor)
    {
        var module = vendor == "hygon" ? "hydcu" : "amdgpu";
        if (text.Contains("Driver not initialized", StringComparison.OrdinalIgnoreCase) || text.Contains("not found in modules", StringComparison.OrdinalIgnoreCase) || text.Contains("ROCk module is NOT loaded", StringComparison.OrdinalIgnoreCase)
            || text.Contains("AMDGPU driver not loaded", StringComparison.OrdinalIgnoreCase) || text.Contains("DRIVER_NOT_LOADED", StringComparison.Ordinal) || text.Contains("Unable to detect any GPU devices", StringComparison.OrdinalIgnoreCase))
        {
            facts.Drivers.Add(new DriverSign(vendor, DriverState.Missing, $"the kernel module {module} is not loaded", $"load it with 'modprobe {module}'; if that fails, install the driver for this kernel"));
        }
        else if (text.Contains("/dev/kfd", StringComparison.Ordinal) && (text.Contains("ermission denied", StringComparison.Ordinal) || text.Contains("not member", StringComparison.Ordinal) || text.Contains("not a member", StringComparison.Ordinal)))
        {
            facts.Drivers.Add(new DriverSign(vendor, DriverState.Broken, "this user may not open /dev/kfd", "add the user to the groups render and video and log in again; in a container pass /dev/kfd and /dev/dri"));
        }
        else if (text.Contains("/dev/kfd", StringComparison.Ordinal) && text.Contains("No such file", StringComparison.Ordinal))
        {
            facts.Drivers.Add(new DriverSign(vendor, DriverState.Missing, "there is no /dev/kfd", $"load the kernel module {module}; in a container pass /dev/kfd and /dev/dri"));
        }
        else if (text.Contains("missing the following required groups", StringComparison.OrdinalIgnoreCase))
        {
            facts.Drivers.Add(new DriverSign(vendor, DriverState.Broken, "this user is not in the groups that may use the GPU", "add the user to the groups render and video and log in again"));
        }
        else if (text.Contains("HSA_STATUS_ERROR", StringComparison.Ordinal) || text.Contains("SMI_STATUS_INIT_ERROR", StringComparison.Ordinal))
        {
            facts.Drivers.Add(new DriverSign(vendor, DriverState.Broken, "the ROCm runtime does not start", "see 'dmesg' for lines of the kernel module; kernel driver and ROCm release must fit each other"));
        }

        else if (NoDcu().IsMatch(text))
        {
            facts.Drivers.Add(new DriverSign(vendor, DriverState.Broken, "the tool finds no device", $"load the kernel module {module}; in a container pass /dev/kfd, /dev/mkfd and /dev/dri"));
        }

        if (text.Contains("libdrm", StringComparison.Ordinal) && text.Contains("cannot open", StringComparison.Ordinal)) facts.Find("library-missing", "rocm", "a library of the tool is missing, so that it cannot name devices", "install libdrm-amdgpu");
    }

    /// <summary><c>amdgpu_top --dump</c>: fields after a title in brackets or dashes.</summary>
    private static void TopDump(string text, Facts facts)
    {
        Device? device = null;
        foreach (var line in Said.Lines(text))
        {
            if (Said.Pair(line) is not var (key, value))
            {
                continue;
            }

            var name = Said.Key(key);
            if (name is "devicename" || device is null && name is "deviceid" or "marketingname")
            {
                if (device is null || name == "devicename") device = TextDevices.Of(facts, "amdgpu_top", "amd", facts.Devices.Count.ToString(CultureInfo.InvariantCulture));
            }

            if (device is null) continue;
            if (name == "deviceid" && HexInside().Match("(" + value.TrimStart('(')) is { Success: true } id) device.PciId ??= $"1002:{id.Groups[1].Value.ToLowerInvariant()}";
            else if (name is "vram" or "vramsize" && Said.Size(value) is { } vram) device.Memory ??= vram;
            else if (name is "gtt" or "gttsize" && Said.Size(value) is { } gtt) device.Gtt ??= gtt;
            else Fields.Apply(device, key, value);
        }
    }

    private static bool Json(string text) => JsonBegin().IsMatch(text);

    [GeneratedRegex(@"^\s{0,200}[\[{]\s{0,40}[""{\]}]|\n[\[{]\s{0,40}(?:""|[{\n])", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex JsonBegin();

    [GeneratedRegex(@"^\|\s{1,4}([0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7])\s{1,40}([^|]{2,60}?)\s{0,20}\|", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex TableFirst();

    [GeneratedRegex(@"^\|\s{1,6}(\d{1,3})\s{1,12}(?:\d|N/A)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex TableSecond();

    [GeneratedRegex(@"\d{1,9}/(\d{1,9}\s?[MG]i?B)\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex TableMemory();

    [GeneratedRegex(@"\d{1,5}/(\d{1,5})\s?W\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex TablePower();

    [GeneratedRegex(@"(\d{1,3})\s?°C", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex TableHeat();

    [GeneratedRegex(@"^(gpu,.{0,2000}),type,vendor,size,", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex VramHeader();

    [GeneratedRegex(@"\*{3,}\s{0,40}\n\s{0,8}Agent \d{1,3}\s{0,40}\n\*{3,}", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex AgentHead();

    [GeneratedRegex(@"\bNo (?:DCU|HCU)s? (?:available|found)", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex NoDcu();

    [GeneratedRegex(@"\((?:0x)?([0-9a-fA-F]{4})\)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex HexInside();

    [GeneratedRegex(@"\b(?:[ZK]100|BW\d{3,4}|DCU|Hygon)", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex HygonName();

    [GeneratedRegex(@"(?:ROCk|hydcu) module version (\d[\w.]{1,20}) is loaded", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex RockVersion();

    [GeneratedRegex(@"^[^\S\n]{0,8}Driver version:[^\S\n]{0,20}(\S{1,40})[^\S\n]{0,20}$|amdgpu version:[^\S\n]{0,8}(?<1>\d[\w.+-]{1,40})", RegexOptions.Multiline | RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex DriverLine();

    [GeneratedRegex(@"ROCm[ _]version""?:\s{0,4}""?(\d[\d.]{1,16})", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex RocmVersion();

    [GeneratedRegex(@"DTK[ _](?:version:?\s{0,4})?v?(\d[\d.]{1,16})", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex DtkVersion();
}

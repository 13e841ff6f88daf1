using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Medulla.Core.Machines;

namespace Medulla.Probing.Parsers;

/// <summary>macOS: <c>sysctl</c>, <c>vm_stat</c>, <c>system_profiler</c> as JSON and text, <c>sw_vers</c>.</summary>
internal static partial class Apple
{
    private const string Metal = "the GPU may use the Metal working set of the unified pool, about two thirds to three quarters; iogpu.wired_limit_mb raises it";

    /// <summary>One key a file, named by it, or lines of <c>key: value</c>.</summary>
    public static void Sysctl(Reading reading, Facts facts)
    {
        // Linux and the BSDs have a program of this name too, whose keys mean other things.
        if (OtherSystem().Match(reading.Text) is { Success: true } other)
        {
            facts.Family = other.Groups[1].Success ? other.Groups[1].Value.ToLowerInvariant() : "linux";
            return;
        }

        facts.Family = "macos";
        var single = reading.Name.StartsWith("sysctl-", StringComparison.Ordinal) ? reading.Name[7..] : "";
        foreach (var line in Said.Lines(reading.Text).Where(l => l.Trim().Length > 0).Take(5000))
        {
            var pair = Said.Pair(line) ?? Said.Pair(line, '=');
            if (pair is var (key, value) && KeyWord().IsMatch(key)) Key(key.Trim(), value);
            else if (single.Length > 0) Key(single, line.Trim());
        }

        void Key(string key, string value)
        {
            switch (key)
            {
                case "hw.memsize":
                    facts.Ram ??= Said.Positive(value, "B");
                    break;
                case "hw.physicalcpu":
                    facts.Cores ??= Said.Count(value);
                    break;
                case "hw.perflevel0.physicalcpu":
                    facts.FastCores ??= Said.Count(value);
                    break;
                case "hw.logicalcpu" or "hw.ncpu":
                    facts.Threads ??= Said.Count(value);
                    break;
                case "machdep.cpu.brand_string" when Said.Word(value) is { } brand:
                    facts.CpuModel ??= brand;
                    if (brand.StartsWith("Apple", StringComparison.Ordinal)) Soc(facts, brand, "sysctl");
                    break;
                case "iogpu.wired_limit_mb" when Said.Whole(value) is { } limit and > 0 and < 1 << 24:
                    facts.WiredLimit = limit << 20;
                    break;
                case "debug.iogpu.wired_limit" when Said.Whole(value) is { } limit and > 0 and < 1L << 44:
                    facts.WiredLimit = limit;
                    break;
                case "hw.model" when Said.Word(value) is { } model:
                    (facts.HostVendor, facts.HostProduct) = ("Apple Inc.", model);
                    break;
                case "hw.machine" or "hw.optional.arm64" when value is "arm64" or "1":
                    facts.Architecture = "arm64";
                    break;
                case "hw.optional.arm.FEAT_DotProd" when value == "1":
                    facts.CpuFeatures.Add("asimddp");
                    break;
                case "hw.optional.arm.FEAT_I8MM" when value == "1":
                    facts.CpuFeatures.Add("i8mm");
                    break;
                case "hw.optional.arm.FEAT_BF16" when value == "1":
                    facts.CpuFeatures.Add("bf16");
                    break;
                case "hw.optional.arm.FEAT_SME" when value == "1":
                    facts.CpuFeatures.Add("sme");
                    break;
            }
        }
    }

    public static void VmStat(Reading reading, Facts facts)
    {
        if (reading.Text.Contains("Mach Virtual Memory", StringComparison.Ordinal)) facts.Family = "macos";
    }

    public static void SwVers(Reading reading, Facts facts)
    {
        facts.Family = "macos";
        if (ProductVersion().Match(reading.Text) is { Success: true } version) facts.SystemName = $"macOS {version.Groups[1].Value}";
    }

    public static void SystemProfiler(Reading reading, Facts facts)
    {
        facts.Family = "macos";
        if (reading.Text.TrimStart().StartsWith('{')) Json(reading, facts);
        else if (reading.Text.TrimStart().StartsWith('<')) PropertyList(reading, facts);
        else Text(reading.Text, facts);
        if (facts.Devices.Count > 0) facts.Looked = true;
    }

    private static void Json(Reading reading, Facts facts)
    {
        using var document = JsonDevices.Read(reading.Text);
        if (document is null || document.RootElement.ValueKind != JsonValueKind.Object)
        {
            facts.Find("unreadable", reading.Origin, "it holds no whole JSON value", "capture it again");
            return;
        }

        foreach (var section in document.RootElement.EnumerateObject().Where(s => s.Value.ValueKind == JsonValueKind.Array))
        {
            foreach (var entry in section.Value.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.Object).Take(64)) Entry(facts, section.Name, name => Value(entry, name));
        }

        static string? Value(JsonElement entry, string name) => entry.TryGetProperty(name, out var value) ? value.ValueKind == JsonValueKind.String ? Said.Word(value.GetString()) : value.GetRawText() : null;
    }

    /// <summary><c>-xml</c>: dictionaries as keys and values behind each other.</summary>
    private static void PropertyList(Reading reading, Facts facts)
    {
        if (Said.Xml(reading.Text) is not { } root)
        {
            facts.Find("unreadable", reading.Origin, "it holds no whole XML document", "capture it again");
            return;
        }

        foreach (var section in root.Descendants("dict").Where(d => ValueOf(d, "_items") is not null).Take(64))
        {
            foreach (var entry in ValueOf(section, "_items")!.Elements("dict").Take(64)) Entry(facts, ValueOf(section, "_dataType")?.Value ?? "", name => Said.Word(ValueOf(entry, name)?.Value));
        }

        static XElement? ValueOf(XElement dict, string name) => dict.Elements("key").FirstOrDefault(k => k.Value == name)?.ElementsAfterSelf().FirstOrDefault();
    }

    private static void Entry(Facts facts, string section, Func<string, string?> value)
    {
        if (section == "SPDisplaysDataType") Display(facts, value("sppci_model") ?? value("_name"), value("spdisplays_vram"), value("spdisplays_vram_shared") ?? value("_spdisplays_vram"), value("spdisplays_device-id"), value("spdisplays_mtlgpufamilysupport") ?? value("spdisplays_metal"));
        else if (section == "SPHardwareDataType") Hardware(facts, value("chip_type") ?? value("cpu_type"), value("physical_memory"), value("number_processors"), value("machine_model"));
    }

    private static void Text(string text, Facts facts)
    {
        string? model = null, vram = null, shared = null, id = null, metal = null;
        foreach (var line in Said.Lines(text))
        {
            if (Said.Pair(line) is not var (key, value)) continue;
            switch (key)
            {
                case "Chipset Model":
                    Close();
                    model = value;
                    break;
                case "VRAM (Total)" or "VRAM":
                    vram = value;
                    break;
                case "VRAM (Dynamic, Max)" or "VRAM (Shared)":
                    shared = value;
                    break;
                case "Device ID":
                    id = value;
                    break;
                case "Metal Support" or "Metal Family" or "Metal":
                    metal = value;
                    break;
                case "Chip" or "Processor Name" when Said.Word(value) is { } chip:
                    facts.CpuModel ??= chip;
                    if (chip.StartsWith("Apple", StringComparison.Ordinal)) facts.Architecture = "arm64";
                    break;
                case "Memory":
                    facts.Ram ??= Said.Positive(value);
                    break;
                case "Hardware Overview":
                    Close();
                    break;
                case "Total Number of Cores" when model is null:
                    facts.Cores ??= Said.Count(value);
                    break;
                case "Model Identifier" when Said.Word(value) is { } product:
                    (facts.HostVendor, facts.HostProduct) = ("Apple Inc.", product);
                    break;
            }
        }

        Close();

        void Close()
        {
            if (model is not null) Display(facts, model, vram, shared, id, metal);
            (model, vram, shared, id, metal) = (null, null, null, null, null);
        }
    }

    private static void Display(Facts facts, string? model, string? vram, string? shared, string? id, string? metal)
    {
        if (Said.Word(model) is not { } name || DeviceTable.VendorIn(name) is not { } vendor) return;
        if (vendor == "apple")
        {
            Soc(facts, name, "system_profiler");
            return;
        }

        var device = new Device { Scope = "system_profiler", Index = facts.Devices.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), Vendor = vendor, Name = name, NameRank = 3, Memory = Said.Positive(vram) ?? Said.Positive(shared) };
        if (vram is null && shared is not null)
        {
            device.Unified = true;
            device.Notes.Add("shared memory");
        }

        if (id is not null && DeviceNumber().Match(id) is { Success: true } number)
        {
            device.PciId = $"{(vendor == "amd" ? "1002" : vendor == "intel" ? "8086" : "10de")}:{number.Groups[1].Value.ToLowerInvariant()}";
        }

        if (metal is not null) device.Interfaces.Add("metal");
        facts.Devices.Add(device);
        facts.Drivers.Add(new DriverSign(vendor, DriverState.Ok));
    }

    private static void Hardware(Facts facts, string? chip, string? memory, string? processors, string? model)
    {
        facts.CpuModel ??= chip;
        facts.Ram ??= Said.Positive(memory);
        if (processors is not null && Processors().Match(processors) is { Success: true } match) facts.Cores ??= Said.Count(match.Value);
        if (model is not null) (facts.HostVendor, facts.HostProduct) = ("Apple Inc.", model);
        if (chip?.StartsWith("Apple", StringComparison.Ordinal) == true) Soc(facts, chip, "system_profiler");
    }

    /// <summary>The GPU of an Apple chip has the chip's name, and no driver to install.</summary>
    private static void Soc(Facts facts, string name, string scope)
    {
        // The name of a chip in a list beside others' says nothing of this machine's processor.
        if (scope == "sysctl") facts.Architecture = "arm64";
        if (facts.Devices.Exists(d => d.Vendor == "apple")) return;
        var device = new Device { Scope = scope, Index = "apple", Vendor = "apple", Name = name, NameRank = 3, Unified = true };
        device.Interfaces.Add("metal");
        device.Notes.Add(Metal);
        facts.Devices.Add(device);
        facts.Drivers.Add(new DriverSign("apple", DriverState.Ok));
    }

    [GeneratedRegex(@"^kern\.ostype[:=]\s{0,4}((?!Darwin)\w{3,20})|^kernel\.(?:osrelease|ostype|version)\b", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex OtherSystem();

    [GeneratedRegex(@"^[a-z][\w.]{2,80}$", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex KeyWord();

    [GeneratedRegex(@"ProductVersion:\s{0,8}([\d.]{1,12})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex ProductVersion();

    [GeneratedRegex(@"0x([0-9a-fA-F]{4})\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex DeviceNumber();

    [GeneratedRegex(@"\d{1,3}", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Processors();
}

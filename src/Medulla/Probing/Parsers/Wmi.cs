using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Probing.Parsers;

/// <summary>
/// Windows: <c>wmic</c> (CSV, LIST, table) and <c>Get-CimInstance</c> (CSV, list, table, JSON). All are records with the names
/// of WMI; which class they are of is told by those names.
/// </summary>
internal static partial class Wmi
{
    private const int MaxRecords = 500;

    public static void Cim(Reading reading, Facts facts)
    {
        facts.Family = "windows";
        foreach (var record in Records(reading.Text))
        {
            if (Has("AdapterRAM") || Has("VideoProcessor") || Has("AdapterCompatibility") || (Has("PNPDeviceID") && Has("DriverVersion")) || (reading.Name.Contains("video", StringComparison.OrdinalIgnoreCase) || reading.Name.Contains("gpu", StringComparison.OrdinalIgnoreCase)) && Has("Name")) Video(record, facts);
            else if (Has("NumberOfLogicalProcessors") && (Has("NumberOfCores") || Has("Name"))) Processor(record, facts);
            else if (Has("Capacity") && (Has("Speed") || Has("ConfiguredClockSpeed") || Has("BankLabel") || Has("DeviceLocator"))) facts.RoughRam = (facts.RoughRam ?? 0) + (Said.Whole(Get("Capacity")) ?? 0);
            else if (Has("FreeSpace") && Has("Size")) DiskOf(record, facts);
            else SystemOf(record, facts);

            bool Has(string key) => record.ContainsKey(key);
            string? Get(string key) => record.GetValueOrDefault(key);
        }

        if (facts.Devices.Count > 0) facts.Looked = true;
    }

    /// <summary><c>systeminfo</c>.</summary>
    public static void SystemInfo(Reading reading, Facts facts)
    {
        facts.Family = "windows";
        foreach (var line in Said.Lines(reading.Text))
        {
            if (Said.Pair(line) is not var (key, value)) continue;
            if (key == "OS Name") facts.SystemName = Said.Word(value);
            else if (key == "System Manufacturer") facts.HostVendor = Said.Word(value);
            else if (key == "System Model") facts.HostProduct = Said.Word(value);
            else if (key == "Total Physical Memory") facts.RoughRam = Said.Positive(value.Replace(",", "", StringComparison.Ordinal).Replace(".", "", StringComparison.Ordinal));
            else if (key == "System Type" && value.Contains("x64", StringComparison.Ordinal)) facts.Architecture = "x64";
            else if (key == "System Type" && value.Contains("ARM64", StringComparison.OrdinalIgnoreCase)) facts.Architecture = "arm64";
        }
    }

    /// <summary>Records of any of the forms, by the names of their fields.</summary>
    public static IEnumerable<Dictionary<string, string>> Records(string text)
    {
        var begin = text.TrimStart();
        if (begin is ['{' or '[', ..])
        {
            using var document = JsonDevices.Read(text);
            if (document is not null) return [.. Elements(document.RootElement).Select(e => Record(e.EnumerateObject().Select(p => (p.Name, p.Value.ValueKind == JsonValueKind.String ? p.Value.GetString() ?? "" : p.Value.GetRawText())))).Take(MaxRecords)];
        }

        var lines = Said.Lines(text).Select(l => l.TrimEnd('\r', ' ')).ToList();
        var first = lines.FindIndex(l => l.Trim().Length > 0 && !l.StartsWith('#'));
        if (first < 0) return [];
        if (ListLine().IsMatch(lines[first])) return Lists(lines);
        var header = Said.Cells(lines[first]);
        if (header.Count > 1) return [.. lines.Skip(first + 1).Where(l => l.Trim().Length > 0).Select(Said.Cells).Where(r => r.Count == header.Count).Select(r => Record(header.Zip(r))).Take(MaxRecords)];
        return Table(lines, first);
    }

    private static IEnumerable<JsonElement> Elements(JsonElement root) => root.ValueKind switch
    {
        JsonValueKind.Array => root.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.Object),
        JsonValueKind.Object => [root],
        _ => [],
    };

    /// <summary><c>Name=value</c> or <c>Name : value</c>, an empty line between records.</summary>
    private static List<Dictionary<string, string>> Lists(List<string> lines)
    {
        var records = new List<Dictionary<string, string>>();
        var record = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines)
        {
            if (ListLine().Match(line) is not { Success: true } match) continue;
            if (record.ContainsKey(match.Groups[1].Value))
            {
                records.Add(record);
                record = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            }

            record[match.Groups[1].Value] = match.Groups[2].Value.Trim();
        }

        records.Add(record);
        return records;
    }

    /// <summary>A table: cells begin where the names of the header begin.</summary>
    private static List<Dictionary<string, string>> Table(List<string> lines, int first)
    {
        var names = Column().Matches(lines[first]);
        var records = new List<Dictionary<string, string>>();
        foreach (var line in lines.Skip(first + 1).Where(l => l.Trim().Length > 0 && !Ruler().IsMatch(l)).Take(MaxRecords))
        {
            var record = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            for (var i = 0; i < names.Count; i++)
            {
                var from = Begin(line, names[i].Index);
                var to = i + 1 < names.Count ? Begin(line, names[i + 1].Index) : line.Length;
                record[names[i].Value] = from < to && from < line.Length ? line[from..Math.Min(to, line.Length)].Trim() : "";
            }

            records.Add(record);
        }

        return records;
    }

    /// <summary>Numbers stand at the right of their column: a long one begins before its header does.</summary>
    private static int Begin(string line, int at)
    {
        while (at > 0 && at < line.Length && line[at] != ' ' && line[at - 1] != ' ') at--;
        return at;
    }

    private static void Video(Dictionary<string, string> record, Facts facts)
    {
        var name = Said.Word(record.GetValueOrDefault("Name")) ?? Said.Word(record.GetValueOrDefault("Caption")) ?? Said.Word(record.GetValueOrDefault("VideoProcessor"));
        var pnp = record.GetValueOrDefault("PNPDeviceID") ?? "";
        var number = Pnp().Match(pnp);
        if (name is null) return;
        if (name.Contains("Microsoft Basic", StringComparison.OrdinalIgnoreCase))
        {
            var vendor = number.Success ? DeviceTable.VendorOf(number.Groups[1].Value) : null;
            if (vendor is not null) facts.Drivers.Add(new DriverSign(vendor, DriverState.Missing, "Windows drives the card with its basic display driver", "install the driver of the card's maker"));
            return;
        }

        var maker = DeviceTable.VendorIn(name) ?? (number.Success ? DeviceTable.VendorOf(number.Groups[1].Value) : null) ?? DeviceTable.VendorIn(record.GetValueOrDefault("AdapterCompatibility") ?? "");
        if (maker is null) return;
        var device = new Device { Scope = "win32", Index = facts.Devices.Count.ToString(CultureInfo.InvariantCulture), Vendor = maker, Name = name, NameRank = 3 };
        if (number.Success) device.PciId = $"{number.Groups[1].Value}:{number.Groups[2].Value}".ToLowerInvariant();
        else if (maker == "amd" && ChipNumber().Match(record.GetValueOrDefault("VideoProcessor") ?? "") is { Success: true } chip) device.PciId = $"1002:{chip.Groups[1].Value}".ToLowerInvariant();

        // The field has 32 bits: it cannot say 4 GiB and more, and says 4 GiB less a MiB or what is left over.
        if (Said.Whole(record.GetValueOrDefault("qwMemorySize") ?? record.GetValueOrDefault("HardwareInformation.qwMemorySize")) is { } real and > 0) device.Memory = real;
        else if (Said.Whole(record.GetValueOrDefault("AdapterRAM")) is { } ram and > 0)
        {
            if (ram < 4_290_000_000 && DeviceTable.OfName(maker, name)?.Class is not DeviceClass.Discrete) (device.Memory, device.MemoryRough) = (ram, true);
            else device.Notes.Add("Windows reports its memory in 32 bits, which is not enough: see the vendor's tool or HardwareInformation.qwMemorySize in the registry");
        }

        if (Said.Word(record.GetValueOrDefault("DriverVersion")) is { } version) device.DriverVersion = maker == "nvidia" && version.Count(c => c == '.') == 3 ? Nvidia(version) : version;
        facts.Devices.Add(device);
        var code = Said.Whole(record.GetValueOrDefault("ConfigManagerErrorCode")) ?? 0;
        var status = Said.Word(record.GetValueOrDefault("Status"));
        if (code == 0 && status is null or "OK") facts.Drivers.Add(new DriverSign(maker, DriverState.Ok));
        else if (code is 22) facts.Drivers.Add(new DriverSign(maker, DriverState.Missing, $"{name} is disabled in Windows", "enable it in the Device Manager"));
        else if (code is 28) facts.Drivers.Add(new DriverSign(maker, DriverState.Missing, $"no driver is installed for {name}", "install the driver of the card's maker"));
        else facts.Drivers.Add(new DriverSign(maker, DriverState.Broken, $"Windows stopped {name} (status {status ?? "unknown"}, code {code})", "update or reinstall its driver, then restart"));
    }

    /// <summary>Windows numbers NVIDIA's drivers in its own way: <c>32.0.15.6636</c> is <c>566.36</c>.</summary>
    private static string Nvidia(string version)
    {
        var digits = string.Concat(version.Split('.')[^2..].Select(p => p.PadLeft(4, '0')));
        return digits.Length >= 5 && digits.All(char.IsAsciiDigit) ? $"{digits[^5..^2]}.{digits[^2..]}" : version;
    }

    private static void Processor(Dictionary<string, string> record, Facts facts)
    {
        facts.CpuModel ??= Said.Word(record.GetValueOrDefault("Name"));
        facts.Cores = (facts.Cores ?? 0) + (Said.Count(record.GetValueOrDefault("NumberOfCores")) ?? 0);
        facts.Threads = (facts.Threads ?? 0) + (Said.Count(record.GetValueOrDefault("NumberOfLogicalProcessors")) ?? 0);
        facts.Architecture ??= Said.Whole(record.GetValueOrDefault("Architecture")) switch { 9 => "x64", 12 => "arm64", _ => null };
        if (facts.Cores == 0) facts.Cores = null;
        facts.Looked = true;
    }

    private static void SystemOf(Dictionary<string, string> record, Facts facts)
    {
        if (Said.Whole(record.GetValueOrDefault("TotalVisibleMemorySize")) is { } kib and > 0 and < 1L << 40) facts.Ram ??= kib << 10;
        if (Said.Whole(record.GetValueOrDefault("TotalPhysicalMemory")) is { } bytes and > 0) facts.Ram ??= bytes;
        if (record.ContainsKey("Caption") && record.GetValueOrDefault("Caption") is { } caption && caption.Contains("Windows", StringComparison.Ordinal)) facts.SystemName ??= Said.Word(caption);
        if (record.TryGetValue("Manufacturer", out var maker) && record.TryGetValue("Model", out var product))
        {
            facts.HostVendor ??= Said.Word(maker);
            facts.HostProduct ??= Said.Word(product);
        }

        if (record.GetValueOrDefault("OSArchitecture") is { } architecture) facts.Architecture ??= architecture.Contains("ARM", StringComparison.OrdinalIgnoreCase) ? "arm64" : architecture.Contains("64", StringComparison.Ordinal) ? "x64" : null;
    }

    private static void DiskOf(Dictionary<string, string> record, Facts facts)
    {
        if (Said.Whole(record.GetValueOrDefault("Size")) is not { } size || Said.Whole(record.GetValueOrDefault("FreeSpace")) is not { } free) return;
        facts.Disks.Add(new Disk(record.GetValueOrDefault("DeviceID") ?? record.GetValueOrDefault("Caption") ?? "", new ByteSize(size), new ByteSize(free), record.GetValueOrDefault("FileSystem") ?? ""));
    }

    private static Dictionary<string, string> Record(IEnumerable<(string Key, string Value)> fields)
    {
        var record = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in fields) record.TryAdd(key, value);
        return record;
    }

    [GeneratedRegex(@"^\s{0,4}([A-Za-z][\w.]{1,60})\s{0,60}[=:](?!//)\s{0,4}(.{0,400})$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex ListLine();

    [GeneratedRegex(@"\S{1,80}", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Column();

    [GeneratedRegex(@"^[\s-]{1,400}$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Ruler();

    [GeneratedRegex(@"\(0x([0-9A-Fa-f]{4})\)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex ChipNumber();

    [GeneratedRegex(@"VEN_([0-9A-Fa-f]{4})&DEV_([0-9A-Fa-f]{4})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Pnp();
}

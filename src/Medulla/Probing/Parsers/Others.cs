using System.Globalization;
using System.Text.RegularExpressions;
using Medulla.Core.Machines;

namespace Medulla.Probing.Parsers;

/// <summary>Tools of the other vendors: <c>npu-smi</c>, <c>mx-smi</c>, <c>mthreads-gmi</c>, <c>xpu-smi</c>, and copies of <c>nvidia-smi</c>.</summary>
internal static partial class Others
{
    public static void NpuSmi(Reading reading, Facts facts)
    {
        const string Scope = "npu-smi";
        var text = reading.Text;
        if (text.Contains("initialize failed", StringComparison.OrdinalIgnoreCase) || text.Contains("initialized failed", StringComparison.OrdinalIgnoreCase))
        {
            facts.Drivers.Add(text.Contains("-8020", StringComparison.Ordinal)
                ? new DriverSign("huawei", DriverState.Broken, "the device is used by another container", "give each NPU to one container, or mount it shared")
                : new DriverSign("huawei", DriverState.Broken, "npu-smi cannot reach the driver", "check /dev/davinci* and the group HwHiAiUser; load or reinstall the driver with its firmware (upgrade-tool, then reboot)"));
        }

        // Two rows a chip: number and name, then chip and address; processes have rows of their own below.
        Device? device = null;
        string? npu = null;
        foreach (var line in Said.Lines(text))
        {
            if (line.Contains("Process", StringComparison.OrdinalIgnoreCase)) break;
            if (NpuName().Match(line) is { Success: true } first)
            {
                npu = first.Groups[1].Value;
                device = new Device { Scope = Scope, Vendor = "huawei", Name = Said.Word(first.Groups[2].Value), NameRank = 4, TemperatureC = Said.Number(first.Groups[4].Value) };
                if (first.Groups[3].Value is not ("OK" or "-" or "NA")) facts.Find("device-unwell", $"npu {npu}", $"NPU {npu} reports its health as {first.Groups[3].Value}", "see 'npu-smi info -t health -i " + npu + "'");
                continue;
            }

            if (device is null || NpuChip().Match(line) is not { Success: true } second) continue;
            device.Index = $"{npu}:{second.Groups[1].Value}";
            device.Bus = Said.Bus(second.Groups[2].Value);
            var pairs = Pairs().Matches(second.Groups[3].Value).Select(m => Said.Size(m.Groups[1].Value + " MB")).Where(s => s > 0).ToList();
            if (pairs.Count > 0) device.Memory = pairs[^1];
            facts.Devices.Add(device);
            device = null;
        }

        if (facts.Devices.Count == 0) NpuMap(text, facts);
        if (facts.Devices.Count == 0 && facts.Drivers.Count == 0 && text.Contains("NPU ID", StringComparison.Ordinal)) NpuBoards(text, facts);
        var version = NpuVersion().Match(text);
        foreach (var each in facts.Devices)
        {
            if (version.Success) each.DriverVersion ??= version.Groups[1].Value;
            each.Interfaces.Add("cann");
        }

        Good(facts, "huawei");
    }

    /// <summary>Version files of CANN and of the driver, wherever they lie.</summary>
    public static void AscendVersion(Reading reading, Facts facts)
    {
        if (VersionLine().Match(reading.Text) is not { Success: true } match || Said.Word(match.Groups[1].Value) is not { } version) return;
        if (reading.Name.Contains("driver", StringComparison.OrdinalIgnoreCase) || reading.Text.Contains("driver", StringComparison.OrdinalIgnoreCase) && !reading.Text.Contains("toolkit", StringComparison.OrdinalIgnoreCase)) facts.DriverVersions["huawei"] = version;
        else if (!reading.Name.Contains("firmware", StringComparison.OrdinalIgnoreCase)) facts.Runtimes["huawei"] = $"CANN {version}";
    }

    public static void MxSmi(Reading reading, Facts facts)
    {
        const string Scope = "mx-smi";
        if (reading.Text.TrimStart() is ['{' or '[', ..]) JsonDevices.Parse(reading, facts, Scope, "metax");
        else if (!Banner.Parse(reading.Text, facts, Scope, "metax") && !TextDevices.Csv(reading.Text, facts, Scope, "metax"))
        {
            foreach (var line in Said.Lines(reading.Text))
            {
                if (MxListed().Match(line) is not { Success: true } match) continue;
                var device = TextDevices.Of(facts, Scope, "metax", match.Groups[1].Value);
                (device.Name, device.NameRank) = (match.Groups[2].Value, 4);
                device.Bus ??= Said.Bus(match.Groups[3].Value);
            }

            if (facts.Devices.Count == 0) TextDevices.Blocks(reading.Text, facts, Scope, "metax");
        }

        if (MxDriver().Match(reading.Text) is { Success: true } driver && Said.Word(driver.Groups[1].Value) is { } version) facts.DriverVersions["metax"] = version;
        if (MacaVersion().Match(reading.Text) is { Success: true } maca && Said.Word(maca.Groups[1].Value) is { } runtime) facts.Runtimes["metax"] = $"MACA {runtime}";
        Failed(reading, facts, "metax", "the MetaX tool cannot reach the driver", "load the kernel module metax, or reinstall the MetaX driver");
        foreach (var each in facts.Devices) each.Interfaces.Add("maca");
        Good(facts, "metax");
    }

    public static void MthreadsGmi(Reading reading, Facts facts)
    {
        const string Scope = "mthreads-gmi";
        if (reading.Text.TrimStart() is ['{' or '[', ..]) JsonDevices.Parse(reading, facts, Scope, "mthreads");
        else
        {
            foreach (var line in Said.Lines(reading.Text))
            {
                if (line.Contains("Process", StringComparison.Ordinal)) break;
                if (GmiRow().Match(line) is { Success: true } row)
                {
                    var device = TextDevices.Of(facts, Scope, "mthreads", row.Groups[1].Value);
                    (device.Name, device.NameRank) = (row.Groups[2].Value.Trim(), 4);
                    device.Bus ??= Said.Bus(row.Groups[3].Value);
                    device.Memory ??= Said.Positive(row.Groups[4].Value + " MiB");
                }
                else if (facts.Devices.LastOrDefault() is { } last && GmiLane().Match(line) is { Success: true } lane)
                {
                    last.LinkWidth ??= Said.Count(lane.Groups[1].Value);
                    last.LinkMaxWidth ??= Said.Count(lane.Groups[2].Value);
                    last.TemperatureC ??= Said.Number(lane.Groups[3].Value);
                }
            }

            if (facts.Devices.Count == 0) TextDevices.Any(reading.Text, facts, Scope, "mthreads");
        }

        if (GmiDriver().Match(reading.Text) is { Success: true } driver && Said.Word(driver.Groups[1].Value) is { } version) facts.DriverVersions["mthreads"] = version;
        Failed(reading, facts, "mthreads", "the Moore Threads tool cannot reach the driver", "load the kernel module mtgpu, or reinstall the driver for this kernel");
        foreach (var each in facts.Devices) each.Interfaces.Add("musa");
        Good(facts, "mthreads");
    }

    /// <summary>Two makers call their tool so: Intel, and Kunlunxin, whose table names its runtime.</summary>
    public static void XpuSmi(Reading reading, Facts facts)
    {
        const string Scope = "xpu-smi";
        var vendor = KunlunText().IsMatch(reading.Text) ? "kunlunxin" : "intel";
        if (reading.Text.TrimStart() is ['{' or '[', ..]) JsonDevices.Parse(reading, facts, Scope, vendor);
        else if (!XpuTable(reading.Text, facts, Scope)) TextDevices.Any(reading.Text, facts, Scope, vendor);

        // Functions of a virtual machine are slices of one card.
        facts.Devices.RemoveAll(d => d.Name is null && d.Memory is null && d.Bus is null);
        if (facts.Devices.Count == 0 && NoXpu().IsMatch(reading.Text)) facts.Drivers.Add(new DriverSign(vendor, DriverState.Missing, "xpu-smi finds no device", "install the Level Zero driver (libze-intel-gpu1), and add the user to the group render"));
        foreach (var each in facts.Devices.Where(_ => vendor == "intel")) each.Interfaces.Add("sycl");
        Good(facts, vendor);
    }

    /// <summary><c>discovery</c>: fields of a device below each other in the second column of a boxed table.</summary>
    private static bool XpuTable(string text, Facts facts, string scope)
    {
        Device? device = null;
        foreach (var line in Said.Lines(text))
        {
            var cells = line.Split('|', StringSplitOptions.TrimEntries);
            if (cells.Length < 4) continue;
            if (Said.Whole(cells[1]) is { } index) device = TextDevices.Of(facts, scope, "intel", index.ToString(CultureInfo.InvariantCulture));
            if (device is null) continue;
            foreach (var cell in cells.Skip(2))
            {
                if (Said.Pair(cell) is var (key, value)) Fields.Apply(device, key, value);
            }
        }

        return device is not null;
    }

    public static void PpuSmi(Reading reading, Facts facts) => Copy(reading, facts, "ppu-smi", "t-head");

    public static void IxSmi(Reading reading, Facts facts) => Copy(reading, facts, "ixsmi", "iluvatar");

    /// <summary><c>cnmon</c>: the common table with the number of a virtual function and a firmware beside the name; older versions give no address.</summary>
    public static void CnMon(Reading reading, Facts facts)
    {
        const string Scope = "cnmon";
        var common = CnRow().Replace(reading.Text, m => $"| {m.Groups[1].Value}  {m.Groups[2].Value} | {Said.Bus(m.Groups[3].Value) ?? "N/A"} |");
        if (reading.Text.TrimStart() is ['{' or '[', ..]) JsonDevices.Parse(reading, facts, Scope, "cambricon");
        else TextDevices.Any(common, facts, Scope, "cambricon");
        if (CnDriver().Match(reading.Text) is { Success: true } driver) facts.DriverVersions["cambricon"] = driver.Groups[1].Value;
        if (!Missing.IsComplaint(reading)) Failed(reading, facts, "cambricon", "cnmon cannot reach the driver", "load the kernel module cambricon-drv, or reinstall the driver for this kernel");
        Good(facts, "cambricon");
    }

    private static void Copy(Reading reading, Facts facts, string scope, string vendor)
    {
        if (reading.Text.TrimStart() is ['{' or '[', ..]) JsonDevices.Parse(reading, facts, scope, vendor);
        else TextDevices.Any(reading.Text, facts, scope, vendor);
        if (!Missing.IsComplaint(reading)) Failed(reading, facts, vendor, $"{scope} cannot reach the driver", "load the kernel module of the vendor, or reinstall its driver for this kernel");
        Good(facts, vendor);
    }

    /// <summary><c>npu-smi info -m</c>: a table of chips; controllers (<c>Mcu</c>) are none.</summary>
    private static void NpuMap(string text, Facts facts)
    {
        foreach (var line in Said.Lines(text))
        {
            if (NpuMapped().Match(line) is not { Success: true } match || match.Groups[3].Value.Equals("Mcu", StringComparison.OrdinalIgnoreCase)) continue;
            var name = match.Groups[3].Value;
            facts.Devices.Add(new Device
            {
                Scope = "npu-smi",
                Vendor = "huawei",
                Index = $"{match.Groups[1].Value}:{match.Groups[2].Value}",
                Name = name.StartsWith("Ascend", StringComparison.OrdinalIgnoreCase) && name.Length > 6 ? name[6..].Trim() : name,
                NameRank = 3,
            });
        }
    }

    /// <summary><c>npu-smi info -l</c> and <c>-t board</c>: fields by NPU, with a count of chips.</summary>
    private static void NpuBoards(string text, Facts facts)
    {
        var chips = 1;
        Device? device = null;
        foreach (var line in Said.Lines(text))
        {
            if (Said.Pair(line.Trim('|', ' ')) is not var (key, value)) continue;
            switch (Said.Key(key))
            {
                case "npuid" when Said.Whole(value) is { } id:
                    device = TextDevices.Of(facts, "npu-smi", "huawei", $"{id}:0");
                    break;
                case "chipcount" when device is not null && Said.Count(value) is { } count and > 1 and < 9:
                    chips = count;
                    for (var i = 1; i < chips; i++) TextDevices.Of(facts, "npu-smi", "huawei", $"{device.Index!.Split(':')[0]}:{i}");
                    break;
                case "softwareversion" when device is not null:
                    device.DriverVersion ??= Said.Word(value);
                    break;
                case "hbmcapacitymb" or "ddrcapacitymb" when device is not null && Said.Positive(value, key) is { } size:
                    device.Memory = Math.Max(device.Memory ?? 0, size);
                    break;
                default:
                    if (device is not null && Said.Key(key) is "chipname") Fields.Apply(device, key, value);
                    break;
            }
        }
    }

    private static void Failed(Reading reading, Facts facts, string vendor, string cause, string remedy)
    {
        if (facts.Devices.Count == 0 && Complaint().IsMatch(reading.Text)) facts.Drivers.Add(new DriverSign(vendor, DriverState.Broken, cause, remedy));
    }

    private static void Good(Facts facts, string vendor)
    {
        if (facts.Devices.Count > 0 && facts.Drivers.Count == 0) facts.Drivers.Add(new DriverSign(vendor, DriverState.Ok));
    }

    [GeneratedRegex(@"^\s{0,4}\|\s{0,6}(\d{1,3})\s{1,20}((?:Ascend ?)?\d{3}\w{0,12}|Ascend\w{1,16}|[A-Za-z]\w{2,20})\s{0,40}\|\s{0,20}([A-Za-z-]{1,12})\s{0,40}\|\s{0,10}\S{1,12}\s{1,40}(\S{1,8})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NpuName();

    [GeneratedRegex(@"^\s{0,4}\|\s{0,6}(\d{1,3})(?:\s{1,40}[\w-]{1,8})?\s{0,40}\|\s{0,20}([0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d|NA|-)\s{0,40}\|(.{1,200})$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NpuChip();

    [GeneratedRegex(@"\d{1,9}\s{0,12}/\s{0,12}(\d{1,9})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Pairs();

    [GeneratedRegex(@"\bVersion:\s{0,4}(\d[\w.]{1,24})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NpuVersion();

    [GeneratedRegex(@"^\s{0,8}\|?\s{0,8}(\d{1,3})\s{1,60}(\d{1,3})\s{1,60}[\d-]{1,4}\s{1,60}(\S[^|]{1,30}?)\s{0,60}\|?\s*$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NpuMapped();

    [GeneratedRegex(@"^\s{0,4}(?:[Vv]ersion|package_version|driver_version)\s{0,4}=\s{0,4}\[?([^\s\]]{1,40})", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex VersionLine();

    [GeneratedRegex(@"^\s{0,4}GPU#?\s?(\d{1,3})\s{1,20}(?:MetaX )?(\S{2,30}(?: [A-Z]\d{2,4}\w?)?)\s{1,20}([0-9a-fA-F]{4}:[0-9a-fA-F:.]{7,12})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex MxListed();

    [GeneratedRegex(@"(?:Kernel Mode Driver|KMD|Driver)[ _][Vv]ersion""?\s{0,40}:\s{0,4}""?([\w.-]{1,40})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex MxDriver();

    [GeneratedRegex(@"MACA[ _][Vv]ersion""?\s{0,40}:\s{0,4}""?([\w.]{1,40})", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex MacaVersion();

    [GeneratedRegex(@"^\s{0,4}\|?\s{0,4}(\d{1,3})\s{1,12}((?:MTT|Moore)[^|]{1,40}?)\s{0,40}\|\s{0,8}([0-9A-Fa-f:.]{7,20}|N/A)\s{0,40}\|[^|\n]{0,40}?\d{1,8}\s?Mi?B\s?[(/]\s?(\d{1,8})\s?Mi?B", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex GmiRow();

    [GeneratedRegex(@"\|\s{0,8}(\d{1,2})x\((\d{1,2})x\)\s{0,40}\|\s{0,8}(\d{1,3}C|N/A)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex GmiLane();

    [GeneratedRegex(@"Driver[ _][Vv]ersion""?\s{0,40}:\s{0,4}""?([\w.-]{1,40})", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex GmiDriver();

    [GeneratedRegex(@"^\|\s{1,4}(\d{1,3})\s{1,8}/?\s{1,8}([A-Za-z]\S{2,30})\s{1,12}v\d[\d.]{0,16}\s{0,12}\|\s{0,20}([^|\n]{1,40}?)\s{0,12}\|", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex CnRow();

    [GeneratedRegex(@"(?:\bDriver|\|\s{0,8}O[nf]{1,2})\s{1,16}v(\d[\d.]{1,16})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex CnDriver();

    [GeneratedRegex(@"XPU-RT|KUNLUN|Kunlun|^XPU \d{1,3}:", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex KunlunText();

    [GeneratedRegex(@"No device|Level.?Zero.{0,40}(?:error|fail|not)|not initialized", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex NoXpu();

    [GeneratedRegex(@"fail|error|couldn't|cannot|not loaded|no device", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex Complaint();
}

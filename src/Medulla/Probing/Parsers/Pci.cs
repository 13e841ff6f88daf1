using System.Text.RegularExpressions;
using Medulla.Core.Machines;

namespace Medulla.Probing.Parsers;

/// <summary><c>lspci</c> in its forms: <c>-nn</c>, <c>-nnD</c>, <c>-n</c>, <c>-mm</c>, <c>-vmm</c>, <c>-vvv</c>, <c>-k</c>.</summary>
internal static partial class Pci
{
    public static void Lspci(Reading reading, Facts facts)
    {
        Device? device = null;
        var entries = 0;
        var saysDrivers = false;
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var raw in Said.Lines(reading.Text))
        {
            if (raw.Length > 4000) continue;
            if (raw.StartsWith("Slot:", StringComparison.Ordinal)) fields.Clear();
            if (VerboseField().Match(raw) is { Success: true } verbose)
            {
                fields[verbose.Groups[1].Value] = verbose.Groups[2].Value.Trim();
                if (verbose.Groups[1].Value == "Device" && fields.TryGetValue("Slot", out var slot))
                {
                    entries++;
                    device = Entry(facts, slot, fields.GetValueOrDefault("Class") ?? "", fields.GetValueOrDefault("Vendor") ?? "", fields["Device"]);
                }

                if (verbose.Groups[1].Value == "Driver") (saysDrivers, _) = (true, Driver(device, verbose.Groups[2].Value));
                continue;
            }

            if (Head().Match(raw) is { Success: true } head)
            {
                entries++;
                var (address, rest) = (head.Groups[1].Value, head.Groups[2].Value.Trim());
                device = rest.StartsWith('"') ? Quoted(facts, address, rest) : Plain(facts, address, rest);
                continue;
            }

            var line = raw.Trim();
            if (line.StartsWith("Kernel driver in use:", StringComparison.Ordinal))
            {
                saysDrivers = true;
                Driver(device, line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..]);
            }
            else if (device is null)
            {
                continue;
            }
            else if (line.StartsWith("LnkCap:", StringComparison.Ordinal) && Width().Match(line) is { Success: true } cap)
            {
                device.LinkMaxWidth ??= Said.Count(cap.Groups[1].Value);
            }
            else if (line.StartsWith("LnkSta:", StringComparison.Ordinal) && Width().Match(line) is { Success: true } now)
            {
                device.LinkWidth ??= Said.Count(now.Groups[1].Value);
                device.LinkGeneration ??= Generation(line);
            }
        }

        if (entries > 0) facts.Looked = true;
        foreach (var each in facts.Devices) Drivers.Bound(facts, each, saysDrivers);
    }

    /// <summary>The generation that a speed belongs to; null when there is none in the text.</summary>
    public static int? Generation(string text) => Speed().Match(text) is not { Success: true } match ? null : Said.Number(match.Groups[1].Value) switch
    {
        2.5 => 1,
        5 => 2,
        8 => 3,
        16 => 4,
        32 => 5,
        64 => 6,
        128 => 7,
        _ => null,
    };

    /// <summary>Is a device of this class and vendor one to compute on?</summary>
    public static bool IsCandidate(string code, string vendor, string? pciId, string name)
    {
        var neural = name.Contains("NPU", StringComparison.Ordinal) || name.Contains("IPU", StringComparison.Ordinal) || name.Contains("Neural", StringComparison.OrdinalIgnoreCase) || DeviceTable.OfNumber(pciId)?.Class == DeviceClass.Neural;
        return code.Length < 4 ? false : code[..4] switch
        {
            "0300" or "0302" or "0380" => vendor is not "huawei",
            "1200" or "0b40" => vendor switch { "intel" => neural, _ => true },
            "1180" => neural,
            _ => false,
        };
    }

    private static Device? Plain(Facts facts, string address, string rest)
    {
        // -n: "0300: 10de:2684 (rev a1)"
        if (NumbersOnly().Match(rest) is { Success: true } numbers) return Entry(facts, address, numbers.Groups[1].Value, numbers.Groups[2].Value, numbers.Groups[3].Value);
        var colon = rest.IndexOf(": ", StringComparison.Ordinal);
        if (colon < 0) return null;
        var (type, what) = (rest[..colon], Revision().Replace(rest[(colon + 2)..], "").Trim());
        var id = Numbers().Match(what);
        if (id.Success) what = what[..id.Index].Trim();
        return Add(facts, address, ClassCode(type), id.Success ? id.Groups[1].Value : null, id.Success ? id.Groups[2].Value : null, what);
    }

    private static Device? Quoted(Facts facts, string address, string rest)
    {
        var cells = Cell().Matches(rest).Select(m => m.Groups[1].Value).ToList();
        return cells.Count < 3 ? null : Entry(facts, address, cells[0], cells[1], cells[2]);
    }

    private static Device? Entry(Facts facts, string address, string type, string vendor, string device)
    {
        var (vendorNumber, deviceNumber) = (Number().Match(vendor), Number().Match(device));
        var words = $"{Number().Replace(vendor, "").Trim()} {Number().Replace(device, "").Trim()}".Trim();
        return Add(facts, address, ClassCode(type), vendorNumber.Success ? vendorNumber.Groups[1].Value : null, deviceNumber.Success ? deviceNumber.Groups[1].Value : null, words);
    }

    private static Device? Add(Facts facts, string address, string code, string? vendorNumber, string? deviceNumber, string words)
    {
        if (vendorNumber is not null && DeviceTable.IsDisplayOnly(vendorNumber)) return null;
        var vendor = DeviceTable.VendorOf(vendorNumber) ?? (vendorNumber is null ? DeviceTable.VendorIn(words) : null);
        vendorNumber ??= vendor switch { "nvidia" => "10de", "amd" => "1002", "intel" => "8086", "huawei" => "19e5", _ => null };
        if (deviceNumber is null && Unnamed().Match(words) is { Success: true } unnamed) deviceNumber = unnamed.Groups[1].Value;
        var pciId = vendorNumber is not null && deviceNumber is not null ? $"{vendorNumber}:{deviceNumber}".ToLowerInvariant() : null;
        if (vendor is null)
        {
            if (code.StartsWith("1200", StringComparison.Ordinal) || code.StartsWith("0302", StringComparison.Ordinal)) facts.Find("unknown-accelerator", pciId ?? address, $"a processing device of a maker that we do not know: {words}", "report this capture");
            return null;
        }

        if (!IsCandidate(code, vendor, pciId, words)) return null;
        var device = new Device { Scope = "lspci", Index = address, Vendor = vendor, Bus = Said.Bus(address), PciId = pciId, Name = NameIn(vendor, words, pciId), NameRank = 2 };
        if (vendor == "intel" && device.Bus == "0000:00:02.0") device.Unified = true;
        facts.Devices.Add(device);
        return device;
    }

    /// <summary>The words without the maker; AMD and Intel put the name people know in brackets.</summary>
    private static string? NameIn(string vendor, string words, string? pciId)
    {
        var name = Maker().Replace(words, "").Trim();
        if (vendor is "amd" or "intel" && Bracket().Match(name) is { Success: true } inner) name = inner.Groups[1].Value.Trim();
        return name.Length > 0 && name != "Device" ? name : DeviceTable.OfNumber(pciId)?.Name is { Length: > 0 } known ? known : pciId;
    }

    private static bool Driver(Device? device, string module)
    {
        if (device is not null) device.DriverModule = Said.Word(module);
        return true;
    }

    private static string ClassCode(string type)
    {
        if (Number().Match(type) is { Success: true } number) return number.Groups[1].Value.ToLowerInvariant();
        if (type.Length == 4 && type.All(char.IsAsciiHexDigit)) return type.ToLowerInvariant();
        return type.Trim() switch
        {
            "VGA compatible controller" => "0300",
            "3D controller" => "0302",
            "Display controller" => "0380",
            "Processing accelerators" => "1200",
            "Co-processor" => "0b40",
            "Signal processing controller" => "1180",
            _ => "",
        };
    }

    [GeneratedRegex(@"^((?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7])\s{1,4}(\S.{0,2000})$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Head();

    [GeneratedRegex(@"^(Slot|Class|Vendor|Device|Driver|Module|SVendor|SDevice|Rev|NUMANode|IOMMUGroup):\t(.{0,400})$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex VerboseField();

    [GeneratedRegex(@"^([0-9a-f]{4}): ([0-9a-f]{4}):([0-9a-f]{4})\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NumbersOnly();

    [GeneratedRegex(@"\[([0-9a-fA-F]{4}):([0-9a-fA-F]{4})\]", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Numbers();

    [GeneratedRegex(@"(?:\[|^)([0-9a-fA-F]{4})(?:\]|$)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Number();

    [GeneratedRegex(@"\bDevice ([0-9a-f]{4})\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Unnamed();

    [GeneratedRegex(@"\s\((?:rev|prog-if) [^)]{1,60}\)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Revision();

    [GeneratedRegex("\"([^\"]{0,200})\"", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Cell();

    [GeneratedRegex(@"\[([^\[\]]{2,120})\]\s*$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Bracket();

    [GeneratedRegex(@"^(?:NVIDIA Corporation|Advanced Micro Devices, Inc\.(?: \[AMD(?:/ATI)?\])?|Intel Corporation|Huawei Technologies Co\., Ltd\.|Moore Threads Technology Co\., ?Ltd\.?|MetaX[^\[]{0,40}Ltd\.?|Chengdu Haiguang[^\[]{0,30}Ltd\.?|Qualcomm(?: Technologies, Inc| Inc\.)?)\s*", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Maker();

    [GeneratedRegex(@"Width x(\d{1,2})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Width();

    [GeneratedRegex(@"(\d{1,3}(?:\.\d)?) ?GT/s", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Speed();
}

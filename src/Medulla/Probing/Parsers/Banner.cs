using System.Text.RegularExpressions;

namespace Medulla.Probing.Parsers;

/// <summary>
/// The boxed table that <c>nvidia-smi</c> prints and others copy: two rows a device, name and address in the first, power and
/// memory in the second. Read by what a cell looks like, for columns and widths change with every version.
/// </summary>
internal static partial class Banner
{
    public static bool Parse(string text, Facts facts, string scope, string vendor)
    {
        Device? device = null;
        var found = false;
        string? driver = null, runtime = null, firmware = null;
        foreach (var line in Said.Lines(text))
        {
            if (line.Length > 400) continue;
            if (driver is null && Driver().Match(line) is { Success: true } d) driver = Said.Word(d.Groups[1].Value);
            if (runtime is null && Runtime().Match(line) is { Success: true } r && Said.Word(r.Groups[2].Value) is { } version) runtime = $"{r.Groups[1].Value.ToUpperInvariant()} {version}";
            if (firmware is null && Bios().Match(line) is { Success: true } b) firmware = Said.Word(b.Groups[1].Value);

            // What follows is about parts of devices and about processes.
            if (line.Contains("MIG devices", StringComparison.Ordinal) || line.Contains("Process", StringComparison.Ordinal)) break;
            if (First().Match(line) is { Success: true } first)
            {
                found = true;
                device = TextDevices.Of(facts, scope, vendor, first.Groups["index"].Value);
                var name = Trailing().Replace(first.Groups["name"].Value.Trim(), "").Trim();
                if (Said.Word(name) is { } word) (device.Name, device.NameRank) = (word, 4);
                device.Bus ??= Said.Bus(first.Groups["bus"].Value);
                if (Model().Match(first.Groups["name"].Value) is { Success: true } model) facts.DriverModel ??= model.Groups[1].Value;
                continue;
            }

            if (device is null) continue;
            if (Continued().Match(line) is { Success: true } rest && device.Name is not null) device.Name += " " + rest.Groups[1].Value;
            if (Watts().Match(line) is { Success: true } watts && Said.Number(watts.Groups[1].Value) is { } limit and > 0) device.PowerLimitW ??= limit;
            if (Degrees().Match(line) is { Success: true } degrees) device.TemperatureC ??= Said.Number(degrees.Groups[1].Value);
            if (Memory().Match(line) is { Success: true } memory)
            {
                if (Said.Positive(memory.Groups[1].Value + " MiB") is { } size) device.Memory ??= size;
                else device.MemoryUnsaid = true;
            }
            else if (line.Contains("Not Supported", StringComparison.Ordinal)) device.MemoryUnsaid = true;
            if (line.Contains("ERR!", StringComparison.Ordinal)) facts.Find("sensor-error", $"gpu {device.Index}", $"{scope} prints ERR! for GPU {device.Index}: a sensor or the device itself does not answer", "look for Xid lines in 'dmesg', then reset or reseat the card");
            if (Said.Bus(line) is { } bus) device.Bus ??= bus;
        }

        foreach (var each in facts.Devices.Where(d => d.Scope == scope))
        {
            each.DriverVersion ??= driver;
            each.Runtime ??= runtime;
            if (vendor != "nvidia") each.Firmware ??= firmware;
        }

        return found;
    }

    [GeneratedRegex(@"Driver(?: Version)?:\s{0,4}(\S{1,40})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Driver();

    [GeneratedRegex(@"\b(CUDA|MACA|MUSA)(?: UMD)? Version:\s{0,4}(\S{1,40})", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex Runtime();

    [GeneratedRegex(@"BIOS Version:\s{0,4}(\S{1,40})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Bios();

    [GeneratedRegex(@"^\s{0,4}\|\s{0,6}(?<index>\d{1,3})\s{1,12}(?<name>[A-Za-z][^|]{1,80}?)\s{0,40}\|(?:[^|]{0,40}\|){0,1}\s{0,12}(?<bus>[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7]|N/A)\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex First();

    [GeneratedRegex(@"\s{1,40}(?:On|Off|WDDM|WDDM TCC|TCC|MCDM|N/A|Enabled|Disabled|Native)$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Trailing();

    /// <summary>A name too long for its cell goes on in the next row, alone.</summary>
    [GeneratedRegex(@"^\s{0,4}\|\s{1,20}([A-Za-z][\w() -]{1,60}?)\s{0,60}\|[\s|]{1,200}\|\s*$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Continued();

    [GeneratedRegex(@"\s(WDDM|TCC|MCDM)\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Model();

    [GeneratedRegex(@"[\d.]{1,9}\s?W\s{0,4}/\s{0,6}([\d.]{1,9})\s?W", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Watts();

    [GeneratedRegex(@"\b(\d{1,3})\s?C\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Degrees();

    [GeneratedRegex(@"\d{1,9}\s?(?:Mi?B)?\s{0,6}/\s{0,8}(\d{1,9})\s?Mi?B", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Memory();
}

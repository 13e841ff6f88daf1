using System.Text.RegularExpressions;

namespace Medulla.Probing.Parsers;

/// <summary>
/// What a field of a device means, whoever prints it and however nested: tools rename and move their fields, and agree on
/// the words in them. A key is the whole path of the field in lower case letters and digits.
/// </summary>
internal static partial class Fields
{
    private static readonly string[] NeverMemory =
        ["used", "free", "bar1", "visvram", "visible", "util", "percent", "clock", "freq", "bandwidth", "temp", "ecc", "page", "activity", "width", "type", "protected", "reserved", "process", "shared", "speed", "error", "system", "host", "hugepage", "bitwidth", "vendor", "range"];

    /// <summary>Puts a value where it belongs; false when the field means nothing to us.</summary>
    public static bool Apply(Device device, string path, string value)
    {
        var key = Said.Key(path);
        if (key.Length == 0) return false;
        if (Identity(device, key, value) || Memory(device, key, path, value) || Platform(device, key, value) || Sensors(device, key, value)) return true;
        return LastOf(path) is { } last && (Identity(device, last, value) || Platform(device, last, value));
    }

    /// <summary>Does an object with this field describe a device?</summary>
    public static bool IsTelling(string path) =>
        NameRank(Said.Key(path)) >= 2 || (LastOf(path) is { } last && NameRank(last) >= 2) || IsMemory(Said.Key(path)) || Said.Key(path) is "gfxversion" or "computecap" or "cardmodel" or "pcibus" or "bdf";

    /// <summary>The last word of a path where it is telling by itself: <c>Info DeviceName</c>, not <c>vbios name</c>.</summary>
    private static string? LastOf(string path)
    {
        var at = path.LastIndexOf(' ');
        if (at < 0) return null;
        var last = Said.Key(path[(at + 1)..]);
        return last.Length >= 8 || last is "pci" or "bdf" ? last : null;
    }

    private static bool Identity(Device device, string key, string value)
    {
        var rank = NameRank(key);
        if (rank > 0)
        {
            if (Said.Word(value) is not { } name) return true;
            if (HexNumber().IsMatch(name))
            {
                // Older tools print the subsystem here: only a number that is known is a device's.
                var model = $"1002:{name[^4..].ToLowerInvariant()}";
                if (key == "cardmodel" && device.Vendor == "amd" && DeviceTable.OfNumber(model) is not null) device.PciId ??= model;
                return true;
            }

            if (rank <= device.NameRank) return true;
            (device.Name, device.NameRank) = (name, rank);
            return true;
        }

        switch (key)
        {
            case "deviceid" or "asicdeviceid" or "pcideviceid" or "pcidid" or "pcipcideviceid" or "pcideviceidhex" or "pcidevice" or "did" or "chipid":
                return DeviceNumber(device, value);
            case "index" or "gpu" or "gpuindex" or "npuid" or "gpuid" or "dcuid" when Said.Whole(value) is { } index:
                device.Index ??= index.ToString(System.Globalization.CultureInfo.InvariantCulture);
                return true;
            case "gpuid" or "dcuid":
                // What older tools call so is the number of the kind of device.
                return DeviceNumber(device, value);
            case "gfxversion" or "asictargetgraphicsversion" or "targetgraphicsversion" or "computecap" or "computecapability" or "cudacomputecapability" or "gfxtargetversion" or "gfxarch":
                if (Said.Word(value) is { } compute && Target().Match(compute) is { Success: true } target) device.Compute ??= target.Value.ToLowerInvariant();
                return true;
        }

        return false;
    }

    private static bool Memory(Device device, string key, string path, string value)
    {
        if (key.Contains("gtt", StringComparison.Ordinal))
        {
            if (!key.Contains("used", StringComparison.Ordinal) && !key.EndsWith("usage", StringComparison.Ordinal) && (key.Contains("total", StringComparison.Ordinal) || key.EndsWith("gttsize", StringComparison.Ordinal))) device.Gtt ??= Said.Positive(value, path);
            return true;
        }

        // "0.3/192.0 GB": the whole is behind the stroke.
        if (IsMemoryUsage(key) && UsedOfAll().Match(value) is { Success: true } all) (key, value) = ("memorytotal", all.Groups[1].Value);
        if (!IsMemory(key)) return false;
        if (Said.Positive(value, path) is { } size) device.Memory ??= size;
        else device.MemoryUnsaid = true;
        return true;
    }

    private static bool Platform(Device device, string key, string value)
    {
        switch (key)
        {
            case "driverversion" or "kmdversion" or "kernelmodedriverversion" or "driver" or "driverdriverversion" or "systemdriverversion" or "gpudriverversion" or "kerneldriverversion":
                device.DriverVersion ??= Said.Word(value);
                return true;
            case "drivername" or "kerneldriver":
                device.DriverModule ??= Said.Word(value);
                return true;
            case "cudaversion":
                if (Said.Word(value) is { } cuda) device.Runtime ??= $"CUDA {cuda}";
                return true;
            case "macaversion":
                if (Said.Word(value) is { } maca) device.Runtime ??= $"MACA {maca}";
                return true;
            case "musaversion" or "musaruntimeversion":
                if (Said.Word(value) is { } musa) device.Runtime ??= $"MUSA {musa}";
                return true;
            case "rocmversion":
                if (Said.Word(value) is { } rocm) device.Runtime ??= $"ROCm {rocm}";
                return true;
            case "productarchitecture" or "architecture" or "gpuarchitecture":
                if (Said.Word(value) is { } architecture) device.Architecture ??= architecture == "Ada Lovelace" ? "Ada" : architecture;
                return true;
            case "vbiosversion" or "biosversion" or "firmwareversion" or "vbios" or "ifwiversion":
                device.Firmware ??= Said.Word(value);
                return true;
            case "addressingmode":
                if (Said.Word(value) is "ATS") device.Notes.Add("addresses memory through the CPU's page tables (ATS)");
                return true;
        }

        if ((key.Contains("bdf", StringComparison.Ordinal) || key.Contains("busid", StringComparison.Ordinal) || key.Contains("pcibus", StringComparison.Ordinal)
            || key is "bus" or "pciaddress" or "pcieaddress" or "pci" or "pcie" or "location" or "buslocation") && Said.Bus(value) is { } bus)
        {
            device.Bus ??= bus;
            return true;
        }

        return false;
    }

    private static bool Sensors(Device device, string key, string value)
    {
        if (key.Contains("powerlimit", StringComparison.Ordinal) || key.Contains("maxpower", StringComparison.Ordinal) || key is "pwrcap" or "powercap" or "maxgraphicspackagepowerw" or "tdp" or "limitmaxpower")
        {
            if (!key.Contains("minpower", StringComparison.Ordinal) && Said.Number(value) is { } watts and > 0) device.PowerLimitW ??= watts;
            return true;
        }

        if (key.Contains("link", StringComparison.Ordinal) || key.Contains("pcie", StringComparison.Ordinal))
        {
            var max = key.Contains("max", StringComparison.Ordinal);
            if (key.Contains("width", StringComparison.Ordinal))
            {
                if (max) device.LinkMaxWidth ??= Said.Count(value);
                else device.LinkWidth ??= Said.Count(value);
                return true;
            }

            if (key.Contains("gen", StringComparison.Ordinal) && !max && !key.Contains("host", StringComparison.Ordinal)) device.LinkGeneration ??= Said.Count(value);
            return key.Contains("gen", StringComparison.Ordinal);
        }

        if (!key.Contains("temp", StringComparison.Ordinal) || key.Contains("memory", StringComparison.Ordinal) || Limits().IsMatch(key)) return false;
        device.TemperatureC ??= Said.Number(value) is { } degrees and > -50 and < 200 ? degrees : null;
        return true;
    }

    private static bool DeviceNumber(Device device, string value)
    {
        var match = LongNumber().Match(value.Trim());
        if (!match.Success) return true;
        var number = match.Groups[1].Value.ToLowerInvariant();
        var vendor = match.Groups[2].Success ? match.Groups[2].Value.ToLowerInvariant() : VendorNumber(device.Vendor);
        if (DeviceTable.VendorOf(vendor) is not null) device.PciId ??= $"{vendor}:{number}";
        return true;
    }

    private static string? VendorNumber(string? vendor) => vendor switch { "nvidia" => "10de", "amd" => "1002", "intel" => "8086", "huawei" => "19e5", "mthreads" => "1ed5", "metax" => "9999", "hygon" => "1d94", _ => null };

    private static int NameRank(string key) => key switch
    {
        "cardseries" or "asicmarketname" or "marketname" or "productname" or "marketingname" or "gpuname" => 5,
        "devicename" or "productmodel" or "adaptername" or "brandname" or "deviceproductname" => 4,
        "boardproductname" or "gpumodel" or "chipname" or "npuname" or "sppcimodel" => 3,
        "cardmodel" => 2,
        "name" or "model" => 1,
        _ => 0,
    };

    private static bool IsMemory(string key)
    {
        if (key.EndsWith("usage", StringComparison.Ordinal) || NeverMemory.Any(w => key.Contains(w, StringComparison.Ordinal))) return false;
        var memory = key.Contains("mem", StringComparison.Ordinal) || key.Contains("vram", StringComparison.Ordinal) || key.Contains("hbm", StringComparison.Ordinal) || key.Contains("ddr", StringComparison.Ordinal);
        return memory && (key.Contains("total", StringComparison.Ordinal) || key.Contains("size", StringComparison.Ordinal) || key.Contains("capacity", StringComparison.Ordinal));
    }

    private static bool IsMemoryUsage(string key) => key.EndsWith("usage", StringComparison.Ordinal) && (key.Contains("mem", StringComparison.Ordinal) || key.Contains("vram", StringComparison.Ordinal));

    [GeneratedRegex(@"^\s{0,8}[\d.]{1,12}\s?(?:[KMGT]i?B)?\s{0,8}/\s{0,8}([\d.]{1,12}\s?[KMGT]i?B)\s*$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex UsedOfAll();

    [GeneratedRegex(@"^0x[0-9a-fA-F]{3,8}$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex HexNumber();

    [GeneratedRegex(@"^0x([0-9a-fA-F]{4})([0-9a-fA-F]{4})?$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex LongNumber();

    [GeneratedRegex(@"gfx[0-9a-f]{3,5}|\b\d{1,2}\.\d\b", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex Target();

    [GeneratedRegex(@"slow|shut|max|limit|target|crit|emerg|min|thresh", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Limits();
}

using System.Globalization;
using System.Text.RegularExpressions;
using Medulla.Core.Machines;

namespace Medulla.Probing.Parsers;

/// <summary><c>nvidia-smi</c> in all its forms, and the files of the driver.</summary>
internal static partial class Nvidia
{
    private const string Scope = "nvidia-smi";
    private const string Reload = "install the driver that fits this kernel ('nvidia-smi' must print a table), or load it with 'modprobe nvidia'";

    public static void Smi(Reading reading, Facts facts)
    {
        var text = reading.Text;
        Complaints(text, facts);
        var begin = text.TrimStart();
        if (begin.StartsWith('<')) Xml(reading, facts);
        else if (begin.StartsWith('{') || begin.StartsWith("[{", StringComparison.Ordinal)) JsonDevices.Parse(reading, facts, Scope, "nvidia");
        else if (List(text, facts) || Banner.Parse(text, facts, Scope, "nvidia"))
        {
            // Read.
        }
        else if (Query().IsMatch(text)) TextDevices.Blocks(text, facts, Scope, "nvidia");
        else Csv(reading, facts);
        if (Divided().IsMatch(text)) Mig(facts);
        foreach (var device in facts.Devices)
        {
            device.Interfaces.Add("cuda");
            if (device.Name is { } name && name.StartsWith("Orin", StringComparison.Ordinal)) device.Vendor = "nvidia";
        }

        if (facts.Devices.Count > 0 && facts.Drivers.Count == 0) facts.Drivers.Add(new DriverSign("nvidia", DriverState.Ok));
    }

    /// <summary><c>/proc/driver/nvidia/version</c>.</summary>
    public static void ModuleVersion(Reading reading, Facts facts)
    {
        if (KernelModule().Match(reading.Text) is not { Success: true } match) return;
        facts.KernelDriver = match.Groups[1].Value;
        facts.DriverVersions["nvidia"] = match.Groups[1].Value;
    }

    /// <summary><c>/proc/driver/nvidia/gpus/…/information</c>.</summary>
    public static void ModuleDevice(Reading reading, Facts facts)
    {
        var device = new Device { Scope = "nvidia-proc", Vendor = "nvidia", DriverModule = "nvidia" };
        foreach (var line in Said.Lines(reading.Text))
        {
            if (Said.Pair(line) is not var (key, value)) continue;
            if (key == "Model" && Said.Word(value) is { } name) (device.Name, device.NameRank) = (name, 3);
            else if (key == "Bus Location") device.Bus = Said.Bus(value);
            else if (key == "Video BIOS" && !value.Contains('?')) device.Firmware = Said.Word(value);
        }

        device.Index = device.Bus;
        if (device.Name is not null || device.Bus is not null) facts.Devices.Add(device);
    }

    /// <summary>What the tool and the kernel say instead of facts.</summary>
    public static void Complaints(string text, Facts facts)
    {
        if (text.Contains("Driver/library version mismatch", StringComparison.OrdinalIgnoreCase) || text.Contains("API mismatch", StringComparison.Ordinal))
        {
            if (LibraryVersion().Match(text) is { Success: true } library) facts.UserLibrary ??= library.Groups[1].Value.TrimEnd('.');
            if (MismatchModule().Match(text) is { Success: true } module) facts.KernelDriver ??= module.Groups[1].Value.TrimEnd('.', ',');
            facts.Drivers.Add(new DriverSign("nvidia", DriverState.Mismatch, "kernel module and user library are of different versions", "reboot, so that the kernel loads the installed version, or reinstall the library that matches the loaded module"));
        }
        else if (text.Contains("couldn't communicate with the NVIDIA driver", StringComparison.OrdinalIgnoreCase) || text.Contains("Driver Not Loaded", StringComparison.OrdinalIgnoreCase))
        {
            facts.Drivers.Add(new DriverSign("nvidia", DriverState.Missing, "the tools are installed and the kernel module is not loaded", Reload + "; after a kernel update, rebuild it (DKMS) or reboot; with Secure Boot, enrol its key"));
        }
        else if (text.Contains("No devices were found", StringComparison.OrdinalIgnoreCase) || text.Contains("No devices found", StringComparison.OrdinalIgnoreCase))
        {
            facts.Drivers.Add(new DriverSign("nvidia", DriverState.Broken, "the driver is loaded and finds no device", "look for NVRM lines in 'dmesg': a card without power, a module too old or too new for it, or a device kept for a virtual machine"));
        }
        else if (text.Contains("Insufficient Permissions", StringComparison.OrdinalIgnoreCase) && text.Contains("NVML", StringComparison.Ordinal))
        {
            facts.Drivers.Add(new DriverSign("nvidia", DriverState.Broken, "this user may not open the devices of the driver", "give the user access to /dev/nvidiactl and /dev/nvidia* (module parameter NVreg_DeviceFileMode, or a group)"));
        }
        else if (text.Contains("GPU access blocked by the operating system", StringComparison.OrdinalIgnoreCase))
        {
            facts.Drivers.Add(new DriverSign("nvidia", DriverState.Broken, "the operating system keeps the GPU from this program", "inside Windows' subsystem, run 'wsl --update' and update the driver in Windows; remove NVIDIA packages of Linux there"));
        }
        else if (text.Contains("Failed to initialize NVML", StringComparison.OrdinalIgnoreCase) || text.Contains("couldn't find libnvidia-ml", StringComparison.OrdinalIgnoreCase))
        {
            var library = text.Contains("find libnvidia-ml", StringComparison.OrdinalIgnoreCase);
            facts.Drivers.Add(new DriverSign("nvidia", DriverState.Broken, library ? "the library libnvidia-ml is missing" : "the management library does not start", "in a container, start it again with the GPU ('--gpus all', and no systemd reload since); else reinstall the driver"));
        }
        else if (text.Contains("Unable to determine the device handle", StringComparison.OrdinalIgnoreCase) || text.Contains("GPU is lost", StringComparison.OrdinalIgnoreCase) || text.Contains("fallen off the bus", StringComparison.OrdinalIgnoreCase))
        {
            facts.Drivers.Add(new DriverSign("nvidia", DriverState.Broken, "a GPU has fallen off the bus", "power the machine off and on; check power cables, riser and cooling if it happens again"));
        }
    }

    private static void Mig(Facts facts)
    {
        if (!facts.Findings.Exists(f => f.Code == "mig")) facts.Find("mig", "accelerators", "a GPU is divided into MIG instances: an engine sees one instance, not the whole memory", "choose an instance with CUDA_VISIBLE_DEVICES");
    }

    private static bool List(string text, Facts facts)
    {
        var found = false;
        foreach (var line in Said.Lines(text))
        {
            if (Listed().Match(line) is not { Success: true } match) continue;
            found = true;
            var device = TextDevices.Of(facts, Scope, "nvidia", match.Groups[1].Value);
            if (Said.Word(match.Groups[2].Value) is { } name) (device.Name, device.NameRank) = (name, 5);
        }

        return found;
    }

    private static void Xml(Reading reading, Facts facts)
    {
        if (Said.Xml(reading.Text) is not { } root)
        {
            facts.Find("unreadable", reading.Origin, "it holds no whole XML document", "capture it again");
            return;
        }

        var number = 0;
        foreach (var gpu in root.Descendants("gpu").Where(g => g.Element("product_name") is not null).Take(64))
        {
            var device = TextDevices.Of(facts, Scope, "nvidia", (number++).ToString(CultureInfo.InvariantCulture));
            device.Bus ??= Said.Bus(gpu.Attribute("id")?.Value);
            foreach (var leaf in gpu.Descendants().Where(e => !e.HasElements).Take(2000))
            {
                var path = string.Join(' ', leaf.AncestorsAndSelf().TakeWhile(e => e != gpu).Reverse().Select(e => e.Name.LocalName));
                if (path.Contains("mig_device", StringComparison.Ordinal) || path.Contains("process", StringComparison.Ordinal)) continue;
                if (leaf.Name.LocalName == "pci_device_id") Fields.Apply(device, "pci device id", "0x" + leaf.Value.Trim());
                else if (!Fields.Apply(device, path, leaf.Value) && leaf.Parent?.Name.LocalName.Contains("power", StringComparison.Ordinal) == true) Fields.Apply(device, leaf.Name.LocalName, leaf.Value);
            }

            Fields.Apply(device, "driver version", root.Element("driver_version")?.Value ?? "");
            Fields.Apply(device, "cuda version", root.Element("cuda_version")?.Value ?? "");
        }
    }

    /// <summary><c>--query-gpu</c>: with a header it is read by names; without one by the file's name, else by what the cells look like.</summary>
    private static void Csv(Reading reading, Facts facts)
    {
        var lines = Said.Lines(reading.Text).Select(l => l.Trim()).Where(l => l.Length > 0).Take(300).ToList();
        var start = lines.FindIndex(l => IsHeader(Said.Cells(l)));
        if (start < 0 && lines.Count > 0 && lines.Any(l => l.Contains(',')) && facts.Drivers.Count == 0)
        {
            var rows = lines.Where(l => l.Contains(',')).Select(Said.Cells).ToList();
            Rows(reading, facts, rows, r => HeaderOf(reading.Name, r));
            return;
        }

        if (start < 0)
        {
            // One column without a header is a list of names.
            foreach (var (line, i) in lines.Where(l => DeviceTable.VendorIn(l) == "nvidia" && facts.Drivers.Count == 0 && l.Length < 80 && !Sentence().IsMatch(l)).Select((l, i) => (l, i)))
            {
                var device = TextDevices.Of(facts, Scope, "nvidia", i.ToString(CultureInfo.InvariantCulture));
                (device.Name, device.NameRank) = (line, 5);
            }

            if (facts.Devices.Count == 0 && facts.Drivers.Count == 0 && lines.Count > 0 && !reading.Text.Contains("not a valid field", StringComparison.OrdinalIgnoreCase)
                && !lines[0].Contains("GPU0", StringComparison.Ordinal) && !Missing.IsComplaint(reading))
            {
                facts.Find("unreadable", reading.Origin, $"its output is in no known form: \"{Shorten(lines[0])}\"", "capture it again, or report the capture");
            }

            return;
        }

        var header = Said.Cells(lines[start]);
        if (header.Exists(h => Said.Key(h).StartsWith("pid", StringComparison.Ordinal) || h.Contains("process", StringComparison.OrdinalIgnoreCase))) return;
        Rows(reading, facts, [.. lines.Skip(start + 1).Select(Said.Cells)], _ => header);
    }

    private static void Rows(Reading reading, Facts facts, List<List<string>> rows, Func<List<string>, List<string>> headerOf)
    {
        var number = 0;
        foreach (var row in rows)
        {
            var header = headerOf(row);
            var place = (number++).ToString(CultureInfo.InvariantCulture);
            if (row.Count != header.Count || row.Count == 1 && Sentence().IsMatch(row[0]))
            {
                facts.Find("malformed-row", reading.Origin, $"a row has {row.Count} of {header.Count} columns and is not used: \"{Shorten(string.Join(", ", row))}\"", "run nvidia-smi again: the output was cut");
                continue;
            }

            var at = header.FindIndex(h => Said.Key(h) is "index");
            var device = TextDevices.Of(facts, Scope, "nvidia", at >= 0 && Said.Whole(row[at]) is { } index ? index.ToString(CultureInfo.InvariantCulture) : place);
            for (var i = 0; i < row.Count; i++)
            {
                var key = UnitInHeader().Replace(header[i], "").Trim();
                if (key is "name" or "gpu_name") key = "product name";
                if (key is "driver_model.current" && Said.Word(row[i]) is { } model) facts.DriverModel ??= model;
                if (key is "mig.mode.current" && row[i].Equals("Enabled", StringComparison.OrdinalIgnoreCase)) Mig(facts);
                if (key is "pci.bus_id" or "gpu_bus_id" or "pci.bus") key = "pci bus id";
                if (key is "power.max_limit" or "power.min_limit" or "power.default_limit" or "power.draw") continue;
                Fields.Apply(device, UnitInHeader().IsMatch(header[i]) && key.StartsWith("memory", StringComparison.Ordinal) ? key + " " + UnitInHeader().Match(header[i]).Value : key, row[i]);
            }

            if (device is { Name: null, Memory: null, Bus: null, PciId: null }) facts.Devices.Remove(device);
        }
    }

    private static bool IsHeader(List<string> cells) =>
        cells.All(c => HeaderCell().IsMatch(c)) && cells.Exists(c => UnitInHeader().Replace(c, "").Trim() is "name" or "gpu_name" or "memory.total" or "driver_version" or "uuid" or "index" or "pci.bus_id" or "gpu_bus_id" or "pid" or "compute_cap" or "power.limit" or "timestamp" or "count");

    /// <summary>The columns of a row without a header.</summary>
    private static List<string> HeaderOf(string name, List<string> row)
    {
        var hints = name.Split('-', '_').SkipWhile(w => w is "nvidia" or "smi" or "query").Select(Hint).OfType<string>().ToList();
        if (hints.Count == row.Count && hints.Count > 1) return hints;
        var header = new List<string>();
        var numbers = 0;
        foreach (var cell in row)
        {
            var word = Said.Word(cell);
            var kind = cell switch
            {
                _ when word is null => "?",
                _ when Uuid().IsMatch(cell) => "uuid",
                _ when Said.Bus(cell) is not null => "pci.bus_id",
                _ when DriverNumber().IsMatch(cell) && !header.Contains("driver_version", StringComparer.Ordinal) => "driver_version",
                _ when ComputeNumber().IsMatch(cell) && header.Contains("driver_version", StringComparer.Ordinal) && !header.Contains("compute_cap", StringComparer.Ordinal) => "compute_cap",
                _ when MemoryCell().IsMatch(cell) && !header.Contains("memory.total", StringComparer.Ordinal) => "memory.total",
                _ when char.IsAsciiLetter(cell.FirstOrDefault()) && !header.Contains("name", StringComparer.Ordinal) && cell.Length > 3 => "name",
                _ when header.Count == 0 && Said.Whole(cell) is >= 0 and < 64 && row.Count > 2 => "index",
                _ when header.Count == 0 && row.Count == 2 && Said.Whole(cell) is not null => "memory.total",
                _ => "?",
            };

            // name, memory, driver, compute, power, limit, temperature: what most scripts ask for, in their order.
            if (kind == "?" && Said.Number(cell) is not null && header.Contains("compute_cap", StringComparer.Ordinal)) kind = numbers++ switch { 1 => "power.limit", 2 => "temperature.gpu", _ => "?" };
            header.Add(kind);
        }

        if (!header.Contains("memory.total", StringComparer.Ordinal) && header.Count > 1 && header.IndexOf("name") is >= 0 and var at)
        {
            var beside = at + 1 < row.Count && header[at + 1] == "?" ? at + 1 : at > 0 && header[at - 1] == "?" ? at - 1 : -1;
            if (beside >= 0) header[beside] = "memory.total";
        }

        return header;
    }

    private static string? Hint(string word) => word.ToLowerInvariant() switch
    {
        "index" or "idx" => "index",
        "name" => "name",
        "memory" or "mem" or "vram" => "memory.total",
        "driver" => "driver_version",
        "compute" or "cap" => "compute_cap",
        "addressing" => "addressing_mode",
        "uuid" => "uuid",
        "bus" => "pci.bus_id",
        "power" => "power.limit",
        "temperature" or "temp" => "temperature.gpu",
        _ => null,
    };

    private static string Shorten(string text) => text.Length > 80 ? text[..80] + "…" : text;

    [GeneratedRegex(@"^\s{0,4}GPU (\d{1,3}):\s{0,4}(.{1,80}?)\s{0,4}(?:\(UUID:.{0,80}\))?\s*$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Listed();

    [GeneratedRegex(@"^\s{0,4}GPU [0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:|Attached GPUs|Product Name\s{0,60}:", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex Query();

    /// <summary>The ways of the table, the list, <c>-q</c> and its XML to say that there are instances.</summary>
    [GeneratedRegex(@"MIG devices:|<current_mig>\s{0,4}Enabled|MIG Mode\s{0,40}\n\s{0,20}Current\s{0,60}:\s{0,4}Enabled|^\s{1,8}MIG \S{2,20}\s{1,20}Device\s{1,8}\d", RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex Divided();

    [GeneratedRegex(@"Kernel Module(?: for \S{1,20})?\s{1,8}(\d{2,4}\.\d[\d.]{0,12})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex KernelModule();

    [GeneratedRegex(@"(?:NVML library version|client has the version):?\s{1,4}(\d[\d.]{2,16})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex LibraryVersion();

    [GeneratedRegex(@"kernel module has the version:?\s{1,4}(\d[\d.]{2,16})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex MismatchModule();

    [GeneratedRegex(@"\s{0,2}\[[A-Za-z/%]{1,6}\]$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex UnitInHeader();

    [GeneratedRegex(@"^[a-z][a-z0-9_.]{1,60}(?: \[[A-Za-z/%]{1,6}\])?$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex HeaderCell();

    [GeneratedRegex(@"^(?:GPU|MIG)-[0-9a-fA-Fx-]{4,60}", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Uuid();

    [GeneratedRegex(@"^\d{3}\.\d{2,3}(?:\.\d{2})?$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex DriverNumber();

    [GeneratedRegex(@"^\d{1,2}\.\d$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex ComputeNumber();

    [GeneratedRegex(@"^\d{1,9} ?Mi?B$|^\d{4,6}$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex MemoryCell();

    [GeneratedRegex(@"\b(?:has|failed|make sure|not|the|found|error|version)\b", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex Sentence();
}

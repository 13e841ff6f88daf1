using System.Globalization;
using System.Text.RegularExpressions;

namespace Medulla.Probing.Parsers;

/// <summary>
/// Devices in the text of a vendor's tool, in the forms that most share: <c>GPU[0] : key : value</c>, blocks of
/// <c>key : value</c> under a heading with the device's number, and tables with a header row.
/// </summary>
internal static partial class TextDevices
{
    private const int MaxDevices = 256;

    /// <summary>Headings below which a device's parts and guests are, whose memory is not its own.</summary>
    private static readonly string[] Parts = ["MIG Device", "Processes"];

    /// <summary>The forms that most tools have copied: the boxed table, the list, comma-separated values with a header, blocks. True when there was a device.</summary>
    public static bool Any(string text, Facts facts, string scope, string vendor) =>
        Banner.Parse(text, facts, scope, vendor) || List(text, facts, scope, vendor) || Csv(text, facts, scope, vendor) || Blocks(text, facts, scope, vendor);

    /// <summary><c>XPU 0: name (UUID: …)</c>.</summary>
    private static bool List(string text, Facts facts, string scope, string vendor)
    {
        var found = false;
        foreach (var line in Said.Lines(text))
        {
            if (Listed().Match(line) is not { Success: true } match) continue;
            found = true;
            var device = Of(facts, scope, vendor, match.Groups[1].Value);
            (device.Name, device.NameRank) = (match.Groups[2].Value, 4);
        }

        return found;
    }

    /// <summary>Lines that carry their device: <c>GPU[0] : Card Series : …</c>. True when there was one.</summary>
    public static bool Tagged(string text, Facts facts, string scope, string vendor)
    {
        var found = false;
        foreach (var line in Said.Lines(text))
        {
            var match = Tag().Match(line);
            if (!match.Success) continue;
            found = true;
            if (Said.Pair(match.Groups[2].Value.Trim()) is not var (key, value) || key.Length == 0) continue;
            var device = Of(facts, scope, vendor, match.Groups[1].Value);
            Fields.Apply(device, key, value);
            if (value.Trim() == "N/A" && key.Contains("Series", StringComparison.Ordinal)) device.Notes.Add("the tool gives no name");
        }

        return found;
    }

    /// <summary>
    /// Blocks: a heading names a device (<c>GPU 00000000:01:00.0</c>, <c>GPU: 0</c>, <c>NPU ID : 3</c>), indented lines are its fields,
    /// and a line without a value is the beginning of their path. True when there was a device.
    /// </summary>
    public static bool Blocks(string text, Facts facts, string scope, string vendor)
    {
        Device? device = null;
        var shared = new List<(string Key, string Value)>();
        var path = new Stack<(int Indent, string Name)>();
        var count = facts.Devices.Count;
        foreach (var raw in Said.Lines(text))
        {
            var line = raw.TrimEnd().TrimEnd('|').TrimEnd();
            if (line.Length is 0 or > 2000) continue;
            if (Heading().Match(line) is { Success: true } heading)
            {
                var what = heading.Groups[1].Value.Trim();
                device = Of(facts, scope, vendor, Said.Bus(what) is { } address ? address : what.Split(' ', 2)[0]);
                device.Bus ??= Said.Bus(what);
                path.Clear();
                continue;
            }

            var indent = line.Length - line.TrimStart().Length;
            while (path.Count > 0 && path.Peek().Indent >= indent) path.Pop();
            var pair = Said.Pair(line);
            if (pair is not var (key, value) || value.Length == 0)
            {
                if (device is not null) path.Push((indent, line.Trim().TrimEnd(':').Trim()));
                continue;
            }

            if (path.Any(p => Parts.Contains(p.Name, StringComparer.Ordinal))) continue;
            var whole = string.Join(' ', path.Reverse().Select(p => p.Name).Append(key));
            if (device is null) shared.Add((key, value));
            else if (!Fields.Apply(device, whole, value) && path.Count > 0 && !whole.Contains("emory", StringComparison.OrdinalIgnoreCase)) Fields.Apply(device, key, value);
        }

        // A tool that was asked for one device prints its fields without a heading.
        if (device is null && shared.Any(s => Fields.IsTelling(s.Key))) device = Of(facts, scope, vendor, "0");
        foreach (var (key, value) in shared)
        {
            foreach (var each in facts.Devices.Where(d => d.Scope == scope)) Fields.Apply(each, key, value);
        }

        return facts.Devices.Count > count || device is not null;
    }

    /// <summary>Comma-separated values below a header whose names tell of devices, in any order. True when there was a device.</summary>
    public static bool Csv(string text, Facts facts, string scope, string vendor)
    {
        List<string>? header = null;
        var (found, number) = (false, 0);
        foreach (var line in Said.Lines(text))
        {
            if (line.Length is 0 or > 4000 || !line.Contains(',')) continue;
            var cells = Said.Cells(line);
            if (header is null)
            {
                if (cells.Exists(c => Fields.IsTelling(UnitInHeader().Replace(c, "")))) header = cells;
                continue;
            }

            if (cells.Count != header.Count)
            {
                facts.Find("malformed-row", scope, $"a row has {cells.Count} of {header.Count} columns and is not used", $"run {scope} again: the output was cut");
                continue;
            }

            found = true;
            var place = header.FindIndex(h => Said.Key(h) is "index" or "gpu" or "device" or "deviceid" or "gpuid" or "npuid");
            var index = place >= 0 && CardNumber().Match(cells[place]) is { Success: true } card ? card.Groups[1].Value : number.ToString(CultureInfo.InvariantCulture);
            number++;
            var device = Of(facts, scope, vendor, index);
            for (var i = 0; i < cells.Count; i++)
            {
                if (i != place) Fields.Apply(device, header[i], cells[i]);
            }
        }

        return found;
    }

    /// <summary>A table whose header begins with <c>Device</c>, <c>DCU</c>, <c>GPU</c>, …: columns are told apart by two blanks. True when there was one.</summary>
    public static bool Columns(string text, Facts facts, string scope, string vendor)
    {
        string[]? header = null;
        var found = false;
        foreach (var raw in Said.Lines(text))
        {
            var line = raw.Trim();
            if (line.Length is 0 or > 2000 || line.StartsWith('=')) continue;
            var cells = Gap().Split(line);
            if (cells.Length >= 2 && TableHead().IsMatch(cells[0]))
            {
                header = cells;
                continue;
            }

            if (header is null || cells.Length < 2 || !int.TryParse(cells[0], NumberStyles.None, CultureInfo.InvariantCulture, out var index)) continue;
            found = true;
            var device = Of(facts, scope, vendor, index.ToString(CultureInfo.InvariantCulture));
            if (ShortNumber().Match(line) is { Success: true } number && vendor == "amd") device.PciId ??= $"1002:{number.Groups[1].Value.ToLowerInvariant()}";
            if (cells.Length != header.Length) continue;
            for (var i = 1; i < cells.Length; i++) Fields.Apply(device, header[i], cells[i]);
        }

        return found;
    }

    public static Device Of(Facts facts, string scope, string vendor, string index)
    {
        var device = facts.Devices.FirstOrDefault(d => d.Scope == scope && d.Index == index);
        if (device is not null) return device;
        device = new Device { Scope = scope, Vendor = vendor, Index = index };
        if (facts.Devices.Count < MaxDevices) facts.Devices.Add(device);
        return device;
    }

    [GeneratedRegex(@"^\s{0,8}(?:GPU|DCU|HCU|XPU|card)\s?\[?#?(\d{1,4})\]?\s{0,40}:\s*(.{1,400})$", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex Tag();

    [GeneratedRegex(@"^\s{0,3}(?:GPU|XPU|NPU ID|DCU|HCU|Device|Card)\s{0,40}(?::\s{0,20}|#|\s|(?=\d))\s{0,4}(\d{1,4}(?:\s{1,20}\S{1,40}){0,3}|[0-9A-Fa-f]{4,8}:[0-9A-Fa-f:.]{7,20})\s*$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^\s{0,4}(?:GPU|XPU|PPU|MLU) (\d{1,3}):\s{0,4}(\S.{0,80}?)\s{0,4}\(UUID:", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Listed();

    [GeneratedRegex(@"\s{0,2}[\[(][A-Za-z/%]{1,6}[\])]$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex UnitInHeader();

    [GeneratedRegex(@"^(?:card|gpu|device|dcu|hcu)?\s?(\d{1,4})$", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex CardNumber();

    [GeneratedRegex(@"\s{2,}|\t", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Gap();

    [GeneratedRegex(@"^(?:Device|GPU|DCU|HCU|GPU ID|Card)$", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex TableHead();

    [GeneratedRegex(@"\s0x([0-9a-fA-F]{4}),", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex ShortNumber();
}

using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Medulla.Probing;

/// <summary>Reads words, numbers and sizes as tools print them. Null where a tool says that it does not know.</summary>
internal static partial class Said
{
    /// <summary>Foreign text meets no expression for longer.</summary>
    public const int RegexLimitMs = 2000;

    private static readonly HashSet<string> Nothing = new(StringComparer.OrdinalIgnoreCase)
    {
        "", "n/a", "na", "-", "--", "none", "null", "nil", "unknown", "unknown error", "not supported", "not specified", "err!", "error", "not available", "not provided",
        "insufficient permissions", "gpu requires reset", "to be filled by o.e.m.", "default string", "system product name", "system manufacturer", "o.e.m.", "not applicable", "unsupported", "no permission",
        "deprecated", "requested functionality has been deprecated", "redacted",
    };

    /// <summary>The word itself; null for the many ways of saying nothing.</summary>
    public static string? Word(string? text)
    {
        if (text is null) return null;
        var word = text.Trim().Trim('"', '\'').Trim();
        var bare = word.TrimStart('[', '<').TrimEnd(']', '>').Trim();
        return Nothing.Contains(bare) ? null : word;
    }

    /// <summary>The first number in a text; null when there is none.</summary>
    public static double? Number(string? text)
    {
        if (Word(text) is not { } word) return null;
        var match = FirstNumber().Match(word);
        return match.Success && double.TryParse(match.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
    }

    public static int? Count(string? text) => Number(text) is { } number and >= 0 and <= 1_000_000 ? (int)number : null;

    public static long? Whole(string? text) => long.TryParse(Word(text), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>A size in bytes. GPU tools count in powers of two whatever they write: MB and MiB are the same here.</summary>
    /// <param name="key">The name of the field, which may hold the unit: <c>memory.total [MiB]</c>, <c>VRAM Total Memory (B)</c>.</param>
    public static long? Size(string? text, string key = "")
    {
        if (Word(text) is not { } word || Number(word) is not { } number || number < 0) return null;
        var match = SizeUnit().Match(word);
        var unit = match.Success ? match.Groups[1].Value : KeyUnit().Match(key) is { Success: true } named ? named.Groups[1].Value : "";
        double scale = unit.ToUpperInvariant() switch
        {
            "B" or "BYTE" or "BYTES" => 1,
            "K" or "KB" or "KIB" => 1L << 10,
            "M" or "MB" or "MIB" => 1L << 20,
            "G" or "GB" or "GIB" or "GI" => 1L << 30,
            "MI" => 1L << 20,
            "KI" => 1L << 10,
            "T" or "TB" or "TIB" or "TI" => 1L << 40,

            // Without a unit, nobody has that many mebibytes, and no device so few bytes.
            _ => number >= 1L << 26 ? 1 : 1L << 20,
        };
        var bytes = number * scale;
        return bytes < 1L << 60 ? (long)bytes : null;
    }

    /// <summary>A size that is more than nothing.</summary>
    public static long? Positive(string? text, string key = "") => Size(text, key) is { } size and > 0 ? size : null;

    /// <summary>A PCI address as <c>0000:01:00.0</c>; null when there is none in the text.</summary>
    public static string? Bus(string? text)
    {
        if (text is null) return null;
        var match = Address().Match(text);
        if (!match.Success) return null;
        var domain = match.Groups[1].Success ? match.Groups[1].Value.TrimStart('0').PadLeft(4, '0') : "0000";
        return $"{domain}:{match.Groups[2].Value}:{match.Groups[3].Value}.{match.Groups[4].Value}".ToLowerInvariant();
    }

    /// <summary>Letters and digits of a field's name, lower case: what different versions of a tool agree on.</summary>
    public static string Key(string text) => string.Concat(text.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();

    /// <summary>The root of an XML document, without what lies outside it; null when it is not whole.</summary>
    public static XElement? Xml(string text)
    {
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null, MaxCharactersInDocument = Reading.MaxText };
        try
        {
            using var reader = XmlReader.Create(new StringReader(text.TrimStart()), settings);
            return XElement.Load(reader);
        }
        catch (XmlException)
        {
            return null;
        }
    }

    public static string[] Lines(string text) => text.Split('\n');

    /// <summary>Splits a line of CSV; quotes hold commas.</summary>
    public static List<string> Cells(string line)
    {
        var cells = new List<string>();
        var (cell, quoted) = (new System.Text.StringBuilder(), false);
        foreach (var c in line)
        {
            if (c == '"') quoted = !quoted;
            else if (c == ',' && !quoted)
            {
                cells.Add(cell.ToString().Trim());
                cell.Clear();
            }
            else cell.Append(c);
        }

        cells.Add(cell.ToString().Trim());
        return cells;
    }

    /// <summary>Key and value around the first colon or equals sign; null when there is none.</summary>
    public static (string Key, string Value)? Pair(string line, char by = ':')
    {
        var at = line.IndexOf(by, StringComparison.Ordinal);
        return at <= 0 ? null : (line[..at].Trim(), line[(at + 1)..].Trim());
    }

    [GeneratedRegex(@"-?\d{1,18}(?:\.\d{1,9})?", RegexOptions.None, RegexLimitMs)]
    private static partial Regex FirstNumber();

    [GeneratedRegex(@"\d\s*(bytes?|[kmgt]?i?b|[kmgt]i?)\s*(?:\)|\]|$|,|\s)", RegexOptions.IgnoreCase, RegexLimitMs)]
    private static partial Regex SizeUnit();

    [GeneratedRegex(@"(?:[\[(_. ]|(?<=[a-z]))(bytes?|[kmgt]i?b|b)[\])]?$", RegexOptions.IgnoreCase, RegexLimitMs)]
    private static partial Regex KeyUnit();

    [GeneratedRegex(@"(?<![0-9a-fA-F:.])(?:([0-9a-fA-F]{4,8})[:_])?([0-9a-fA-F]{2})[:_]([0-9a-fA-F]{2})\.([0-7])(?![0-9a-fA-F.])", RegexOptions.None, RegexLimitMs)]
    private static partial Regex Address();
}

using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Medulla.Probing.Parsers;

/// <summary>
/// Devices in the JSON of any vendor's tool: lists of objects, or objects named <c>card0</c>, <c>GPU 1</c>, <c>2</c>. What lies
/// beside them (a driver's version) is said of all.
/// </summary>
internal static partial class JsonDevices
{
    private const int MaxDevices = 256;

    private static readonly JsonDocumentOptions Tolerant = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = 64 };

    /// <summary>The first JSON value in a text: tools print warnings before it and rulers behind it. Null when there is none.</summary>
    public static JsonDocument? Read(string text)
    {
        var tries = 0;
        for (var at = text.AsSpan().IndexOfAny('{', '['); at >= 0 && tries < 8; tries++)
        {
            try
            {
                var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text[at..]), new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = Tolerant.MaxDepth });
                var document = JsonDocument.ParseValue(ref reader);
                if (document.RootElement.ValueKind == JsonValueKind.Object || document.RootElement.GetArrayLength() == 0 || document.RootElement[0].ValueKind is JsonValueKind.Object or JsonValueKind.Array) return document;
            }
            catch (JsonException)
            {
                // Not here: perhaps at the next line that could begin a value.
            }

            var next = NextValue().Match(text, at + 1);
            at = next.Success ? next.Groups[1].Index : -1;
        }

        return null;
    }

    public static void Parse(Reading reading, Facts facts, string scope, string vendor)
    {
        using var document = Read(reading.Text);
        if (document is null)
        {
            facts.Find("unreadable", reading.Origin, "it holds no whole JSON value", "capture it again");
            return;
        }

        var shared = new List<(string Path, string Value)>();
        Walk(document.RootElement, "", null, 0);
        foreach (var device in facts.Devices)
        {
            foreach (var (path, value) in shared) Fields.Apply(device, path, value);
        }

        void Walk(JsonElement element, string path, string? index, int depth)
        {
            if (depth > 8 || facts.Devices.Count >= MaxDevices) return;
            if (element.ValueKind == JsonValueKind.Array)
            {
                var i = 0;
                foreach (var item in element.EnumerateArray())
                {
                    if (item.ValueKind == JsonValueKind.Object) Walk(item, path, (i++).ToString(CultureInfo.InvariantCulture), depth + 1);
                }

                return;
            }

            if (element.ValueKind != JsonValueKind.Object) return;
            var fields = new List<(string Path, string Value)>();
            Flatten(element, "", fields, 0);
            if (!HoldsDevices(element) && fields.Any(f => Fields.IsTelling(f.Path)))
            {
                Add(fields, index);
                return;
            }

            foreach (var property in element.EnumerateObject())
            {
                if (property.Value.ValueKind == JsonValueKind.Array || property.Value.ValueKind == JsonValueKind.Object)
                {
                    var number = Numbered().Match(property.Name);
                    Walk(property.Value, property.Name, number.Success ? number.Groups[1].Value : null, depth + 1);
                }
                else
                {
                    shared.Add((property.Name, Text(property.Value)));
                }
            }
        }

        void Add(List<(string Path, string Value)> fields, string? index)
        {
            // "system": {"Driver version": …} is no device.
            if (!fields.Any(f => Fields.IsTelling(f.Path)))
            {
                shared.AddRange(fields);
                return;
            }

            var device = new Device { Scope = scope, Vendor = vendor };
            foreach (var (path, value) in fields)
            {
                if (Said.Key(path) == "deviceid" && Said.Whole(value) is { } number) device.Index ??= number.ToString(CultureInfo.InvariantCulture);
                else Fields.Apply(device, path, value);
            }

            device.Index ??= index ?? "0";
            facts.Devices.Add(device);
        }

        bool HoldsDevices(JsonElement element) => element.EnumerateObject().Any(p =>
            (p.Value.ValueKind == JsonValueKind.Object && Numbered().IsMatch(p.Name) && p.Value.EnumerateObject().Any())
            || (p.Value.ValueKind == JsonValueKind.Array && p.Value.GetArrayLength() > 0 && p.Value[0].ValueKind == JsonValueKind.Object && IsDevice(p.Value[0])));

        bool IsDevice(JsonElement element)
        {
            var fields = new List<(string Path, string Value)>();
            Flatten(element, "", fields, 0);
            return fields.Any(f => Fields.IsTelling(f.Path));
        }
    }

    /// <summary>All values below an object by their path; <c>{"value": 16, "unit": "GB"}</c> is one.</summary>
    public static void Flatten(JsonElement element, string path, List<(string Path, string Value)> fields, int depth)
    {
        if (depth > 6 || fields.Count > 4096) return;
        if (element.ValueKind != JsonValueKind.Object)
        {
            if (element.ValueKind != JsonValueKind.Array) fields.Add((path, Text(element)));
            return;
        }

        if (element.TryGetProperty("value", out var value) && value.ValueKind is JsonValueKind.Number or JsonValueKind.String)
        {
            var unit = element.TryGetProperty("unit", out var u) && u.ValueKind == JsonValueKind.String ? u.GetString() : "";
            fields.Add((path, $"{Text(value)} {unit}".Trim()));
            return;
        }

        foreach (var property in element.EnumerateObject()) Flatten(property.Value, path.Length == 0 ? property.Name : $"{path} {property.Name}", fields, depth + 1);
    }

    private static string Text(JsonElement element) => element.ValueKind == JsonValueKind.String ? element.GetString() ?? "" : element.GetRawText();

    [GeneratedRegex(@"^(?:card|gpu|device|npu|dcu|hcu|ppu)?[ _#\[-]{0,2}(\d{1,4})\]?$", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex Numbered();

    [GeneratedRegex(@"(?:^|\n)\s*([{\[])", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NextValue();
}

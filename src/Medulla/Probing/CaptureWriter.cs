using System.Text.Json;
using System.Text.RegularExpressions;

namespace Medulla.Probing;

/// <summary>
/// Writes readings as a capture that may be shown to anybody: serial numbers, UUIDs, addresses, names of hosts and users and
/// their folders are removed. A replay of it gives the same report.
/// </summary>
internal static partial class CaptureWriter
{
    /// <summary>Names that say nothing of a person or a machine, and words that are everywhere.</summary>
    private static readonly string[] Ordinary = ["root", "user", "users", "admin", "ubuntu", "debian", "localhost", "linux", "host", "nvidia", "intel", "apple", "memory", "gpu", "arm", "amd"];

    public static void Write(string folder, IReadOnlyList<Reading> readings, string program)
    {
        Directory.CreateDirectory(folder);
        var files = new List<CaptureFile>();
        var redact = new Redaction(Environment.MachineName, Environment.UserName);
        foreach (var reading in readings)
        {
            var text = redact.Of(reading.Text);
            var file = FileName(reading.Name) + Ending(reading, text);
            File.WriteAllText(Path.Combine(folder, file), text);
            files.Add(new CaptureFile(file, reading.Name, redact.Of(reading.Origin), reading.End, reading.Code));
        }

        File.WriteAllBytes(Path.Combine(folder, CaptureSource.Index), JsonSerializer.SerializeToUtf8Bytes(new CaptureIndex(1, program, files), CaptureJson.Default.CaptureIndex));
    }

    private static string FileName(string name) => Unusual().Replace(name, "_");

    private static string Ending(Reading reading, string text) => text.TrimStart() switch
    {
        ['{', ..] or ['[', '{', ..] or ['[', '\n', ..] => ".json",
        ['<', ..] => ".xml",
        _ when reading.Name.EndsWith("-query", StringComparison.Ordinal) => ".csv",
        _ => ".txt",
    };

    [GeneratedRegex(@"[^\w.-]", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Unusual();

    /// <summary>Takes out what tells a machine or a person from others.</summary>
    internal sealed partial class Redaction(string host, string user)
    {
        private readonly string[] _names = [.. new[] { host, host.Split('.')[0], user }.Where(n => n.Length >= 3 && !Ordinary.Contains(n, StringComparer.OrdinalIgnoreCase)).Distinct(StringComparer.Ordinal)];

        public string Of(string text)
        {
            text = Uuid().Replace(text, "00000000-0000-0000-0000-000000000000");
            text = Serial().Replace(text, m => m.Groups[1].Value + "REDACTED" + (m.Groups[2].Value.EndsWith('"') ? "\"" : ""));
            text = Mac().Replace(text, "00:00:00:00:00:00");
            text = Home().Replace(text, m => m.Groups[1].Value + "USER");
            text = Private().Replace(text, "0.0.0.0");
            text = LongHex().Replace(text, "0");
            foreach (var name in _names) text = Regex.Replace(text, $@"(?<![A-Za-z0-9]){Regex.Escape(name)}(?![A-Za-z0-9])", "REDACTED", RegexOptions.IgnoreCase, TimeSpan.FromSeconds(1));
            return text;
        }

        [GeneratedRegex(@"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b", RegexOptions.None, Said.RegexLimitMs)]
        private static partial Regex Uuid();

        [GeneratedRegex("((?:serial[ _]?(?:number|no\\.?)?|asset[ _]tag|unique[ _]?id|service[ _]tag|board_id|asic_serial|fru_id|provisioning_UDID|platform_UUID)[^:=\\n]{0,30}[:=][ \\t]{0,40}\"?)([^\\s\",}]{1,80}\"?)", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
        private static partial Regex Serial();

        [GeneratedRegex(@"(?<![0-9a-fA-F:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![0-9a-fA-F:])", RegexOptions.None, Said.RegexLimitMs)]
        private static partial Regex Mac();

        [GeneratedRegex(@"(/home/|/Users/|\\Users\\)(?!USER\b)[^/\\\s:""']{1,64}", RegexOptions.None, Said.RegexLimitMs)]
        private static partial Regex Home();

        [GeneratedRegex(@"(?<![\w.])(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)\.\d{1,3}\.\d{1,3}(?![\w.])(?<!ersion.{0,24})", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
        private static partial Regex Private();

        [GeneratedRegex(@"(?<![0-9a-fA-Fx.])[0-9a-fA-F]{32,128}(?![0-9a-fA-F])", RegexOptions.None, Said.RegexLimitMs)]
        private static partial Regex LongHex();
    }
}

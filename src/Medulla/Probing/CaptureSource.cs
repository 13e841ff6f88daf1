using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Medulla.Probing;

/// <summary>What <c>capture.json</c> says of the files beside it.</summary>
/// <param name="Files">Name of each with the exact command or path that it is from.</param>
internal sealed record CaptureIndex(int Schema, string Program, IReadOnlyList<CaptureFile> Files);

/// <param name="File">Its name in the folder.</param>
/// <param name="Name">What produced it, without an ending.</param>
/// <param name="Origin">The exact command or path.</param>
/// <param name="Code">Exit code of a command; 0 for files.</param>
internal sealed record CaptureFile(string File, string Name, string Origin, ReadingEnd End, int Code);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(CaptureIndex))]
internal sealed partial class CaptureJson : JsonSerializerContext;

/// <summary>A folder that somebody captured: texts named after what printed them. Bounded in number and size; nothing in it is run or followed.</summary>
internal sealed partial class CaptureSource(string folder) : IProbeSource
{
    public const string Index = "capture.json";

    private const int MaxFiles = 256;

    private static readonly string[] Endings = [".txt", ".csv", ".json", ".xml", ".log", ".info", ".cfg", ".out", ".text", ".tsv"];

    /// <summary>Files about a capture, not of it.</summary>
    private static readonly string[] About = ["expected.json", "source.txt", Index];

    public Task<IReadOnlyList<Reading>> ReadAsync() => Task.FromResult(Read());

    private IReadOnlyList<Reading> Read()
    {
        var index = ReadIndex();
        var readings = new List<Reading>();
        var files = new DirectoryInfo(folder).EnumerateFiles("*", new EnumerationOptions { AttributesToSkip = FileAttributes.Directory, IgnoreInaccessible = true })
            .Where(f => !About.Contains(f.Name, StringComparer.OrdinalIgnoreCase) && !f.Name.StartsWith("README", StringComparison.OrdinalIgnoreCase))
            .OrderBy(f => index.TryGetValue(f.Name, out var known) ? known.Order : int.MaxValue).ThenBy(f => f.Name, StringComparer.Ordinal).Take(MaxFiles + 1).ToList();
        foreach (var file in files.Take(MaxFiles))
        {
            var known = index.TryGetValue(file.Name, out var row) ? row.File : new CaptureFile(file.Name, NameOf(file.Name), file.Name, ReadingEnd.Whole, 0);
            var (text, cut) = Text(file);
            readings.Add(new Reading(known.Name, known.Origin, text) { End = cut ? ReadingEnd.Cut : known.End, Code = known.Code });
        }

        if (files.Count > MaxFiles) readings.Add(new Reading("files", $"{folder}: more than {MaxFiles} files", "") { End = ReadingEnd.Cut });
        return readings;
    }

    /// <summary>The name without a known ending: <c>sysctl-hw.memsize.txt</c> keeps its key.</summary>
    internal static string NameOf(string file) => Array.Find(Endings, e => file.EndsWith(e, StringComparison.OrdinalIgnoreCase)) is { } ending ? file[..^ending.Length] : file;

    /// <summary>Line ends of Linux, no colours, no zeros.</summary>
    internal static string Plain(string text) => Colours().Replace(text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n'), "").Replace("\0", "", StringComparison.Ordinal);

    private Dictionary<string, (int Order, CaptureFile File)> ReadIndex()
    {
        var path = Path.Combine(folder, Index);
        try
        {
            if (!File.Exists(path) || new FileInfo(path).Length > Reading.MaxText) return [];
            var index = JsonSerializer.Deserialize(File.ReadAllBytes(path), CaptureJson.Default.CaptureIndex);
            return index?.Files?.Select((f, i) => (f, i)).Where(f => f.f is { File: not null, Name: not null, Origin: not null }).DistinctBy(f => f.f.File, StringComparer.Ordinal).ToDictionary(f => f.f.File, f => (f.i, f.f), StringComparer.Ordinal) ?? [];
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static (string Text, bool Cut) Text(FileInfo file)
    {
        try
        {
            // A device or a pipe in a capture would be waited for.
            if (file.LinkTarget is not null || file.Attributes.HasFlag(FileAttributes.Device) || file.Length == 0) return ("", false);
            using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[Math.Min(stream.Length, Reading.MaxText)];
            var read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return (Plain(Decode(bytes.AsSpan(0, read))), stream.Length > Reading.MaxText);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return ("", false);
        }
    }

    /// <summary>Windows writes UTF-16, with a mark or without.</summary>
    private static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xff, 0xfe])) return Encoding.Unicode.GetString(bytes[2..]);
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xfe, 0xff])) return Encoding.BigEndianUnicode.GetString(bytes[2..]);
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xef, 0xbb, 0xbf])) return Encoding.UTF8.GetString(bytes[3..]);
        var head = bytes[..Math.Min(bytes.Length, 200)];
        return head.Length > 8 && head.Count((byte)0) > head.Length / 3 ? Encoding.Unicode.GetString(bytes) : Encoding.UTF8.GetString(bytes);
    }

    [GeneratedRegex(@"\x1b\[[0-9;?]{0,16}[A-Za-z]", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Colours();
}

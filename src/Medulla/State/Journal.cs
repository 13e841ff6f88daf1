using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Core.Units;

namespace Medulla.State;

/// <summary>One line of the journal.</summary>
internal sealed record JournalEntry(DateTimeOffset At, string Kind, string Subject, string Text);

/// <summary>
/// What the device decided and why, for people: JSON lines, each with a short checksum before it. Not synced: it can be
/// lost without losing the target. Bounds: <see cref="MaxLength"/> per file, <see cref="MaxFiles"/> files. A full disk
/// costs lines, counted in <see cref="Lost"/>, and nothing else. One writer; any reader, of another process too.
/// </summary>
internal sealed class Journal(string directory)
{
    public const int MaxLength = 4 << 20;

    public const int MaxFiles = 4;

    private readonly Lock _gate = new();
    private long _lost;

    /// <summary>Lines that could not be written since the start.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    private string Current => Path.Combine(directory, "journal.jsonl");

    public void Append(IEnumerable<JournalEntry> entries)
    {
        var text = new StringBuilder();
        var count = 0;
        foreach (var entry in entries)
        {
            var json = JsonSerializer.Serialize(entry, JournalJson.Default.JournalEntry);
            text.Append(Checksum(json)).Append(' ').Append(json).Append('\n');
            count++;
        }

        if (count == 0) return;
        lock (_gate)
        {
            try
            {
                Rotate();
                using var file = new FileStream(Current, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
                file.Write(Encoding.UTF8.GetBytes(text.ToString()));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _lost += count;
            }
        }
    }

    /// <summary>The latest entries, oldest first. A torn or damaged line is passed over and counted.</summary>
    public static (IReadOnlyList<JournalEntry> Entries, int Damaged) Read(string directory, int last, string? about)
    {
        var entries = new List<JournalEntry>();
        var damaged = 0;
        for (var number = MaxFiles - 1; number >= 0; number--)
        {
            var path = Numbered(directory, number);
            if (!File.Exists(path)) continue;
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            while (reader.ReadLine() is { } line)
            {
                if (line.Length < 10 || Checksum(line[9..]) != line[..8]) damaged++;
                else if (JsonSerializer.Deserialize(line[9..], JournalJson.Default.JournalEntry) is { } entry && Concerns(entry, about)) entries.Add(entry);
            }
        }

        return (entries.Count > last ? entries.GetRange(entries.Count - last, last) : entries, damaged);
    }

    private static bool Concerns(JournalEntry entry, string? about) =>
        about is null || entry.Subject.Contains(about, StringComparison.OrdinalIgnoreCase) || entry.Text.Contains(about, StringComparison.OrdinalIgnoreCase);

    private static string Checksum(string json) => Digest.Of(json).Hex[..8];

    private static string Numbered(string directory, int number) => Path.Combine(directory, number == 0 ? "journal.jsonl" : $"journal.{number}.jsonl");

    private void Rotate()
    {
        if (!File.Exists(Current) || new FileInfo(Current).Length < MaxLength) return;
        for (var number = MaxFiles - 2; number >= 0; number--)
        {
            if (File.Exists(Numbered(directory, number))) File.Move(Numbered(directory, number), Numbered(directory, number + 1), overwrite: true);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(JournalEntry))]
[JsonSerializable(typeof(System.Collections.Immutable.ImmutableArray<JournalEntry>))]
internal sealed partial class JournalJson : JsonSerializerContext;

using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Medulla.Support;

/// <summary>A file of a bundle.</summary>
/// <param name="Name">With <c>/</c>.</param>
internal sealed record Piece(string Name, string Text);

/// <summary>One thing to collect: it may fail or hang without harm to the others.</summary>
/// <param name="Name">Of its file or folder in the bundle.</param>
/// <param name="About">What it is, for the person who opens the bundle.</param>
internal sealed record Section(string Name, string About, Func<IEnumerable<Piece>> Read);

/// <summary>What was collected.</summary>
/// <param name="Problems">What could not be read, and what was cut.</param>
internal sealed record Collected(IReadOnlyList<Piece> Pieces, IReadOnlyList<string> Problems);

/// <param name="Section">What one section may take.</param>
/// <param name="Whole">What all may take together.</param>
internal sealed record SupportLimits(TimeSpan Section, TimeSpan Whole)
{
    public static readonly SupportLimits Usual = new(TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(60));
}

/// <summary>
/// Collects evidence for a person and packs it: section by section in order of importance, within its
/// <see cref="SupportLimits"/>; a file no longer than <see cref="MaxFile"/> characters, all no
/// longer than <see cref="MaxWhole"/>. What is beyond a bound or cannot be read is named in the README. Every text goes
/// through the redaction last.
/// </summary>
internal static class SupportBundle
{
    public const int MaxFile = 2 << 20;

    public const int MaxWhole = 18 << 20;

    public static async Task<Collected> CollectAsync(IReadOnlyList<Section> sections, Redaction redaction, TimeProvider time, CancellationToken cancel, SupportLimits? limits = null)
    {
        limits ??= SupportLimits.Usual;
        var pieces = new List<Piece>();
        var problems = new List<string>();
        var (start, left) = (time.GetTimestamp(), MaxWhole);
        foreach (var section in sections)
        {
            var limit = limits.Whole - time.GetElapsedTime(start);
            if (limit <= TimeSpan.Zero)
            {
                problems.Add($"{section.Name}: not collected, the {limits.Whole.TotalSeconds:0} s for the whole bundle were over");
                continue;
            }

            try
            {
                // A disk or a driver that hangs keeps its thread, and the others go on.
                var read = await Task.Run(() => section.Read().Select(p => (p.Name, Text: redaction.Text(Tail(p.Text)), Cut: p.Text.Length > MaxFile)).ToList(), cancel).WaitAsync(limit < limits.Section ? limit : limits.Section, time, cancel);
                foreach (var (name, text, cut) in read)
                {
                    if (cut) problems.Add($"{name}: only its last {MaxFile} characters are here");
                    if (text.Length > left)
                    {
                        problems.Add($"{name}: left out, the bundle has reached its bound of {MaxWhole} characters");
                        continue;
                    }

                    left -= text.Length;
                    pieces.Add(new Piece(name, text));
                }

                if (read.Count == 0) problems.Add($"{section.Name}: there is nothing");
            }
            catch (TimeoutException)
            {
                problems.Add($"{section.Name}: not read within {limits.Section.TotalSeconds:0} s");
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                problems.Add(redaction.Text($"{section.Name}: cannot be read: {e.Message}"));
            }
        }

        var readme = Readme(sections, pieces, problems, time.GetUtcNow());
        return new Collected([new Piece("README.txt", readme), .. pieces], problems);
    }

    /// <summary>Readable by its owner only, whole or not there.</summary>
    public static void Write(string file, IReadOnlyList<Piece> pieces, DateTimeOffset now)
    {
        var temporary = file + ".new";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var stream = new FileStream(temporary, options))
            using (var zip = new GZipStream(stream, CompressionLevel.Optimal))
            using (var tar = new TarWriter(zip, TarEntryFormat.Pax))
            {
                foreach (var piece in pieces)
                {
                    using var content = new MemoryStream(Encoding.UTF8.GetBytes(piece.Text));
                    tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"medulla-support/{piece.Name}") { DataStream = content, ModificationTime = now, Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
                }
            }

            File.Move(temporary, file, overwrite: false);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Cut between lines: half a key would be known to nobody.</summary>
    private static string Tail(string text)
    {
        if (text.Length <= MaxFile) return text;
        var line = text.IndexOf('\n', text.Length - MaxFile);
        return line < 0 ? "" : text[(line + 1)..];
    }

    private static string Readme(IReadOnlyList<Section> sections, List<Piece> pieces, List<string> problems, DateTimeOffset now)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Evidence of a Medulla device, collected {now:yyyy-MM-dd HH:mm:ss} UTC by 'medulla support'.\n\n");
        text.Append("Not in it: prompts, answers, keys, tokens, names of hosts and people, serial numbers, UUIDs, addresses of machines.\n");
        text.Append("Lines of engines are whole only where their shape is known to carry none of that; of the others the text is left out.\n");
        text.Append("DATA stands for the data directory, ~ for the home of who ran the command, OWN for folders of the owner's.\n\nWhat is in it:\n");
        foreach (var section in sections.Where(s => pieces.Any(p => Belongs(p, s)))) text.Append(CultureInfo.InvariantCulture, $"  {section.Name,-22} {section.About}\n");
        if (problems.Count > 0) text.Append("\nWhat is not, or not whole:\n");
        foreach (var problem in problems) text.Append(CultureInfo.InvariantCulture, $"  {problem}\n");
        return text.ToString();
    }

    private static bool Belongs(Piece piece, Section section) => piece.Name == section.Name || (section.Name.EndsWith('/') && piece.Name.StartsWith(section.Name, StringComparison.Ordinal));
}

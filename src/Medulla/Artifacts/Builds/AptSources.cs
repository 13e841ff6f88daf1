namespace Medulla.Artifacts.Builds;

/// <param name="Address">Base address of the archive, as this machine is configured.</param>
/// <param name="SignedBy">Keyring that its signatures are checked against.</param>
internal sealed record AptSource(string Address, string SignedBy);

/// <summary>Finds the machine's own Debian archive in its apt configuration, in both formats of it.</summary>
internal static class AptSources
{
    private const string Keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

    /// <summary>The first enabled archive with the component <c>main</c> that is no security or updates archive; null when there is none.</summary>
    public static AptSource? Find(string etc)
    {
        var folder = Path.Combine(etc, "sources.list.d");
        var files = new List<string> { Path.Combine(etc, "sources.list") };
        if (Directory.Exists(folder)) files.AddRange(Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal));
        return files.Where(File.Exists)
            .SelectMany(f => f.EndsWith(".sources", StringComparison.Ordinal) ? ReadStanzas(File.ReadAllText(f)) : ReadLines(File.ReadAllText(f)))
            .FirstOrDefault(s => File.Exists(s.SignedBy));
    }

    /// <summary>The format of one line per archive: <c>deb [options] address suite components</c>.</summary>
    internal static IEnumerable<AptSource> ReadLines(string text)
    {
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries))
        {
            if (!line.StartsWith("deb ", StringComparison.Ordinal) && !line.StartsWith("deb\t", StringComparison.Ordinal)) continue;
            var rest = line[4..].Trim();
            var options = "";
            if (rest.StartsWith('[') && rest.IndexOf(']', StringComparison.Ordinal) is > 0 and var end) (options, rest) = (rest[1..end], rest[(end + 1)..].Trim());
            var fields = rest.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            var signed = options.Split(' ').FirstOrDefault(o => o.StartsWith("signed-by=", StringComparison.OrdinalIgnoreCase))?[10..];
            if (fields.Length > 2 && Suits(fields[0], [fields[1]], fields[2..])) yield return new AptSource(fields[0], signed ?? Keyring);
        }
    }

    /// <summary>The format of stanzas with fields.</summary>
    internal static IEnumerable<AptSource> ReadStanzas(string text)
    {
        foreach (var stanza in text.Replace("\r", "", StringComparison.Ordinal).Split("\n\n"))
        {
            var fields = stanza.Split('\n')
                .Where(l => !l.StartsWith('#') && l.Contains(':', StringComparison.Ordinal))
                .Select(l => l.Split(':', 2))
                .GroupBy(p => p[0].Trim().ToUpperInvariant(), StringComparer.Ordinal)
                .ToDictionary(g => g.Key, g => g.First()[1].Trim(), StringComparer.Ordinal);
            if (!Words("TYPES").Contains("deb", StringComparer.Ordinal) || fields.GetValueOrDefault("ENABLED") is "no" or "false") continue;
            var signed = fields.GetValueOrDefault("SIGNED-BY");
            foreach (var address in Words("URIS").Where(u => Suits(u, Words("SUITES"), Words("COMPONENTS"))))
            {
                yield return new AptSource(address, signed is { Length: > 0 } && signed.StartsWith('/') ? signed : Keyring);
            }

            string[] Words(string field) => fields.GetValueOrDefault(field, "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    private static bool Suits(string address, string[] suites, string[] components) =>
        components.Contains("main", StringComparer.Ordinal) &&
        address.TrimEnd('/').EndsWith("/debian", StringComparison.Ordinal) &&
        suites.Any(s => !s.Contains('-', StringComparison.Ordinal) && !s.Contains('/', StringComparison.Ordinal));
}

using System.Globalization;
using System.Text.RegularExpressions;

namespace Medulla.Artifacts.Headers;

/// <summary>Names of the parts of a split GGUF: <c>NAME-00001-of-00003.gguf</c>.</summary>
internal static partial class SplitName
{
    /// <summary>More parts than any model has.</summary>
    public const int MaxParts = 512;

    /// <summary>The names of all parts, in order. Throws when the name is not that of the first of so many.</summary>
    public static IReadOnlyList<string> Parts(string first, int count)
    {
        if (count > MaxParts) throw new HeaderException($"it claims to be one of {count} parts");
        var match = Pattern().Match(first);
        if (!match.Success || Number(match, "part") != 1 || Number(match, "of") != count)
        {
            throw new HeaderException($"it is a part of a model in {count} files, and {first} is not named as the first of them is");
        }

        return [.. Enumerable.Range(1, count).Select(n => string.Create(CultureInfo.InvariantCulture, $"{match.Groups["name"].Value}-{n:00000}-of-{count:00000}{match.Groups["end"].Value}"))];
    }

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex("^(?<name>.{1,200})-(?<part>[0-9]{5})-of-(?<of>[0-9]{5})(?<end>[.]gguf)$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.Singleline, 1000)]
    private static partial Regex Pattern();
}

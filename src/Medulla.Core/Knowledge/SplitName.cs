using System.Globalization;
using System.Text.RegularExpressions;

namespace Medulla.Core.Knowledge;

/// <summary>Names of the parts of a split GGUF: <c>NAME-00001-of-00003.gguf</c>.</summary>
/// <param name="Name">What all of them begin with.</param>
/// <param name="Part">Which of them it is, from 1.</param>
/// <param name="Count">How many there are.</param>
public sealed partial record SplitName(string Name, int Part, int Count)
{
    /// <summary>More parts than any model has.</summary>
    public const int MaxParts = 512;

    /// <summary>Null for a file that is not named as a part.</summary>
    public static SplitName? Of(string file)
    {
        var match = Pattern().Match(file);
        if (!match.Success) return null;
        var (part, of) = (Number("part"), Number("of"));
        return part >= 1 && part <= of && of <= MaxParts ? new SplitName(match.Groups["name"].Value, part, of) : null;

        int Number(string group) => int.Parse(match.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    /// <summary>The file names of all parts, in order.</summary>
    public ImmutableArray<string> All() => [.. Enumerable.Range(1, Count).Select(n => string.Create(CultureInfo.InvariantCulture, $"{Name}-{n:00000}-of-{Count:00000}.gguf"))];

    [GeneratedRegex("^(?<name>.{1,200})-(?<part>[0-9]{5})-of-(?<of>[0-9]{5})[.]gguf$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.Singleline, 1000)]
    private static partial Regex Pattern();
}

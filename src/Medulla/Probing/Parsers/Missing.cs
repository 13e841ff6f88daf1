using System.Text.RegularExpressions;

namespace Medulla.Probing.Parsers;

/// <summary>What a shell says in place of a tool: it is not here, or it was ended.</summary>
internal static partial class Missing
{
    /// <summary>Only short texts: a tool's own long output may hold such words.</summary>
    private const int MaxComplaint = 2000;

    public static bool IsComplaint(Reading reading) => reading.Text.Length <= MaxComplaint && (NotHere().IsMatch(reading.Text) || Hung().IsMatch(reading.Text));

    public static bool IsHung(Reading reading) => reading.End == ReadingEnd.TimedOut || (reading.Text.Length <= MaxComplaint && Hung().IsMatch(reading.Text));

    public static bool IsNotHere(Reading reading) => reading.Text.Length <= MaxComplaint && NotHere().IsMatch(reading.Text) && !LacksLibrary(reading);

    /// <summary>The tool is here, and a library that it needs is not.</summary>
    public static bool LacksLibrary(Reading reading) => reading.Text.Length <= MaxComplaint && Library().IsMatch(reading.Text);

    [GeneratedRegex(@"command not found|: not found|is not recognized as|No such file or directory\s*$|executable file not found|cannot execute|Exec format error|not installed", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex NotHere();

    [GeneratedRegex(@"error while loading shared libraries: (\S{1,80}?):", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Library();

    [GeneratedRegex(@"timed? ?out|^\s*Killed\s*$|^\s*Terminated\s*$|timeout: sending signal|TimeoutExpired", RegexOptions.IgnoreCase | RegexOptions.Multiline, Said.RegexLimitMs)]
    private static partial Regex Hung();
}

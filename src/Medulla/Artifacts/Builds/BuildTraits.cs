using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Medulla.State;

namespace Medulla.Artifacts.Builds;

/// <summary>What a build says of itself, asked once: flags drift between builds, so nothing is assumed.</summary>
/// <param name="Version">Such as <c>b11669</c>.</param>
/// <param name="Flags">Long flags of its <c>--help</c>, without removed ones.</param>
/// <param name="Problem">Why it cannot be used; null when it can.</param>
internal sealed partial record BuildTraits(string Version, ImmutableArray<string> Flags, string? Problem)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static async Task<BuildTraits> AskAsync(BuildRecord build, CancellationToken cancel)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["GGML_NO_BACKTRACE"] = "1" };
        var version = await Command.RunAsync([.. build.Command, "--version"], environment, Limit, cancel);
        if (version.Code != 0) return new BuildTraits("", [], $"{build.Binary} --version failed with {version.Code}: {version.LastLine}");
        if (ParseVersion(version.Error + version.Output) is not { } number) return new BuildTraits("", [], $"{build.Binary} --version says no version: {version.LastLine}");
        var help = await Command.RunAsync([.. build.Command, "--help"], environment, Limit, cancel);
        return new BuildTraits(number, ParseFlags(help.Output + help.Error), null);
    }

    /// <summary>Accepts <c>version: 0.7.0 (build 11669, commit X)</c>, <c>version: 8173 (X)</c>, <c>version: b10707 (X)</c> and development versions.</summary>
    internal static string? ParseVersion(string text)
    {
        var match = VersionLine().Match(text);
        if (!match.Success) return null;
        if (match.Groups["build"].Success) return "b" + match.Groups["build"].Value;
        return match.Groups["number"].Success ? "b" + match.Groups["number"].Value : match.Groups["semver"].Value;
    }

    internal static ImmutableArray<string> ParseFlags(string help)
    {
        var flags = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
        var lines = help.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith('-')) continue;
            var removed = lines[i].Contains("has been removed", StringComparison.Ordinal) || (i + 1 < lines.Length && !lines[i + 1].StartsWith('-') && lines[i + 1].Contains("has been removed", StringComparison.Ordinal));
            if (!removed) flags.UnionWith(LongFlag().Matches(HeadOf(lines[i])).Select(m => m.Value));
        }

        return [.. flags];
    }

    /// <summary>The flags stand before the first wide gap; behind it is prose, which may name other flags.</summary>
    private static string HeadOf(string line)
    {
        var gap = Gap().Match(line);
        return gap.Success ? line[..gap.Index] : line;
    }

    [GeneratedRegex(@"version: (?:(?<semver>\d+\.\d+\.\d+\S*)(?: \(build (?<build>\d+))?|b?(?<number>\d+)\b)")]
    private static partial Regex VersionLine();

    [GeneratedRegex(@"(?<=^|[\s,])--[a-z][a-z0-9-]+")]
    private static partial Regex LongFlag();

    [GeneratedRegex(@"(?<=\S) {3,}(?=[^\s-])")]
    private static partial Regex Gap();
}

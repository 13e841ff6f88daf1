using System.Diagnostics.CodeAnalysis;

namespace Medulla.Core.Units;

/// <summary>The one rule for names and ids: they are safe in a path, a log line, a metric label and a URL.</summary>
internal static class IdText
{
    public const int MaxLength = 96;

    public const string Rule = "1 to 96 letters, digits, '.', '_', '-' or ':', beginning with a letter or digit";

    public static bool IsValid([NotNullWhen(true)] string? text) =>
        text is { Length: > 0 and <= MaxLength } && char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or ':');
}

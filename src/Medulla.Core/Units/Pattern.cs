using System.Globalization;

namespace Medulla.Core.Units;

/// <summary>Text in which <c>*</c> stands for anything: what symptoms and lines of a kernel's log are known by.</summary>
public static class Pattern
{
    /// <summary>True when the text holds the pattern's parts, in their order.</summary>
    public static bool IsIn(string text, string pattern, StringComparison comparison)
    {
        var at = 0;
        foreach (var part in pattern.Split('*'))
        {
            at = text.IndexOf(part, at, comparison);
            if (at < 0) return false;
            at += part.Length;
        }

        return true;
    }

    /// <summary>The whole numbers that stand where the pattern has its <c>*</c>; null when the text does not hold it so.</summary>
    public static ImmutableArray<int>? NumbersIn(string text, string pattern, StringComparison comparison)
    {
        var parts = pattern.Split('*');
        for (var start = text.IndexOf(parts[0], comparison); start >= 0; start = text.IndexOf(parts[0], start + 1, comparison))
        {
            if (NumbersAt(text, start + parts[0].Length, parts, comparison) is { } numbers) return numbers;
            if (start + 1 >= text.Length) break;
        }

        return null;
    }

    private static ImmutableArray<int>? NumbersAt(string text, int at, string[] parts, StringComparison comparison)
    {
        var numbers = ImmutableArray.CreateBuilder<int>(parts.Length - 1);
        foreach (var part in parts[1..])
        {
            var end = at;
            while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
            if (!int.TryParse(text.AsSpan(at, end - at), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
            if (string.Compare(text, end, part, 0, part.Length, comparison) != 0) return null;
            numbers.Add(number);
            at = end + part.Length;
        }

        return numbers.ToImmutable();
    }
}

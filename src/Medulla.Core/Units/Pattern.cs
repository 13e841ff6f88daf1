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
}

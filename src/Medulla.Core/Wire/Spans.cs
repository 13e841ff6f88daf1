using System.Globalization;

namespace Medulla.Core.Wire;

/// <summary>Lengths of time as people say them.</summary>
public static class Spans
{
    public static string Text(TimeSpan span) => span.TotalSeconds switch
    {
        < 0.05 => "a moment",
        < 10 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.#} s"),
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0} min"),
        < 172800 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{span.TotalDays:0} d"),
    };
}

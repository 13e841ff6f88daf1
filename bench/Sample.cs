namespace Medulla.Bench;

/// <summary>Values of interleaved rounds.</summary>
internal static class Sample
{
    public static double Median(this IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
    }

    public static string Spread(this IEnumerable<double> values, string format = "0.00")
    {
        var list = values.ToList();
        return $"{list.Median().ToString(format)} ({list.Min().ToString(format)}–{list.Max().ToString(format)})";
    }
}

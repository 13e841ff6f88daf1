namespace Medulla.Core.Blueprints;

/// <summary>Merit, then speed with all slots at work, then the smaller file, then the name. What costs something to ask is asked once, and only between equals.</summary>
internal sealed class Ranking(Candidate candidate)
{
    private readonly double _merit = candidate.Spec.Merit;
    private double? _together;
    private string? _name;

    public static ImmutableArray<Candidate> Ordered(List<Candidate> candidates)
    {
        var ranked = candidates.ConvertAll(c => new Ranking(c));
        ranked.Sort(Compare);
        return [.. ranked.Select(r => r.Candidate)];
    }

    private Candidate Candidate { get; } = candidate;

    private double Together => _together ??= Candidate.Forecast is { } forecast ? Math.Round(forecast.TogetherTokensPerS, 1) : 0;

    private string Name => _name ??= Candidate.Spec.Id.Value;

    private static int Compare(Ranking a, Ranking b)
    {
        if (ReferenceEquals(a, b)) return 0;
        if (a._merit != b._merit) return b._merit.CompareTo(a._merit);
        if (a.Together != b.Together) return b.Together.CompareTo(a.Together);
        if (a.Candidate.File.Size != b.Candidate.File.Size) return a.Candidate.File.Size.CompareTo(b.Candidate.File.Size);
        return string.CompareOrdinal(a.Name, b.Name);
    }
}

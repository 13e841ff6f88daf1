using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>A predicted speed.</summary>
public sealed record Speed
{
    /// <summary>Sum over all streams.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>Slower than this in about one case of ten.</summary>
    public required double Low { get; init; }

    /// <summary>Faster than this in about one case of ten.</summary>
    public required double High { get; init; }

    public required Basis Basis { get; init; }

    /// <summary>One sentence: what it rests on, with the numbers.</summary>
    public string Reason => Because.Value;

    /// <summary><see cref="Reason"/> before anybody asked for it: few of the speeds that are weighed are ever explained.</summary>
    public required Lazy<string> Because { get; init; }
}

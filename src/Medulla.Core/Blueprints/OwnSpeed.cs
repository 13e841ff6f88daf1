using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>How fast this very device runs one specification: measured by itself, while nothing else was to be done.</summary>
/// <param name="Spec">The specification.</param>
/// <param name="First">The first decode speeds, <see cref="Enough"/> at most: their median is what later ones are held against.</param>
public sealed record OwnSpeed(SpecId Spec, ImmutableArray<double> First)
{
    /// <summary>Measurements that make a baseline.</summary>
    public const int Enough = 3;

    /// <summary>A speed below this share of the baseline is a low one.</summary>
    public const double Low = 0.6;

    /// <summary>A speed of this share of the baseline shows that a regression is over.</summary>
    public const double Restored = 0.8;

    /// <summary>Low ones in a row that are believed.</summary>
    public const int Believed = 3;

    /// <summary>Low ones in a row after which all that is known was tried: the device is as fast as that now.</summary>
    public const int Accepted = 4 * Believed;

    /// <summary>What was measured, for predictions of other models on the same device.</summary>
    public required ModelId Model { get; init; }

    public required Digest Weights { get; init; }

    public required EngineId Engine { get; init; }

    public required string Backend { get; init; }

    public required EngineSettings Settings { get; init; }

    /// <summary>Low ones in a row, up to the latest.</summary>
    public int LowInARow { get; init; }

    public bool IsBaseline => First.Length >= Enough;

    /// <summary>Tokens per second: the median of the first ones.</summary>
    public double TokensPerS => First.Order().ElementAt(First.Length / 2);

    public static OwnSpeed Of(InstanceSpec spec) => new(spec.Id, [])
    {
        Model = spec.Model,
        Weights = spec.Weights.Digest,
        Engine = spec.Engine.Engine,
        Backend = spec.Engine.Backend,
        Settings = spec.Settings,
    };

    /// <param name="tokensPerS">Decode.</param>
    /// <param name="least">What the speed must not be below; null while nothing is known to hold it against.</param>
    public OwnSpeed Take(double tokensPerS, double? least)
    {
        if (tokensPerS < least) return this with { LowInARow = LowInARow + 1 };
        var next = LowInARow == 0 ? this : this with { LowInARow = 0 };
        return IsBaseline ? next : next with { First = First.Add(tokensPerS) };
    }
}

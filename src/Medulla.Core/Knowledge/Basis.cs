namespace Medulla.Core.Knowledge;

/// <summary>What a predicted speed rests on; each overrides those after it.</summary>
public enum Basis
{
    /// <summary>Measurements of this very device.</summary>
    Own,

    /// <summary>Other people's measurements of the same hardware.</summary>
    Community,

    /// <summary>No measurement of this hardware: bandwidth, compute, and what other devices reach of theirs.</summary>
    Estimate,
}

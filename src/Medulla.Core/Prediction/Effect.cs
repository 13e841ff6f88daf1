using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>
/// A family of corrections to <see cref="Timing"/>, each member on the logarithm of the speed. How far the members of a family are believed to
/// scatter (<see cref="Scatter"/>) is what the fit holds against the evidence: a family with little scatter needs much of it.
/// </summary>
internal enum Effect
{
    Kind, Class, Vendor, Moe, MoeOfClass, MoeOfEngine, Overhead, Unpack, UnpackOfQuant, Context, ContextOfBackend, Size, Streams, Devices, Tokens,
    Engine, Generation, Quant, QuantWith, QuantLabel, Model, ModelQuant, ModelContext, ModelName, Version, Options, OptionsContext,

    // Corrections that hold for one hardware only.
    Box, BoxCount, BoxUnknown, BoxEngine, BoxBackend, BoxMoe, BoxModel, BoxModelQuant, BoxRun, BoxQuant, BoxContext, BoxOverhead, BoxTokens, BoxModelContext, BoxVersion, BoxOptions,
}

/// <summary>The scatter of each family: one standard deviation of the logarithm of the speed.</summary>
internal static class Scatter
{
    public static bool IsOfHardware(Effect effect) => effect >= Effect.Box;

    public static double Of(Effect effect, Phase phase) => phase == Phase.Decode ? Decode(effect) : Prefill(effect);

    /// <summary>Variance between boxes of the same kind: what the community's measurements of other boxes leave open.</summary>
    public static double OfOwn(Effect effect, bool isKnown)
    {
        var scatter = Of(effect, Phase.Decode) * (isKnown && effect != Effect.Box ? 0.6 : 1);
        return scatter * scatter;
    }

    private static double Decode(Effect effect) => effect switch
    {
        Effect.Kind => 0.1,
        Effect.Class => 0.06,
        Effect.Vendor or Effect.Moe or Effect.Size => 0.01,
        Effect.MoeOfClass or Effect.MoeOfEngine => 0.01,
        Effect.Overhead => 0.1,
        Effect.Unpack => 0.1,
        Effect.UnpackOfQuant => 0.06,
        Effect.Context => 0.06,
        Effect.ContextOfBackend => 0.03,
        Effect.Streams => 0.05,
        Effect.Devices => 0.08,
        Effect.Tokens => 0.01,
        Effect.Engine => 0.03,
        Effect.Generation => 0.02,
        Effect.Quant => 0.03,
        Effect.QuantWith => 0.015,
        Effect.QuantLabel => 0.01,
        Effect.Model => 0.03,
        Effect.ModelQuant => 0.03,
        Effect.ModelContext => 0.1,
        Effect.ModelName => 0.15,
        Effect.Version => 0.03,
        Effect.Options => 0.03,
        Effect.OptionsContext => 0.1,
        Effect.Box => 0.1,
        Effect.BoxUnknown => 0.5,
        Effect.BoxEngine => 0.08,
        Effect.BoxBackend or Effect.BoxCount or Effect.BoxQuant or Effect.BoxVersion or Effect.BoxOptions => 0.05,
        Effect.BoxMoe => 0.1,
        Effect.BoxModel => 0.08,
        Effect.BoxModelQuant or Effect.BoxRun => 0.06,
        Effect.BoxContext => 0.2,
        Effect.BoxOverhead => 0.3,
        Effect.BoxTokens => 0.2,
        Effect.BoxModelContext => 0.3,
        _ => 0.05,
    };

    private static double Prefill(Effect effect) => effect switch
    {
        Effect.Kind => 0.02,
        Effect.Class => 0.1,
        Effect.Vendor or Effect.Moe or Effect.Size => 0.01,
        Effect.MoeOfClass => 0.1,
        Effect.MoeOfEngine => 0.01,
        Effect.Overhead => 0.15,
        Effect.Unpack or Effect.UnpackOfQuant => 0.01,
        Effect.Context => 0.2,
        Effect.ContextOfBackend => 0.03,
        Effect.Streams => 0.05,
        Effect.Devices => 0.08,
        Effect.Tokens => 0.1,
        Effect.Engine => 0.05,
        Effect.Generation => 0.08,
        Effect.Quant => 0.12,
        Effect.QuantWith => 0.03,
        Effect.QuantLabel => 0.03,
        Effect.Model => 0.08,
        Effect.ModelQuant => 0.08,
        Effect.ModelContext => 0.5,
        Effect.ModelName => 0.12,
        Effect.Version => 0.03,
        Effect.Options => 0.05,
        Effect.OptionsContext => 0.1,
        Effect.Box => 0.2,
        Effect.BoxUnknown => 0.5,
        Effect.BoxEngine => 0.12,
        Effect.BoxBackend or Effect.BoxTokens => 0.1,
        Effect.BoxCount => 0.05,
        Effect.BoxMoe => 0.1,
        Effect.BoxModel or Effect.BoxQuant => 0.08,
        Effect.BoxModelQuant or Effect.BoxRun => 0.06,
        Effect.BoxContext or Effect.BoxOverhead or Effect.BoxModelContext => 0.3,
        Effect.BoxVersion => 0.12,
        Effect.BoxOptions => 0.1,
        _ => 0.05,
    };
}

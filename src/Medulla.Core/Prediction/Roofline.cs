namespace Medulla.Core.Prediction;

/// <summary>What memory allows at the very most: every token of an answer reads the active weights once.</summary>
public static class Roofline
{
    /// <summary>
    /// Tokens per second that no single stream can exceed in decode without speculation: the bandwidth of all devices over the bytes of the
    /// active weights. Null when the bandwidth is unknown, or neither the weights nor the parameters with their quantisation are known.
    /// </summary>
    public static double? Decode(Work work)
    {
        var resolved = Resolved.Of(work);
        return resolved.IsBandwidthKnown && (resolved.AreWeightsKnown || resolved.IsSizeKnown) ? Of(resolved) : null;
    }

    /// <summary>The same with whatever had to be assumed.</summary>
    internal static double Of(Resolved resolved) => resolved.Bandwidth * Math.Max(1, resolved.Work.Devices) / (resolved.Weights * resolved.Active / resolved.Parameters);
}

using Medulla.Core.Units;
namespace Medulla.Core.Prediction;

public enum Phase { Prefill, Decode }
public sealed record Work
{
    public string? HardwareId { get; init; }
    public required string HardwareClass { get; init; }
    public int Devices { get; init; } = 1;
    public double? BandwidthGBs { get; init; }
    public double? Fp16Tflops { get; init; }
    public required string Engine { get; init; }
    public required string Backend { get; init; }
    public string? ModelId { get; init; }
    public required double ParametersB { get; init; }
    public double? ActiveB { get; init; }
    public required string Quant { get; init; }
    public double? WeightsGiB { get; init; }
    public double? KvBytesPerToken { get; init; }
    public required Phase Phase { get; init; }
    public required int Tokens { get; init; }
    public int Depth { get; init; }
    public int Concurrency { get; init; } = 1;
}
public enum Basis { Own, Community, Estimate }
public sealed record Speed(double TokensPerSecond, double Low, double High, Basis Basis, string Reason);
public static class SpeedModel
{
    public static Speed? Predict(Medulla.Core.Knowledge.Calibration calibration, Work work)
    {
        var bytes = (work.WeightsGiB ?? work.ParametersB) * 1.07 * (work.ActiveB ?? work.ParametersB) / work.ParametersB;
        var t = (work.BandwidthGBs ?? 40) * 0.6 / bytes;
        if (work.Phase == Phase.Prefill) t *= 12;
        return new Speed(t, t / 2, t * 2, Basis.Estimate, "stub");
    }
}

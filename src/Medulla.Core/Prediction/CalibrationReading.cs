using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>Looks things up in a calibration.</summary>
internal static class CalibrationReading
{
    /// <summary>The work with what is known of its hardware and its model filled in where it says nothing.</summary>
    public static Work Complete(this Calibration calibration, Work work)
    {
        var model = work.ModelId is { Length: > 0 } id ? calibration.Models.GetValueOrDefault(id) : null;
        var facts = CalibrationIndex.Of(calibration).Hardware(Resolved.BoxOf(work.Hardware ?? ""))?.Facts;
        return work with
        {
            BandwidthGBs = work.BandwidthGBs ?? facts?.BandwidthGBs,
            Fp16Tflops = work.Fp16Tflops ?? facts?.Fp16Tflops,
            Fp32Tflops = work.Fp32Tflops ?? facts?.Fp32Tflops,
            ParametersB = work.ParametersB ?? model?.ParametersB,
            ActiveB = work.ActiveB ?? (work.ParametersB is null || work.ParametersB == model?.ParametersB ? model?.ActiveB : null),
            KvBytesPerToken = work.KvBytesPerToken ?? model?.KvBytesPerToken,
        };
    }
}

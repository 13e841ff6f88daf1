using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>Looks things up in a calibration.</summary>
internal static class CalibrationReading
{
    /// <summary>What was measured of hardware with this id, without a count; null when nothing was.</summary>
    public static MeasuredHardware? Find(this Calibration calibration, string id) => id.Length == 0 ? null : Array.Find(calibration.Hardware, h => h.Id == id);

    /// <summary>The work with what is known of its hardware and its model filled in where it says nothing.</summary>
    public static Work Complete(this Calibration calibration, Work work)
    {
        var model = work.ModelId is { Length: > 0 } id ? calibration.Models.GetValueOrDefault(id) : null;
        var facts = calibration.Find(Resolved.BoxOf(work.Hardware ?? ""))?.Facts;
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

    /// <summary>The correction, and whether there is one.</summary>
    public static bool Find(this Calibration calibration, uint key, out double correction)
    {
        var at = Array.BinarySearch(calibration.Keys, key);
        correction = at < 0 ? 0 : calibration.Corrections[at] / 1000.0;
        return at >= 0;
    }
}

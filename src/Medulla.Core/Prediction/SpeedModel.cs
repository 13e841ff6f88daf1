using System.Globalization;
using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>
/// How fast a device will be. A physical picture (<see cref="Timing"/>) is corrected by what the community measured, first of classes, engines,
/// quantisations and models, then of the very hardware; the device's own measurements move the result on from there, the more the closer they
/// are to what is asked. Pure, microseconds.
/// </summary>
public static class SpeedModel
{
    /// <summary>Own measurements that are looked at, the nearest ones.</summary>
    private const int MostOwn = 40;

    /// <summary>How far the total correction of one part's share may go against it: beyond a half, a deeper context could come out faster.</summary>
    private const double MostOfShare = 0.5;

    /// <param name="calibration">What the evidence taught.</param>
    /// <param name="work">What is asked.</param>
    /// <param name="own">Measurements of this very device, of any work; of the other phase they are not used.</param>
    public static Speed Predict(Calibration calibration, Work work, IReadOnlyList<Measurement>? own = null)
    {
        work = calibration.Complete(work);
        var resolved = Resolved.Of(work);
        var index = CalibrationIndex.Of(calibration);
        var known = index.Hardware(resolved.Box) is { } found && (work.Phase == Phase.Decode ? found.Decode : found.Prefill) is > 0 and var rows ? rows : 0;
        var (log, features) = Community(index, resolved);
        var others = Math.Exp(log);
        var spread = SpreadOf(index, work, known);
        var used = own is { Count: > 0 } ? own.Where(m => m.Work.Phase == work.Phase && m.TokensPerSecond > 0).ToList() : [];
        var (moved, certainty) = used.Count == 0 ? (0, 0) : Own(calibration, work, known > 0, used);
        log += moved;
        var left = Math.Sqrt(Math.Max(0.04, 1 - certainty));
        var widen = left * (resolved.IsBandwidthKnown || known > 0 || used.Count > 0 ? 1 : 1.3) * (resolved.IsSizeKnown || resolved.AreWeightsKnown ? 1 : 2);
        var cap = work.Phase == Phase.Decode && work.Concurrency <= 1 && resolved.IsBandwidthKnown ? Roofline.Of(resolved) : double.PositiveInfinity;
        var speed = Math.Min(cap, Math.Exp(log));
        var basis = used.Count > 0 ? Basis.Own : known > 0 ? Basis.Community : Basis.Estimate;
        return new Speed
        {
            TokensPerSecond = speed,
            Low = Math.Min(speed, Math.Exp(log + Math.Min(0, spread.Low) * widen)),
            High = Math.Max(speed, Math.Min(cap, Math.Exp(log + Math.Max(0, spread.High) * widen))),
            Basis = basis,
            Because = new Lazy<string>(() => Because(resolved, basis, known, used.Count, others, speed, features)),
        };
    }

    /// <summary>Scatter of a measurement around what all corrections together say.</summary>
    internal static double Noise(Phase phase) => phase == Phase.Decode ? 0.1 : 0.15;

    private static (double Log, int Found) Community(CalibrationIndex index, Resolved resolved)
    {
        var timing = Timing.Of(resolved);
        double plain = 0, context = 0, unpack = 0, overhead = 0;
        var hits = 0;
        foreach (var feature in Features.Of(resolved, timing))
        {
            if (!index.Find(feature.Key, out var correction)) continue;
            hits++;
            correction *= feature.Value;
            switch (feature.Effect)
            {
                case Effect.Context or Effect.ContextOfBackend or Effect.ModelContext or Effect.OptionsContext or Effect.BoxContext or Effect.BoxModelContext:
                    context += correction;
                    break;
                case Effect.Unpack or Effect.UnpackOfQuant:
                    unpack += correction;
                    break;
                case Effect.Overhead or Effect.BoxOverhead:
                    overhead += correction;
                    break;
                default:
                    plain += correction;
                    break;
            }
        }

        return (timing.LogSpeed + plain + Math.Min(context, MostOfShare * timing.Context) + Math.Max(unpack, -MostOfShare * timing.Unpack) + Math.Max(overhead, -MostOfShare * timing.Overhead), hits);
    }

    /// <summary>
    /// Kriging: what this device's measurements were off, spread to what they have in common with the work that is asked. Certainty is the share
    /// of the variance between boxes that they explain, 0 to 1.
    /// </summary>
    private static (double Moved, double Certainty) Own(Calibration calibration, Work work, bool isKnown, List<Measurement> own)
    {
        var (asked, _) = Own(calibration, work);
        var here = Likeness(asked, asked, isKnown);
        var near = own.Select(m => (Own(calibration, calibration.Complete(m.Work)), m.TokensPerSecond))
            .Select(p => (p.Item1.Features, Off: Math.Log(p.TokensPerSecond) - p.Item1.Log, Like: Likeness(asked, p.Item1.Features, isKnown)))
            .OrderByDescending(p => p.Like).Take(MostOwn).ToList();
        var noise = 0.4 * Noise(work.Phase);
        var matrix = new double[near.Count, near.Count];
        for (var i = 0; i < near.Count; i++)
        {
            for (var j = 0; j <= i; j++) matrix[i, j] = matrix[j, i] = Likeness(near[i].Features, near[j].Features, isKnown) + (i == j ? noise * noise : 0);
        }

        var likes = near.Select(n => n.Like).ToArray();
        var weights = Cholesky(matrix, likes);
        double moved = 0, explained = 0;
        for (var i = 0; i < near.Count; i++)
        {
            moved += weights[i] * near[i].Off;
            explained += weights[i] * likes[i];
        }

        return (moved, Math.Clamp(explained / here, 0, 1));
    }

    private static (List<Feature> Features, double Log) Own(Calibration calibration, Work work)
    {
        var resolved = Resolved.Of(work);
        var (log, _) = Community(CalibrationIndex.Of(calibration), resolved);
        // Hardware that nobody has a name for is still one and the same.
        if (resolved.Box.Length == 0) resolved = resolved with { Box = "this" };
        return (Features.OfHardware(resolved, Timing.Of(resolved)), log);
    }

    private static double Likeness(List<Feature> a, List<Feature> b, bool isKnown)
    {
        double sum = 0;
        foreach (var one in a)
        {
            foreach (var other in b)
            {
                if (one.Key == other.Key) sum += Scatter.OfOwn(one.Effect, isKnown) * one.Value * other.Value;
            }
        }

        return sum;
    }

    private static double[] Cholesky(double[,] matrix, double[] right)
    {
        var size = right.Length;
        var solution = (double[])right.Clone();
        for (var i = 0; i < size; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var sum = matrix[i, j];
                for (var k = 0; k < j; k++) sum -= matrix[i, k] * matrix[j, k];
                matrix[i, j] = i == j ? Math.Sqrt(Math.Max(sum, 1e-12)) : sum / matrix[j, j];
            }

            for (var k = 0; k < i; k++) solution[i] -= matrix[i, k] * solution[k];
            solution[i] /= matrix[i, i];
        }

        for (var i = size - 1; i >= 0; i--)
        {
            for (var k = i + 1; k < size; k++) solution[i] -= matrix[k, i] * solution[k];
            solution[i] /= matrix[i, i];
        }

        return solution;
    }

    private static Spread SpreadOf(CalibrationIndex index, Work work, int known)
    {
        // One or two rows of a box say little about it.
        var basis = known >= 3 ? Basis.Community : Basis.Estimate;
        return index.Spread(work.Phase, basis, work.HardwareClass) ?? new Spread(work.Phase, "", basis, -0.7, 0.5);
    }

    private static string Because(Resolved of, Basis basis, int known, int own, double others, double speed, int found)
    {
        var work = of.Work;
        var assumed = new List<string>();
        if (!of.IsBandwidthKnown) assumed.Add(Text($"its bandwidth, taken as {of.Bandwidth / 1e9:0} GB/s"));
        if (!of.IsSizeKnown) assumed.Add(Text($"the model's size, taken as {of.Parameters:0.#}B"));
        else if (!of.AreWeightsKnown) assumed.Add(Text($"the size of the weights, taken as {of.Weights / (1L << 30):0.0} GiB"));
        var hardware = of.Box.Length > 0 ? of.Box : work.HardwareClass;
        var physics = work.Phase == Phase.Decode
            ? Text($"{of.Weights * of.Active / of.Parameters / (1L << 30):0.0} GiB read per token at {of.Bandwidth / 1e9:0} GB/s allow {Roofline.Of(of) / Math.Max(1, work.Devices):0.#} tok/s on one device")
            : Text($"{of.Active:0.#}B active parameters at {of.Fp16Tflops:0} TFLOPS");
        var said = basis switch
        {
            Basis.Own => Text($"own: {Count(own, "measurement")} of this device moved {others:0.#} tok/s, what others' evidence says, to {speed:0.#}; {physics}"),
            Basis.Community => Text($"community: {Count(known, "measurement")} of {hardware}, and what its class, engine, model and quantisation did elsewhere; {physics}"),
            _ => found == 0 ? Text($"estimate: nothing like it was measured; {physics}") : Text($"estimate: nobody measured {hardware}; its class, engine, model and quantisation as measured elsewhere; {physics}"),
        };
        return assumed.Count == 0 ? said : said + "; unknown: " + string.Join(", ", assumed);

        static string Count(int number, string noun) => number == 1 ? "1 " + noun : Text($"{number} {noun}s");
        static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }
}

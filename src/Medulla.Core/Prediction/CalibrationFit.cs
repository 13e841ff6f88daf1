using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>Makes a <see cref="Calibration"/> of measurements: the same ones give the same calibration, whatever their order of hardware.</summary>
public static class CalibrationFit
{
    private const int HardwareFolds = 5;
    private const int RowFolds = 3;
    private const int Rounds = 4;
    private const int RoundsOfFold = 2;

    /// <summary>Corrections smaller than this, in thousandths, are not worth their bytes.</summary>
    private const int Least = 2;

    /// <param name="measurements">Without the doubtful ones, and without speculative decoding.</param>
    /// <param name="models">What is known of the models in them.</param>
    public static Calibration Of(IReadOnlyList<Measurement> measurements, IReadOnlyDictionary<string, ModelFacts> models) => Of(measurements, models, withSpreads: true);

    /// <summary>A fit of fewer measurements that keeps the intervals of a whole one: what a comparison with hardware kept aside needs, a hundred times over.</summary>
    public static Calibration Without(Calibration whole, IReadOnlyList<Measurement> rest, IReadOnlyDictionary<string, ModelFacts> models) => Of(rest, models, withSpreads: false) with { Spreads = whole.Spreads };

    private static Calibration Of(IReadOnlyList<Measurement> measurements, IReadOnlyDictionary<string, ModelFacts> models, bool withSpreads)
    {
        var known = Calibration.Empty with { Models = models };
        var samples = measurements.Select(m => Sample.Of(m with { Work = known.Complete(m.Work) })).ToList();
        var corrections = new SortedDictionary<uint, short>();
        var spreads = new List<Spread>();
        foreach (var phase in (Phase[])[Phase.Prefill, Phase.Decode])
        {
            var rows = samples.Where(s => s.Phase == phase).ToList();
            var ridge = Fit(rows, phase, Rounds);
            for (var i = 0; i < ridge.Keys.Length; i++)
            {
                var thousandths = (short)Math.Clamp(Math.Round(ridge.Corrections[i] * 1000), -9999, 9999);
                if (Math.Abs(thousandths) >= Least) corrections[ridge.Keys[i]] = thousandths;
            }

            if (withSpreads) spreads.AddRange(SpreadsOf(rows, phase));
        }

        return new Calibration
        {
            Keys = [.. corrections.Keys],
            Corrections = [.. corrections.Values],
            Spreads = [.. spreads],
            Hardware = [.. measurements.GroupBy(m => Resolved.BoxOf(m.Work.Hardware ?? ""), StringComparer.Ordinal).Where(g => g.Key.Length > 0).OrderBy(g => g.Key, StringComparer.Ordinal).Select(Hardware)],
            Models = models,
        };
    }

    private static Ridge Fit(List<Sample> rows, Phase phase, int rounds)
    {
        var ridge = new Ridge(rows, phase);
        ridge.Fit(SpeedModel.Noise(phase), rounds);
        return ridge;
    }

    private static MeasuredHardware Hardware(IGrouping<string, Measurement> rows)
    {
        var work = rows.First().Work;
        return new MeasuredHardware(
            rows.Key,
            rows.Count(r => r.Work.Phase == Phase.Decode),
            rows.Count(r => r.Work.Phase == Phase.Prefill),
            new HardwareFacts(work.HardwareClass, work.BandwidthGBs, work.Fp16Tflops, work.Fp32Tflops));
    }

    /// <summary>Keeps hardware and rows aside in turn and looks how far off their predictions are.</summary>
    private static IEnumerable<Spread> SpreadsOf(List<Sample> rows, Phase phase)
    {
        var boxes = rows.Select(r => r.Box).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select((b, i) => (b, i)).ToDictionary(p => p.b, p => p.i, StringComparer.Ordinal);
        var estimates = Off(rows, phase, HardwareFolds, (row, _) => boxes[row.Box] % HardwareFolds);
        var community = Off(rows, phase, RowFolds, (_, at) => at % RowFolds);
        foreach (var (basis, off) in new[] { (Basis.Estimate, estimates), (Basis.Community, community) })
        {
            yield return Quantiles(phase, "", basis, off);
            foreach (var group in off.GroupBy(o => o.Row.Class, StringComparer.Ordinal).Where(g => g.Count() >= 20).OrderBy(g => g.Key, StringComparer.Ordinal)) yield return Quantiles(phase, group.Key, basis, [.. group]);
        }
    }

    private static List<(Sample Row, double Off)> Off(List<Sample> rows, Phase phase, int folds, Func<Sample, int, int> foldOf)
    {
        var off = new List<(Sample, double)>();
        for (var fold = 0; fold < folds; fold++)
        {
            var ridge = Fit([.. rows.Where((r, i) => foldOf(r, i) != fold)], phase, RoundsOfFold);
            var corrections = ridge.Keys.Zip(ridge.Corrections).ToDictionary(p => p.First, p => p.Second);
            off.AddRange(rows.Where((r, i) => foldOf(r, i) == fold).Select(r => (r, r.Residual - r.Features.Sum(f => f.Value * corrections.GetValueOrDefault(f.Key)))));
        }

        return off;
    }

    /// <summary>Every hardware counts by the root of its rows, so that one that was measured a thousand times does not speak for all.</summary>
    private static Spread Quantiles(Phase phase, string hardwareClass, Basis basis, List<(Sample Row, double Off)> off)
    {
        var counts = off.GroupBy(o => o.Row.Box, StringComparer.Ordinal).ToDictionary(g => g.Key, g => Math.Sqrt(g.Count()), StringComparer.Ordinal);
        var ordered = off.OrderBy(o => o.Off).Select(o => (o.Off, Weight: 1 / counts[o.Row.Box])).ToList();
        return new Spread(phase, hardwareClass, basis, Math.Round(At(0.1), 3), Math.Round(At(0.9), 3));

        double At(double share)
        {
            var goal = ordered.Sum(o => o.Weight) * share;
            double sum = 0;
            foreach (var (value, weight) in ordered)
            {
                sum += weight;
                if (sum >= goal) return value;
            }

            return 0;
        }
    }
}

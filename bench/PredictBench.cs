using System.Diagnostics;
using Medulla.Catalogs;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;

namespace Medulla.Bench;

/// <summary>
/// How good speeds are predicted of hardware that nobody measured: each hardware is kept aside in turn, with its multi-device twins, the rest is
/// fitted, and its rows are predicted; then again with one of its rows told as the device's own measurement.
/// </summary>
internal static class PredictBench
{
    private const int OwnChoices = 5;

    /// <summary>For hardware that has other rows, every fifth row is kept aside in turn.</summary>
    private const int KnownFolds = 5;

    /// <summary>Over all measurements, to know what one prediction costs once its code is compiled.</summary>
    private const int Rounds = 30;

    public static int Run()
    {
        var (_, evidence, problems) = CatalogFolder.Read(Path.Combine(Root(), "catalog"));
        foreach (var problem in problems) Console.Error.WriteLine(problem);
        var all = evidence.SelectMany(Measurement.Of).ToList();
        var models = Measurement.ModelsOf(evidence);

        var start = Stopwatch.GetTimestamp();
        var everything = CalibrationFit.Of(all, models);
        var fit = Stopwatch.GetElapsedTime(start);
        var predicting = double.PositiveInfinity;
        for (var round = 0; round < Rounds; round++)
        {
            start = Stopwatch.GetTimestamp();
            foreach (var measurement in all) SpeedModel.Predict(everything, measurement.Work);
            predicting = Math.Min(predicting, Stopwatch.GetElapsedTime(start).TotalMicroseconds / all.Count);
        }

        Console.WriteLine($"predict: {all.Count} measurements of {evidence.Length} hardware; fitted in {fit.TotalSeconds:0.00} s, {everything.Keys.Length} corrections; one prediction {predicting:0.0} us, best of {Rounds} rounds");

        var rows = new List<Row>();
        foreach (var box in all.GroupBy(m => Box(m.Work.Hardware!), StringComparer.Ordinal))
        {
            var calibration = CalibrationFit.Without(everything, [.. all.Where(m => Box(m.Work.Hardware!) != box.Key)], models);
            foreach (var hardware in box.GroupBy(m => m.Work.Hardware!, StringComparer.Ordinal))
            {
                var own = Own(calibration, [.. hardware.Where(m => m.Work.Phase == Phase.Decode)]);
                var probe = Probe([.. hardware.Where(m => m.Work.Phase == Phase.Decode)]);
                rows.AddRange(hardware.Select(m => Row.Of(m, SpeedModel.Predict(calibration, m.Work), own.GetValueOrDefault(m)) with { Probed = Probed(m) }));

                double? Probed(Measurement m) => probe is null || ReferenceEquals(probe, m) || m.Work.Phase != Phase.Decode ? null : Math.Abs(SpeedModel.Predict(calibration, m.Work, [probe]).TokensPerSecond / m.TokensPerSecond - 1);
            }
        }

        var decode = rows.Where(r => r.Measurement.Work.Phase == Phase.Decode).ToList();
        var prefill = rows.Where(r => r.Measurement.Work.Phase == Phase.Prefill).ToList();
        Print("all", decode, prefill);
        var known = new List<Row>();
        for (var fold = 0; fold < KnownFolds; fold++)
        {
            var calibration = CalibrationFit.Without(everything, [.. all.Where((_, i) => i % KnownFolds != fold)], models);
            known.AddRange(all.Where((m, i) => i % KnownFolds == fold).Select(m => Row.Of(m, SpeedModel.Predict(calibration, m.Work), null)));
        }

        Print("known", [.. known.Where(r => r.Measurement.Work.Phase == Phase.Decode)], [.. known.Where(r => r.Measurement.Work.Phase == Phase.Prefill)]);
        foreach (var name in rows.Select(r => r.Measurement.Work.HardwareClass).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            Print(name, [.. decode.Where(r => r.Measurement.Work.HardwareClass == name)], [.. prefill.Where(r => r.Measurement.Work.HardwareClass == name)]);
        }

        var unanswered = rows.Where(r => !double.IsFinite(r.Speed.TokensPerSecond) || r.Speed.TokensPerSecond <= 0).Select(r => r.Measurement.Work.Hardware).Distinct(StringComparer.Ordinal).ToList();
        Console.WriteLine($"hardware without an answer: {(unanswered.Count == 0 ? "none" : string.Join(", ", unanswered))}");
        Console.WriteLine("worst decode, by hardware: " + string.Join(", ", decode.GroupBy(r => r.Measurement.Work.Hardware!, StringComparer.Ordinal).OrderByDescending(g => g.Count(r => r.Error > 0.35)).Take(14).Select(g => $"{g.Key} {g.Count(r => r.Error > 0.35)}/{g.Count()} ({g.Select(r => r.Log).ToList().Median():+0.00;-0.00})")));
        Console.WriteLine("worst prefill, by hardware: " + string.Join(", ", prefill.GroupBy(r => r.Measurement.Work.Hardware!, StringComparer.Ordinal).OrderByDescending(g => g.Count(r => r.Error > 0.35)).Take(14).Select(g => $"{g.Key} {g.Count(r => r.Error > 0.35)}/{g.Count()} ({g.Select(r => r.Log).ToList().Median():+0.00;-0.00})")));
        return Median(decode) <= 0.12 && Quantile(decode, 0.9) <= 0.35 && Median(prefill) <= 0.25 ? 0 : 1;
    }

    /// <summary>The errors of every row with another row of the same hardware told: for several rows to tell, from small models to big ones, shallow ones first.</summary>
    private static Dictionary<Measurement, List<double>> Own(Calibration calibration, List<Measurement> rows)
    {
        var single = rows.Where(m => m.Work.Concurrency == 1).ToList();
        var ordered = (single.Count > 0 ? single : rows).OrderBy(m => m.Work.Depth > 4096).ThenBy(m => m.Work.WeightsGiB ?? m.Work.ParametersB ?? 0).ToList();
        var count = Math.Min(OwnChoices, ordered.Count);
        var errors = rows.ToDictionary(m => m, _ => new List<double>(), ReferenceEqualityComparer.Instance as IEqualityComparer<Measurement>);
        foreach (var told in Enumerable.Range(0, count).Select(i => ordered[(int)((i + 0.5) * ordered.Count / count)]))
        {
            foreach (var row in rows.Where(r => !ReferenceEquals(r, told))) errors[row].Add(Math.Abs(SpeedModel.Predict(calibration, row.Work, [told]).TokensPerSecond / row.TokensPerSecond - 1));
        }

        return errors;
    }

    /// <summary>
    /// What a device would measure of itself first: one stream with little context, on the engine and backend that it has most rows of, a model
    /// of middling size. Null when it has no decode.
    /// </summary>
    private static Measurement? Probe(List<Measurement> rows)
    {
        List<Measurement> Or(Func<Measurement, bool> wanted) => rows.Where(wanted).ToList() is { Count: > 0 } some ? some : rows;
        rows = Or(m => m.Work.Concurrency == 1);
        rows = Or(m => m.Work.Depth <= 4096);
        if (rows.Count == 0) return null;
        var usual = rows.GroupBy(m => (m.Work.Engine, m.Work.Backend)).OrderByDescending(g => g.Count()).First().OrderBy(m => m.Work.WeightsGiB ?? m.Work.ParametersB ?? 0).ToList();
        return usual[usual.Count / 2];
    }

    private static void Print(string name, List<Row> decode, List<Row> prefill)
    {
        var own = decode.SelectMany(r => r.OwnErrors.Select(e => (Error: e, Weight: 1.0 / r.OwnErrors.Count))).OrderBy(e => e.Error).ToList();
        var told = decode.Where(r => r.OwnErrors.Count > 0).GroupBy(r => r.Measurement.Work.Hardware!, StringComparer.Ordinal).Select(g => g.SelectMany(r => r.OwnErrors).ToList().Median()).ToList();
        var probed = decode.Where(r => r.Probed is not null).Select(r => r.Probed!.Value).Order().ToList();
        Console.WriteLine($"{name,-12} decode {decode.Count,4} rows: median {Median(decode),6:0.0 %}  p90 {Quantile(decode, 0.9),6:0 %}  median of hardware {ByHardware(decode),6:0.0 %}  within interval {Covered(decode),4:0 %} | one own: {Weighted(own),6:0.0 %}, of hardware {(told.Count == 0 ? double.NaN : told.Median()),6:0.0 %}, as probed {(probed.Count == 0 ? double.NaN : probed[probed.Count / 2]),6:0.0 %} | prefill {prefill.Count,4}: {Median(prefill),6:0.0 %}  p90 {Quantile(prefill, 0.9),5:0 %}  of hardware {ByHardware(prefill),6:0.0 %}  within {Covered(prefill),4:0 %}");
    }

    private static double Weighted(List<(double Error, double Weight)> errors)
    {
        var half = errors.Sum(e => e.Weight) / 2;
        double sum = 0;
        foreach (var (error, weight) in errors)
        {
            if ((sum += weight) >= half) return error;
        }

        return double.NaN;
    }

    private static double Median(List<Row> rows) => Quantile(rows, 0.5);

    private static double Quantile(List<Row> rows, double share) => rows.Count == 0 ? double.NaN : rows.Select(r => r.Error).Order().ElementAt((int)((rows.Count - 1) * share));

    private static double ByHardware(List<Row> rows) => rows.Count == 0 ? double.NaN : rows.GroupBy(r => r.Measurement.Work.Hardware!, StringComparer.Ordinal).Select(g => Median([.. g])).ToList().Median();

    private static double Covered(List<Row> rows) => rows.Count == 0 ? double.NaN : rows.Average(r => r.Measurement.TokensPerSecond >= r.Speed.Low && r.Measurement.TokensPerSecond <= r.Speed.High ? 1.0 : 0);

    private static string Box(string hardware) => hardware.IndexOf("x-", StringComparison.Ordinal) is > 0 and var at && hardware[..at].All(char.IsAsciiDigit) ? hardware[(at + 2)..] : hardware;

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Medulla.slnx"))) folder = folder.Parent!;
        return folder.FullName;
    }

    private sealed record Row(Measurement Measurement, Speed Speed, double Error, double Log, List<double> OwnErrors)
    {
        /// <summary>The error with the device's first probe told; null for the probe itself and in prefill.</summary>
        public double? Probed { get; init; }

        public static Row Of(Measurement m, Speed speed, List<double>? own) => new(m, speed, Math.Abs(speed.TokensPerSecond / m.TokensPerSecond - 1), Math.Log(speed.TokensPerSecond / m.TokensPerSecond), own ?? []);
    }
}

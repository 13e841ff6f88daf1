using System.Globalization;
using Medulla.Artifacts.Headers;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;
using Medulla.Core.Units;
using Medulla.Tests.Kit;

namespace Medulla.Bench;

/// <summary>What the engine says it would take beside what is predicted from the header alone, for models of every shape.</summary>
internal static class MemoryBench
{
    private static readonly (int Context, int Parallel, KvType Kv, int MicroBatch, bool Flash)[] Settings =
    [
        (2048, 1, KvType.F16, 512, true),
        (8192, 1, KvType.F16, 512, true),
        (32768, 1, KvType.F16, 512, true),
        (131072, 1, KvType.F16, 512, true),
        (8192, 4, KvType.F16, 512, true),
        (32768, 4, KvType.Q8, 512, true),
        (8192, 1, KvType.Q4, 512, true),
        (16384, 2, KvType.F16, 2048, true),
        (8192, 1, KvType.F16, 512, false),
    ];

    public static async Task<int> RunAsync()
    {
        if (await RealEngine.MissingAsync() is { } reason)
        {
            Console.WriteLine($"memory: no real engine can be had here: {reason}");
            return 1;
        }

        var folder = Places.NewFolder("memory");
        var (errors, shares, outside) = (new List<double>(), new List<double>(), 0);
        try
        {
            Console.WriteLine("| shape | context × slots, KV, micro-batch | engine: weights + cache + compute = MiB | ours | error MiB | error |");
            Console.WriteLine("|---|---|---|---|---|---|");
            foreach (var shape in SyntheticGguf.Shapes)
            {
                var path = Path.Combine(folder, "m.gguf");
                shape.WriteSparse(path);
                var header = ModelHeader.Read(path);
                foreach (var (context, parallel, kv, batch, flash) in Settings)
                {
                    if (kv != KvType.F16 && shape.Name == "dense-tiny") continue;
                    var theirs = await RealEngine.ReportAsync(path, Arguments(context, parallel, kv, batch, flash));
                    var ours = MemoryFit.Of(header.Shape!, header.Weights, new FitSettings { Context = context, Parallel = parallel, KvType = kv, MicroBatch = batch, FlashAttention = flash });
                    var (weights, cache, compute) = (MiB(ours.Weights), MiB(ours.Cache), MiB(ours.Compute));
                    var error = weights + cache + compute - theirs.Total;
                    var share = error / Math.Max(1, theirs.Total);
                    errors.Add(error);
                    shares.Add(Math.Abs(share));
                    var good = Math.Abs(error) <= Math.Max(64, 0.03 * theirs.Total);
                    if (!good) outside++;
                    Console.WriteLine($"| {shape.Name} | {context} × {parallel}, {kv}, {batch}{(flash ? "" : ", no flash attention")} | {theirs.Weights} + {theirs.Cache} + {theirs.Compute} = {theirs.Total} | {weights:0} + {cache:0} + {compute:0} = {weights + cache + compute:0} | {error:+0;-0;0} | {share.ToString("+0.0%;-0.0%;0.0%", CultureInfo.InvariantCulture)}{(good ? "" : " !")} |");
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Console.WriteLine($"memory: {errors.Count} configurations of {SyntheticGguf.Shapes.Count} shapes: error median {shares.Median():0.00%}, from {errors.Min():0} to {errors.Max():+0} MiB; {outside} outside 3 % and 64 MiB (target 0)");
        return outside == 0 ? 0 : 1;
    }

    private static string[] Arguments(int context, int parallel, KvType kv, int batch, bool flash)
    {
        var type = kv switch { KvType.Q8 => "q8_0", KvType.Q4 => "q4_0", _ => "f16" };
        return
        [
            "-c", (context * parallel).ToString(CultureInfo.InvariantCulture), "-np", parallel.ToString(CultureInfo.InvariantCulture),
            "-ctk", type, "-ctv", type, "-fa", flash ? "on" : "off",
            "-ub", batch.ToString(CultureInfo.InvariantCulture), "-b", Math.Max(2048, batch).ToString(CultureInfo.InvariantCulture),
        ];
    }

    private static double MiB(ByteSize size) => size.Bytes / (double)(1 << 20);
}

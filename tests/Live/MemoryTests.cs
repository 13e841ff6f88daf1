using System.Globalization;
using Medulla.Artifacts.Headers;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;
using Medulla.Core.Units;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>
/// What is predicted from a header alone against what the real engine says it would take. <c>MEDULLA_LONG=1</c> asks for every
/// shape at every setting.
/// </summary>
public sealed class MemoryTests
{
    private static readonly bool Long = Environment.GetEnvironmentVariable("MEDULLA_LONG") == "1";

    public static TheoryData<string> Shapes() => [.. SyntheticGguf.Shapes.Select(s => s.Name)];

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task The_prediction_is_within_3_percent_or_64_MiB_of_the_engines_own_and_never_under_on_unified_memory(string name)
    {
        await Engine.NeededAsync();
        var folder = Places.NewFolder("memory");
        try
        {
            var path = Path.Combine(folder, "m.gguf");
            var synthetic = SyntheticGguf.Shapes.Single(s => s.Name == name);
            synthetic.WriteSparse(path);
            var header = ModelHeader.Read(path);
            var wrong = new List<string>();
            foreach (var settings in Settings().Where(s => s.KvType == KvType.F16 || synthetic.Width / synthetic.Heads % 32 == 0 || synthetic.HeadWidth > 0))
            {
                var theirs = (await RealEngine.ReportAsync(path, Arguments(settings))).Total;
                var need = MemoryFit.Of(header.Shape!, header.Weights, settings);
                var ours = MiB(need.Weights + need.Cache + need.Compute);
                if (Math.Abs(ours - theirs) > Math.Max(64, 0.03 * theirs)) wrong.Add($"{settings}: the engine says {theirs} MiB, predicted are {ours:0.0}: {need}");

                // The engine rounds each of at most 8 figures down to MiB.
                var unified = MemoryFit.Of(header.Shape!, header.Weights, settings with { Unified = true });
                var pool = MiB(unified.Total - MemoryFit.Process);
                if (pool < theirs + 8) wrong.Add($"{settings}: on unified memory {pool:0.0} MiB are predicted and the engine takes up to {theirs + 8}");
                if (pool > Math.Max(theirs + 128, theirs * 1.06)) wrong.Add($"{settings}: on unified memory {pool:0.0} MiB are predicted where the engine takes {theirs}");
            }

            Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Not the report but the world: resident memory of a server that has answered, without its weights, which are mapped.</summary>
    [Fact]
    public async Task A_server_that_answers_takes_no_more_than_was_predicted()
    {
        await Engine.NeededAsync();
        await using var device = await new Device("fit").Start("--no-climb").ServesAsync();
        var instance = await device.InstanceAsync();
        var pid = (int)instance["pid"]!;
        await device.AskAsync("Hello!");
        var header = ModelHeader.Read((string)instance["model_path"]!);
        var arguments = (await File.ReadAllTextAsync($"/proc/{pid}/cmdline", TestContext.Current.CancellationToken)).Split('\0');
        var parallel = int.Parse(arguments[Array.IndexOf(arguments, "--parallel") + 1], CultureInfo.InvariantCulture);
        var context = int.Parse(arguments[Array.IndexOf(arguments, "--ctx-size") + 1], CultureInfo.InvariantCulture) / parallel;
        var need = MemoryFit.Of(header.Shape!, header.Weights, new FitSettings { Context = context, Parallel = parallel, Unified = true });
        var resident = (await File.ReadAllLinesAsync($"/proc/{pid}/status", TestContext.Current.CancellationToken)).Single(l => l.StartsWith("RssAnon:", StringComparison.Ordinal));
        var taken = new ByteSize(long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) << 10);
        Assert.True(taken <= need.Total, $"the server has {taken} and {need.Total} were predicted: {need}");
    }

    private static IEnumerable<FitSettings> Settings()
    {
        var contexts = Long ? [2048, 4096, 8192, 16384, 32768, 65536, 131072] : new[] { 2048, 131072 };
        foreach (var context in contexts)
        {
            foreach (var parallel in Long ? [1, 2, 3, 4, 8] : new[] { context == 2048 ? 4 : 1 })
            {
                foreach (var kv in Long ? [KvType.F16, KvType.Q8, KvType.Q4] : new[] { context == 2048 ? KvType.Q8 : KvType.F16 })
                {
                    yield return new FitSettings { Context = context, Parallel = parallel, KvType = kv };
                    if (!Long) continue;
                    if (parallel == 2) yield return new FitSettings { Context = context, Parallel = parallel, KvType = kv, MicroBatch = 2048 };
                    if (parallel == 1 && kv == KvType.F16) yield return new FitSettings { Context = context, FlashAttention = false };
                }
            }
        }

        yield return new FitSettings { Context = 8192 };
        yield return new FitSettings { Context = 131072, FlashAttention = false };
    }

    private static string[] Arguments(FitSettings settings)
    {
        var type = settings.KvType switch { KvType.Q8 => "q8_0", KvType.Q4 => "q4_0", _ => "f16" };
        return
        [
            "--ctx-size", Number(settings.Context * settings.Parallel), "--parallel", Number(settings.Parallel),
            "--cache-type-k", type, "--cache-type-v", type, "--flash-attn", settings.FlashAttention ? "on" : "off",
            "--ubatch-size", Number(settings.MicroBatch), "--batch-size", Number(Math.Max(2048, settings.MicroBatch)),
        ];
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static double MiB(ByteSize size) => size.Bytes / (double)(1 << 20);
}

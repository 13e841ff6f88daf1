using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Core.Blueprints;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Admin;

/// <summary><c>medulla predict</c>: how fast a model would be on hardware that is not here, or a table of such questions.</summary>
internal static class PredictCommand
{
    private static readonly Option<string?> Csv = new("--csv") { Description = "Predict every row of a table; the result goes to standard output", HelpName = "FILE" };
    private static readonly Option<string?> Hardware = new("--hardware") { Description = "Hardware of the catalog; 2x-ID for two of them", HelpName = "ID" };
    private static readonly Option<string> Engine = new("--engine") { Description = "Engine of the catalog, ENGINE-BACKEND for one of its backends", HelpName = "E", DefaultValueFactory = _ => "llama.cpp" };
    private static readonly Option<string?> Model = new("--model") { Description = "Model of the catalog", HelpName = "M" };
    private static readonly Option<string?> Quant = new("--quant") { Description = "Quantisation (default: the first file that the engine runs)", HelpName = "Q" };
    private static readonly Option<int> Depth = new("--depth") { Description = "Tokens in the context before", HelpName = "N" };
    private static readonly Option<int> Concurrency = new("--concurrency") { Description = "Requests at the same time", HelpName = "N", DefaultValueFactory = _ => 1 };

    public static Command Create()
    {
        Range(Depth, 0, 1 << 24);
        Range(Concurrency, 1, 4096);
        var command = new Command("predict", "Say how fast a model would be on hardware that is not here") { Csv, Hardware, Engine, Model, Quant, Depth, Concurrency, Commands.Json };
        command.SetAction(async parsed =>
        {
            var (catalog, warning) = EmbeddedCatalog.InForce(UpOptions.DataDirectoryOf(parsed.GetValue(Commands.Data)));
            if (warning is not null) await Console.Error.WriteLineAsync($"medulla: {warning}");
            if (parsed.GetValue(Csv) is { } file) return await TableAsync(file, catalog);
            if (parsed.GetValue(Hardware) is not { } hardware || parsed.GetValue(Model) is not { } model) return await Commands.FailAsync("give --hardware ID and --model M, or --csv FILE", ExitCode.Usage);
            var (report, problem) = One(catalog, hardware, parsed.GetValue(Engine)!, model, parsed.GetValue(Quant), parsed.GetValue(Depth), parsed.GetValue(Concurrency));
            if (report is null) return await Commands.FailAsync(problem!);
            if (parsed.GetValue(Commands.Json))
            {
                Console.WriteLine(JsonSerializer.Serialize(report, PredictJson.Default.PredictReport));
            }
            else
            {
                Console.WriteLine($"{report.Model} {report.Quant} with {report.Engine}-{report.Backend} on {report.Hardware}, {report.Depth} tokens deep, {report.Concurrency} at once");
                Console.WriteLine($"  decode   {report.Decode.TokensPerS:0.#} tokens/s together ({report.Decode.Low:0.#} to {report.Decode.High:0.#}); {report.Decode.Reason}");
                Console.WriteLine($"  prefill  {report.Prefill.TokensPerS:0.#} tokens/s ({report.Prefill.Low:0.#} to {report.Prefill.High:0.#}); {report.Prefill.Reason}");
            }

            return ExitCode.Fine;
        });
        return command;
    }

    private static async Task<int> TableAsync(string file, Catalog catalog)
    {
        try
        {
            using var input = new StreamReader(file);
            await using var output = new StreamWriter(Console.OpenStandardOutput()) { NewLine = "\n" };
            PredictCsv.Run(input, output, catalog.Calibration, id => FactsOf(catalog, id), id => ModelId.TryParse(id, null, out var model) && catalog.FindModel(model) is { ParametersB: > 0 } m ? new ModelFacts(m.ParametersB, m.ActiveB, m.KvBytesPerToken > 0 ? m.KvBytesPerToken : null) : null);
            return ExitCode.Fine;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return await Commands.FailAsync($"cannot predict {file}: {e.Message}");
        }
    }

    private static HardwareFacts? FactsOf(Catalog catalog, string id)
    {
        var entry = HardwareId.TryParse(id, null, out var known) ? catalog.FindHardware(known) : null;
        entry ??= catalog.Hardware.FirstOrDefault(h => h.MeasuredAs.Contains(id, StringComparer.OrdinalIgnoreCase));
        return entry is null ? null : new HardwareFacts(entry.Class, entry.BandwidthGBs, entry.Fp16Tflops, null);
    }

    private static (PredictReport? Report, string? Problem) One(Catalog catalog, string hardware, string engineText, string modelText, string? quant, int depth, int concurrency)
    {
        var (_, entry, count, problem) = PlanCommand.Typical(hardware, catalog);
        if (entry is null) return (null, problem);
        if (!ModelId.TryParse(modelText, null, out var id) || catalog.FindModel(id) is not { } model) return (null, $"the catalog has no model '{modelText}'");
        var dash = catalog.FindEngine(new EngineId(engineText)) is null ? engineText.LastIndexOf('-') : -1;
        if (catalog.FindEngine(new EngineId(dash > 0 ? engineText[..dash] : engineText)) is not { } engine) return (null, $"the catalog has no engine '{engineText}'; it has {string.Join(", ", catalog.Engines.Select(e => e.Id))}");
        var usable = engine.Builds.Where(b => dash > 0 ? b.Backend == engineText[(dash + 1)..] : entry.Kind == HardwareKind.Cpu ? b.OnProcessor : b.Needs.Any(n => entry.Interfaces.Contains(n, StringComparer.Ordinal)));
        if (usable.FirstOrDefault() is not { } build) return (null, $"{engine.Id} has no build that {entry.Id} can use (it offers {string.Join(", ", entry.Interfaces)}; builds are {string.Join(", ", engine.Builds.Select(b => b.Backend).Distinct())})");
        var file = model.Files.FirstOrDefault(f => engine.Runs(f) && (quant is null || string.Equals(f.Quant, quant, StringComparison.OrdinalIgnoreCase)));
        if (file is null && quant is null) return (null, $"{engine.Id} runs none of the files of {model.Id} ({string.Join(", ", model.Files.Select(f => f.Quant))})");
        if (model.ParametersB <= 0) return (null, $"nobody has recorded how many parameters {model.Id} has");
        var work = new Work
        {
            Hardware = entry.MeasuredAs.FirstOrDefault() is { } measured ? count > 1 ? $"{count}x-{measured}" : measured : null,
            HardwareClass = entry.Class,
            Devices = count,
            BandwidthGBs = entry.BandwidthGBs,
            Fp16Tflops = entry.Fp16Tflops,
            Engine = engine.Id.Value,
            Backend = build.Backend,
            Model = model.Title,
            ModelId = model.Id.Value,
            ParametersB = model.ParametersB,
            ActiveB = model.ActiveB,
            KvBytesPerToken = model.KvBytesPerToken > 0 ? model.KvBytesPerToken : null,
            Quant = file?.Quant ?? quant!,
            WeightsGiB = file is null ? null : file.Size.Bytes / (double)(1L << 30),
            Phase = Phase.Decode,
            Depth = depth,
            Concurrency = concurrency,
        };
        var decode = SpeedModel.Predict(catalog.Calibration, work);
        var prefill = SpeedModel.Predict(catalog.Calibration, work with { Phase = Phase.Prefill, Tokens = 512 });
        return (new PredictReport(hardware, engine.Id.Value, build.Backend, model.Id.Value, work.Quant, depth, concurrency, PredictedSpeed.Of(decode), PredictedSpeed.Of(prefill)), null);
    }

    private static void Range(Option<int> option, int least, int most) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() is var value && (value < least || value > most)) result.AddError($"{option.Name} is {value}, and {least} to {most} is possible");
    });
}

/// <param name="Depth">Tokens in the context before.</param>
/// <param name="Decode">Of all requests together.</param>
/// <param name="Prefill">Of 512 tokens.</param>
internal sealed record PredictReport(string Hardware, string Engine, string Backend, string Model, string Quant, int Depth, int Concurrency, PredictedSpeed Decode, PredictedSpeed Prefill);

/// <param name="Basis"><c>own</c>, <c>community</c> or <c>estimate</c>.</param>
internal sealed record PredictedSpeed(double TokensPerS, double Low, double High, string Basis, string Reason)
{
    public static PredictedSpeed Of(Speed speed) => new(Math.Round(speed.TokensPerSecond, 2), Math.Round(speed.Low, 2), Math.Round(speed.High, 2), speed.Basis.ToString().ToLowerInvariant(), speed.Reason);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(PredictReport))]
internal sealed partial class PredictJson : JsonSerializerContext;

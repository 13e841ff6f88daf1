using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Medulla.Artifacts;
using Medulla.Artifacts.Headers;
using Medulla.Catalogs;
using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;
using Medulla.Core.Wire;
using Medulla.State;
using Spectre.Console;

namespace Medulla.Admin;

/// <summary><c>medulla plan</c>: what would run here, or on a box that is not here, and why.</summary>
internal static class PlanCommand
{
    private static readonly Option<string?> Hardware = new("--hardware") { Description = "Plan for this kind of hardware of the catalog; 2x-ID for two of them", HelpName = "ID" };
    private static readonly Option<string?> From = new("--from") { Description = "Plan for the box that this folder is a capture of", HelpName = "DIR" };
    private static readonly Option<string?> IntentOption = new("--intent") { Description = "What is wanted (YAML); without it, one workload: chat", HelpName = "FILE" };
    private static readonly Option<string?> Profile = new("--profile") { Description = "What an application of the catalog needs, in place of an intent", HelpName = "ID" };

    private static readonly Option<string?> Model = new("--model") { Description = "Plan for a model that the catalog need not know: its file, or an http address of which only the header is read", HelpName = "FILE|URL" };

    private const int MaxRefusals = 6;

    public static Command Create()
    {
        var command = new Command("plan", "Show what would run here or there, what else could, and why not the rest") { Hardware, From, IntentOption, Profile, Model, Commands.Json };
        command.SetAction(async (parsed, cancel) =>
        {
            var data = UpOptions.DataDirectoryOf(parsed.GetValue(Commands.Data));
            var (catalog, warning) = EmbeddedCatalog.InForce(data);
            if (warning is not null) await Console.Error.WriteLineAsync($"medulla: {warning}");
            if (parsed.GetValue(Hardware) is not null && parsed.GetValue(From) is not null) return await Commands.FailAsync("--hardware and --from name two different boxes; give one of them", ExitCode.Usage);
            var (intent, problems) = IntentOf(parsed.GetValue(IntentOption), parsed.GetValue(Profile), catalog);
            if (intent is null)
            {
                foreach (var problem in problems) await Console.Error.WriteLineAsync($"medulla: {problem}");
                return ExitCode.BadConfiguration;
            }

            ModelEntry? model = null;
            if (parsed.GetValue(Model) is { } where)
            {
                if (!intent.IsDefault) return await Commands.FailAsync("--model says which model serves, and --intent and --profile say what is wanted; give one of them", ExitCode.Usage);
                try
                {
                    model = await UnknownModel.ReadAsync(where, StoreOptions.FromEnvironment(null, intent.Policy).HuggingFace, cancel);
                }
                catch (HeaderException e)
                {
                    return await Commands.FailAsync(e.Message);
                }

                intent = intent with { IsDefault = false, Workloads = [intent.Workloads[0] with { Model = model.Id, Task = model.Shape is { Pools: true } ? WorkloadTask.Embedding : WorkloadTask.Chat }] };
            }

            var (machine, reason) = await MachineOf(parsed.GetValue(Hardware), parsed.GetValue(From), data, catalog);
            if (machine is null) return await Commands.FailAsync(reason!);

            // What the daemon of this device has measured counts here, and nowhere else.
            var own = parsed.GetValue(Hardware) is null && parsed.GetValue(From) is null ? Commands.ReadMemory(data)?.Speeds ?? [] : [];
            var known = new Knowing { Policy = intent.Policy, IsDefault = intent.IsDefault, Machine = machine, Catalog = catalog, Own = own, OwnModels = model is null ? [] : [model] };
            var report = PlanReport.Of(Sharing.Plan(intent.Workloads, known, new Resolutions()), known);
            if (parsed.GetValue(Commands.Json)) Console.WriteLine(JsonSerializer.Serialize(report, Commands.Indented.PlanReport));
            else Show(Commands.Screen, report, model);
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary>A machine of the catalog: <c>ID</c>, or <c>Nx-ID</c> for N equal devices.</summary>
    public static (Machine? Machine, HardwareEntry? Entry, int Count, string? Problem) Typical(string text, Catalog catalog)
    {
        var (count, id) = (1, text);
        var times = text.IndexOf("x-", StringComparison.Ordinal);
        if (times > 0 && int.TryParse(text.AsSpan(0, times), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 64) (count, id) = (number, text[(times + 2)..]);
        var entry = HardwareId.TryParse(id, null, out var known) ? catalog.FindHardware(known) ?? catalog.Hardware.FirstOrDefault(h => h.MeasuredAs.Contains(id, StringComparer.Ordinal)) : null;
        if (entry is not null) return (TypicalMachine.Of(entry, count), entry, count, null);
        var near = catalog.Hardware.Select(h => h.Id.Value).Where(h => h.Contains(id, StringComparison.OrdinalIgnoreCase) || id.Contains(h, StringComparison.OrdinalIgnoreCase)).Take(5).ToList();
        return (null, null, 0, $"the catalog has no hardware '{id}'{(near.Count > 0 ? $"; near are {string.Join(", ", near)}" : $"; it has {string.Join(", ", catalog.Hardware.Select(h => h.Id.Value))}")}");
    }

    private static async Task<(Machine? Machine, string? Problem)> MachineOf(string? hardware, string? from, DataDirectory data, Catalog catalog)
    {
        if (hardware is not null)
        {
            var (machine, _, _, problem) = Typical(hardware, catalog);
            return (machine, problem);
        }

        if (from is null) return (await DetectCommand.HereAsync(data), null);
        if (!Directory.Exists(from)) return (null, $"cannot replay {from}: there is no such folder");
        var replayed = await DetectCommand.FromAsync(from);
        return replayed.Memory.Total == ByteSize.Zero && !replayed.Accelerators.Any(a => a.Memory is not null)
            ? (null, $"cannot plan for {from}: the capture says neither how much memory the box has nor how much its accelerators have. Add 'free -b' or /proc/meminfo to it.")
            : (replayed, null);
    }

    private static (Intent? Intent, IReadOnlyList<string> Problems) IntentOf(string? file, string? profile, Catalog catalog)
    {
        if (file is not null && profile is not null) return (null, ["--intent and --profile both say what is wanted; give one of them"]);
        if (file is not null) return IntentFile.Read(file);
        if (profile is null) return (Intent.Default(new Policy()), []);
        if (EntryId.TryParse(profile, null, out var id) && catalog.FindProfile(id) is { } entry)
        {
            return (new Intent { Generation = 1, IsDefault = false, Policy = new Policy(), Workloads = [.. entry.Workloads.Select(w => w.Workload)] }, []);
        }

        return (null, [$"the catalog has no application '{profile}'; it has {string.Join(", ", catalog.Profiles.Select(p => p.Id.Value))}"]);
    }

    private static void Show(IAnsiConsole console, PlanReport report, ModelEntry? model)
    {
        if (model is not null)
        {
            var file = model.Files[0];
            console.MarkupLineInterpolated($"[grey]model: {model.Title} ({model.Shape?.Architecture ?? "an architecture that its header does not tell"}, {model.ParametersB:0.####}e9 parameters{(model.ActiveB is { } active ? $", {active:0.####}e9 active" : "")}), {file.Quant}, {file.Size} of tensors, made for {model.ContextMax} tokens[/]");
            console.MarkupLineInterpolated($"[grey]to run it: put the file into a folder, start with --models FOLDER, and name '{model.Id}' as the model of a workload in the intent[/]");
        }

        foreach (var place in report.Places) console.MarkupLineInterpolated($"[grey]{place}[/]");
        console.MarkupLineInterpolated($"[grey]memory: {new ByteSize(report.MemoryPlannedBytes)} of {new ByteSize(report.MemoryBytes)} can be planned with[/]");
        foreach (var workload in report.Workloads)
        {
            console.WriteLine();
            console.MarkupLineInterpolated($"[bold]{workload.Workload}[/] ({workload.Task}{(workload.Level is null ? "" : $"; wanted: {workload.Level}")})");
            if (workload.Best is { } best) Show(console, best, best.Blocked is null ? "runs" : "best");
            else console.MarkupLine("  [red]nothing can serve it here[/]");
            if (workload.Best?.Blocked is not null && workload.Now is { } now) Show(console, now, "until then");
            else if (workload.Best?.Blocked is not null) console.MarkupLine("  [yellow]nothing that this release can run fits meanwhile[/]");
            if (workload.ResidencyReason.Length > 0) console.MarkupLineInterpolated($"    loaded   {workload.Residency}: {workload.ResidencyReason}");
            if (workload.Alternatives.Length > 0) Show(console, workload.Alternatives);
            foreach (var refused in workload.Refused.OrderByDescending(r => r.Models.Length).Take(MaxRefusals)) console.MarkupLineInterpolated($"  [grey]not {string.Join(", ", refused.Models.Take(6))}{(refused.Models.Length > 6 ? $" and {refused.Models.Length - 6} more" : "")}: {refused.Reason}[/]");
            if (workload.Refused.Length > MaxRefusals) console.MarkupLineInterpolated($"  [grey]and {workload.Refused.Skip(MaxRefusals).Sum(r => r.Models.Length)} more, with their reasons in --json[/]");
        }
    }

    private static void Show(IAnsiConsole console, ChoicePlan choice, string verb)
    {
        console.MarkupLineInterpolated($"  [green]{verb}[/] [bold]{choice.Model} {choice.Quant}[/] with {choice.Engine}-{choice.Backend} ({choice.Runs}) on {choice.Place}");
        if (choice.Blocked is { } blocked) console.MarkupLineInterpolated($"    [yellow]blocked[/]  {blocked}");
        console.MarkupLineInterpolated($"    shape    {choice.Context} tokens for each of {choice.Parallel} requests, {choice.KvType} cache, {choice.Offload}{(choice.Devices > 1 ? $" over {choice.Devices} devices" : "")}");
        var m = choice.Memory;
        console.MarkupLineInterpolated($"    memory   {new ByteSize(m.TotalBytes)}: weights {new ByteSize(m.WeightsBytes)}, cache {new ByteSize(m.CacheBytes)}, buffers {new ByteSize(m.ComputeBytes)}, engine {new ByteSize(m.OverheadBytes)}{(m.DeviceBytes > 0 ? $" ({new ByteSize(m.DeviceBytes)} on the accelerator)" : "")}");
        if (choice.Speed is { } s) console.MarkupLineInterpolated($"    speed    {s.TokensPerS} tokens/s ({s.Low} to {s.High}), {s.TogetherTokensPerS} together, first token after {s.FirstTokenS} s; {s.Reason}");
        if (choice.Flags.Length > 0) console.MarkupLineInterpolated($"    flags    {string.Join(' ', choice.Flags)}{(choice.Recipes.Length > 0 ? $" (recipes: {string.Join(", ", choice.Recipes)})" : "")}");
        console.MarkupLineInterpolated($"    because  {choice.Reason}");
    }

    private static void Show(IAnsiConsole console, ImmutableArray<ChoicePlan> alternatives)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("instead", "engine", "merit", "tokens/s", "memory", "why not");
        foreach (var choice in alternatives)
        {
            table.AddRow(
                Markup.Escape($"{choice.Model} {choice.Quant}"),
                Markup.Escape($"{choice.Engine}-{choice.Backend}"),
                choice.Merit.ToString("0.0", CultureInfo.InvariantCulture),
                choice.Speed is { } s ? s.TokensPerS.ToString("0.#", CultureInfo.InvariantCulture) : "",
                new ByteSize(choice.Memory.TotalBytes).ToString(),
                Markup.Escape(choice.Blocked is null ? choice.Reason : $"{choice.Reason}; {choice.Blocked}"));
        }

        console.Write(table);
    }
}

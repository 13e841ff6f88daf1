using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Core.Units;
using Medulla.Support;
using Spectre.Console;

namespace Medulla.Admin;

/// <summary><c>medulla support</c>: one file with the evidence that a person needs, and nothing that is nobody's business.</summary>
internal static class SupportCommand
{
    public static Command Create()
    {
        var target = new Option<string?>("--out") { Description = "File to write (default: medulla-support-TIME.tar.gz here)", HelpName = "FILE" };
        var intent = new Option<string?>("--intent") { Description = "Add what is wanted of this device", HelpName = "FILE" };
        var command = new Command("support", "Pack the evidence for a person who must look after all, without prompts, keys and names") { target, intent, Commands.Json };
        command.SetAction(async (parsed, cancel) =>
        {
            var data = UpOptions.DataDirectoryOf(parsed.GetValue(Commands.Data));
            var now = TimeProvider.System.GetUtcNow();
            var file = Path.GetFullPath(parsed.GetValue(target) ?? $"medulla-support-{now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}.tar.gz");
            if (File.Exists(file)) return await Commands.FailAsync($"cannot write the bundle to {file}: there is such a file already. Name another with --out FILE.");
            using var client = DaemonClient.Find(data);
            var voice = client is null ? null : new DaemonVoice(client.Card.Pid, client.ReadAsync);
            var evidence = new Evidence(data, Product.Version, parsed.GetValue(intent), voice, TimeProvider.System);
            var collected = await SupportBundle.CollectAsync(evidence.Sections, evidence.Redaction, TimeProvider.System, cancel);
            try
            {
                SupportBundle.Write(file, collected.Pieces, now);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return await Commands.FailAsync($"cannot write the bundle to {file}: {e.Message} Name a place with room with --out FILE.");
            }

            var report = new SupportReport(file, new FileInfo(file).Length, [.. collected.Pieces.Select(p => p.Name)], collected.Problems);
            if (parsed.GetValue(Commands.Json)) Console.WriteLine(JsonSerializer.Serialize(report, SupportJson.Default.SupportReport));
            else Show(report);
            return ExitCode.Fine;
        });
        return command;
    }

    private static void Show(SupportReport report)
    {
        Commands.Screen.MarkupLine($"[bold]{Markup.Escape(report.File)}[/] {new ByteSize(report.Bytes)}, {report.Pieces.Count} files; its README.txt says what is in it");
        foreach (var problem in report.Problems) Commands.Screen.MarkupLine($"  [yellow]not whole[/]  {Markup.Escape(problem)}");
    }
}

/// <param name="Problems">What could not be read, and what was cut.</param>
internal sealed record SupportReport(string File, long Bytes, IReadOnlyList<string> Pieces, IReadOnlyList<string> Problems);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(SupportReport))]
internal sealed partial class SupportJson : JsonSerializerContext;

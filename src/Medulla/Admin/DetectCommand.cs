using System.CommandLine;
using System.Text.Json;
using Medulla.Core.Machines;
using Medulla.Core.Wire;
using Medulla.Probing;
using Medulla.State;

namespace Medulla.Admin;

/// <summary><c>medulla detect</c>: what this machine is, or the one that a folder is a capture of.</summary>
internal static class DetectCommand
{
    public static Command Create()
    {
        var from = new Option<string?>("--from") { Description = "Replay a folder that was captured on another machine", HelpName = "DIR" };
        var capture = new Option<string?>("--capture") { Description = "Write what was asked and answered to a folder, without serial numbers and names", HelpName = "DIR" };
        var command = new Command("detect", "Show what this machine is") { from, capture, Commands.Json };
        command.SetAction(async (parsed, _) =>
        {
            var (source, target) = (parsed.GetValue(from), parsed.GetValue(capture));
            if (source is not null && !Directory.Exists(source)) return await Commands.FailAsync($"there is no folder {source} to replay");
            IReadOnlyList<Reading> readings;
            try
            {
                readings = await (source is not null ? new CaptureSource(source) : Here(UpOptions.DataDirectoryOf(parsed.GetValue(Commands.Data)))).ReadAsync();
                if (target is not null) CaptureWriter.Write(target, readings, $"medulla {Product.Version}");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return await Commands.FailAsync(target is null ? $"cannot read {source}: {e.Message}" : $"cannot write a capture to {target}: {e.Message}");
            }

            var machine = Detection.Of(readings);
            if (parsed.GetValue(Commands.Json)) Console.WriteLine(JsonSerializer.Serialize(DetectReport.Of(machine), Commands.Indented.DetectReport));
            else Commands.Screen.Show(machine);
            return ExitCode.Fine;
        });
        return command;
    }

    public static async Task<Machine> HereAsync(DataDirectory data) => Detection.Of(await Here(data).ReadAsync());

    public static async Task<Machine> FromAsync(string folder) => Detection.Of(await new CaptureSource(folder).ReadAsync());

    private static IProbeSource Here(DataDirectory data) => new LiveSource(Directory.Exists(data.Root) ? data.Root : Path.GetPathRoot(data.Root)!);
}

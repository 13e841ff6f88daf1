using System.CommandLine;
using System.Text.Json;
using Medulla.Core.Machines;
using Medulla.Probing;
using Medulla.State;

namespace Medulla.Admin;

internal static class DetectCommand
{
    public static Command Create()
    {
        var command = new Command("detect", "Show what this machine is") { Commands.Json };
        command.SetAction(async parsed =>
        {
            var machine = await HereAsync(UpOptions.DataDirectoryOf(parsed.GetValue(Commands.Data)));
            if (parsed.GetValue(Commands.Json)) Console.WriteLine(JsonSerializer.Serialize(machine, Commands.Indented.Machine));
            else Commands.Screen.Show(machine);
            return ExitCode.Fine;
        });
        return command;
    }

    public static Task<Machine> HereAsync(DataDirectory data) => Task.FromResult(new MachineProbe().Read(Directory.Exists(data.Root) ? data.Root : Path.GetPathRoot(data.Root)!));

    public static Task<Machine> FromAsync(string folder) => throw new NotSupportedException(folder);
}

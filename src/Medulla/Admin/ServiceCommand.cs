using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Service;
using Spectre.Console;

namespace Medulla.Admin;

/// <summary><c>medulla service install|uninstall|status</c>: the daemon as a service that starts with the machine.</summary>
internal static class ServiceCommand
{
    private static readonly Option<bool> ForUser = new("--user") { Description = "A service of your own instead of the machine's" };

    public static Command Create() => new("service", "Run the device as a service of this machine") { Install(), Uninstall(), Status() };

    private static Command Install()
    {
        var dry = new Option<bool>("--dry-run") { Description = "Show what would be done and the file that would be written; change nothing" };
        var print = new Option<ServiceKind?>("--print") { Description = "Print the file for systemd, launchd or windows; change nothing", HelpName = "systemd|launchd|windows" };
        var passed = UpOptions.Passed().ToList();
        var command = new Command("install", "Write the service and start it; what 'medulla up' takes is given on to it") { ForUser, dry, print };
        foreach (var option in passed) command.Add(option);
        command.SetAction(async (parsed, _) =>
        {
            var installer = Here();
            var forUser = parsed.GetValue(ForUser);
            var kind = parsed.GetValue(print) ?? ServiceKind.Systemd;
            var plan = new ServicePlan
            {
                Program = Program(),
                Data = parsed.GetValue(Commands.Data) is { } data ? Path.GetFullPath(data) : UsualData(kind, forUser),
                Arguments = [.. passed.SelectMany(o => parsed.GetValue(o) is { } value ? new[] { o.Name, o.Name.EndsWith("listen", StringComparison.Ordinal) ? value : Path.GetFullPath(value) } : [])],
                ForUser = forUser,
                Groups = installer.Groups,
                DeviceMaker = installer.DeviceMaker,
            };
            if (parsed.GetValue(print) is not null)
            {
                await Console.Out.WriteAsync(ServiceFile.Of(kind, plan));
                return ExitCode.Fine;
            }

            if (parsed.GetValue(dry))
            {
                foreach (var step in installer.Steps(plan)) Console.WriteLine($"# {step}");
                if (!installer.SystemdRuns) Console.WriteLine($"# but systemd does not run here (process 1 is '{installer.Manager}'): an install would refuse");
                await Console.Out.WriteAsync(ServiceFile.Of(kind, plan));
                return ExitCode.Fine;
            }

            if (!OperatingSystem.IsLinux()) return await Commands.FailAsync($"'medulla service install' installs on Linux; here print the file and put it where it belongs: medulla service install --print {(OperatingSystem.IsMacOS() ? "launchd" : "windows")}");
            if (Reached(plan) is { } unreached) return await Commands.FailAsync(unreached);
            using (var client = DaemonClient.Find(UpOptions.DataDirectoryOf(plan.Data)))
            {
                if (client is not null && !installer.Status(forUser).Standing.Equals(Standing.Ours) && await client.ReadAsync("/api/v1/status", CancellationToken.None) is not null)
                {
                    return await Commands.FailAsync($"a daemon runs on {plan.Data} already (pid {client.Card.Pid}), and two cannot share it. End it with 'medulla stop --data {plan.Data}', then install.");
                }
            }

            return await TellAsync(installer.Install(plan, Environment.IsPrivilegedProcess));
        });
        return command;
    }

    private static Command Uninstall()
    {
        var command = new Command("uninstall", "End the service with its engines and remove it; the data directory is kept") { ForUser };
        command.SetAction(async (parsed, cancel) =>
        {
            var installer = Here();
            var forUser = parsed.GetValue(ForUser);
            if (installer.StandingOf(forUser) == Standing.Ours)
            {
                var data = UpOptions.DataDirectoryOf(parsed.GetValue(Commands.Data) ?? (forUser ? null : UsualData(ServiceKind.Systemd, forUser)));
                using var client = DaemonClient.Find(data);
                if (client is not null) await client.StopAsync(cancel);
            }

            return await TellAsync(installer.Uninstall(forUser, Environment.IsPrivilegedProcess));
        });
        return command;
    }

    private static Command Status()
    {
        var command = new Command("status", "Show whether the service is installed and runs") { ForUser, Commands.Json };
        command.SetAction((parsed, _) =>
        {
            var status = Here().Status(parsed.GetValue(ForUser));
            if (parsed.GetValue(Commands.Json)) Console.WriteLine(JsonSerializer.Serialize(status, ServiceJson.Default.ServiceStatus));
            else Show(status);
            return Task.FromResult(ExitCode.Fine);
        });
        return command;
    }

    private static void Show(ServiceStatus status)
    {
        var standing = status.Standing switch
        {
            Standing.Absent => "not installed: medulla service install",
            Standing.Ours => "installed",
            Standing.Edited => "installed, and edited by hand",
            _ => "not ours",
        };
        Commands.Screen.MarkupLine($"[bold]{Markup.Escape(status.Unit)}[/] {standing}");
        foreach (var dropIn in status.DropIns) Commands.Screen.MarkupLine($"  with  {Markup.Escape(dropIn)}");
        Commands.Screen.MarkupLine(status.SystemdRuns
            ? $"  {Markup.Escape(status.State ?? "unknown to systemd")}{(status.Enabled is { Length: > 0 } enabled ? $", {Markup.Escape(enabled)}" : "")}{(status.Pid is { } pid ? $", pid {pid}" : "")}{(status.Restarts is > 0 ? $", started again {status.Restarts} times" : "")}"
            : $"  systemd does not run here; process 1 is '{Markup.Escape(status.Manager)}'");
    }

    private static async Task<int> TellAsync(ServiceOutcome outcome)
    {
        if (outcome.Done)
        {
            foreach (var line in outcome.Lines) Console.WriteLine(line);
            return ExitCode.Fine;
        }

        foreach (var line in outcome.Lines) await Console.Error.WriteLineAsync($"medulla: {line}");
        return ExitCode.Failed;
    }

    private static Installer Here() => new("/", Installer.RunHere);

    /// <summary>This program as a service would start it: itself, or its library under the host of .NET.</summary>
    private static ImmutableArray<string> Program()
    {
        var host = Environment.ProcessPath ?? "medulla";
        return Path.GetFileNameWithoutExtension(host) == "dotnet" ? [host, Path.Combine(AppContext.BaseDirectory, "medulla.dll")] : [host];
    }

    private static string UsualData(ServiceKind kind, bool forUser) => kind switch
    {
        ServiceKind.Windows => @"C:\ProgramData\Medulla",
        ServiceKind.Launchd => forUser ? UpOptions.DataDirectoryOf(null).Root : "/Library/Application Support/Medulla",
        _ => forUser ? UpOptions.DataDirectoryOf(null).Root : "/var/lib/medulla",
    };

    /// <summary>Null when the service's own account can be expected to reach the program.</summary>
    private static string? Reached(ServicePlan plan)
    {
        if (plan.ForUser) return null;
        var hidden = plan.Program.FirstOrDefault(p => p.StartsWith("/root/", StringComparison.Ordinal) || p.StartsWith("/tmp/", StringComparison.Ordinal));
        return hidden is null ? null : $"the program is at {hidden}, where the account '{ServiceFile.Account}' cannot reach it. Move its folder to /opt/medulla and install from there, or install a service of your own with --user.";
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(ServiceStatus))]
internal sealed partial class ServiceJson : JsonSerializerContext;

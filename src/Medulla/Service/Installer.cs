using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Medulla.State;

namespace Medulla.Service;

/// <summary>What the file of a service is to us.</summary>
internal enum Standing
{
    Absent,

    /// <summary>Ours, as it was written.</summary>
    Ours,

    /// <summary>Ours, and somebody changed it.</summary>
    Edited,

    /// <summary>Somebody else's.</summary>
    Foreign,
}

/// <summary>How a step went.</summary>
/// <param name="Lines">What was done and what is to know, for a person.</param>
internal sealed record ServiceOutcome(bool Done, ImmutableArray<string> Lines);

/// <summary>What <c>medulla service status</c> tells.</summary>
/// <param name="Manager">What is process 1 here.</param>
/// <param name="SystemdRuns">False where nothing could be installed.</param>
/// <param name="State">As <c>systemctl show</c> says; null where systemd does not run.</param>
internal sealed record ServiceStatus(string Manager, bool SystemdRuns, string Unit, Standing Standing, ImmutableArray<string> DropIns, string? State, string? Enabled, int? Pid, int? Restarts);

/// <summary>
/// Puts the unit of systemd where it belongs, and takes it away. Idempotent: a second install changes nothing. A file that
/// somebody else wrote is never touched, one of ours that somebody edited is kept, and drop-ins are nobody's but the owner's.
/// </summary>
/// <param name="root">Where <c>etc</c>, <c>run</c> and <c>proc</c> are; another than <c>/</c> for tests.</param>
/// <param name="run">Runs a program to its end: exit code, and what it printed.</param>
internal sealed class Installer(string root, Func<string, ImmutableArray<string>, (int Code, string Output)> run)
{
    private static readonly TimeSpan ProgramLimit = TimeSpan.FromSeconds(200);
    private static readonly string[] AcceleratorGroups = ["video", "render", "accel", "HwHiAiUser"];

    /// <summary>True when systemd is what starts programs here.</summary>
    public bool SystemdRuns => Directory.Exists(At("run/systemd/system")) && Manager == "systemd";

    /// <summary>Name of process 1; <c>unknown</c> where it cannot be read.</summary>
    public string Manager => Read(At("proc/1/comm"))?.Trim() is { Length: > 0 } name ? name : "unknown";

    public ImmutableArray<string> Groups => [.. AcceleratorGroups.Where(g => (Read(At("etc/group")) ?? "").Split('\n').Any(l => l.StartsWith(g + ":", StringComparison.Ordinal)))];

    public string? DeviceMaker => File.Exists(At("usr/bin/nvidia-modprobe")) ? "/usr/bin/nvidia-modprobe" : null;

    public string UnitFile(bool forUser) => forUser
        ? Path.Combine(Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } config ? config : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"), "systemd", "user", ServiceFile.Name + ".service")
        : At($"etc/systemd/system/{ServiceFile.Name}.service");

    public Standing StandingOf(bool forUser) => Read(UnitFile(forUser)) is not { } text
        ? File.Exists(UnitFile(forUser)) ? Standing.Foreign : Standing.Absent
        : ServiceFile.IsAsWritten(text) switch { null => Standing.Foreign, true => Standing.Ours, false => Standing.Edited };

    /// <summary>What <see cref="Install"/> would do, in order.</summary>
    public ImmutableArray<string> Steps(ServicePlan plan) =>
    [
        .. Preparing(plan).Select(s => string.Join(' ', s.Select(ServiceFile.Word))),
        $"write {UnitFile(plan.ForUser)}",
        .. Starting(plan, changed: true).Select(s => string.Join(' ', s)),
    ];

    public ServiceOutcome Install(ServicePlan plan, bool privileged)
    {
        var file = UnitFile(plan.ForUser);
        if (!SystemdRuns)
        {
            return new ServiceOutcome(false,
            [
                $"cannot install a service: systemd does not run here (process 1 is '{Manager}'), and nothing was changed.",
                "In a container, make 'medulla up' its command. Elsewhere let what starts programs here run it, or keep the unit for another machine: medulla service install --print systemd > medulla.service",
            ]);
        }

        if (!plan.ForUser && !privileged) return new ServiceOutcome(false, [$"cannot write {file} as this user: run it as root, or install a service of your own with --user"]);
        var text = ServiceFile.Of(ServiceKind.Systemd, plan);
        var standing = StandingOf(plan.ForUser);
        if (standing == Standing.Foreign) return new ServiceOutcome(false, [$"{file} was not written by 'medulla service install', so it is left as it is. Move it away, or remove it, and install again."]);
        var lines = ImmutableArray.CreateBuilder<string>();
        foreach (var step in Preparing(plan))
        {
            if (Fails(step, lines) is { } failed) return failed;
        }

        var changed = false;
        if (standing == Standing.Edited)
        {
            lines.Add($"{file} was edited and is kept as it is. To take the new one, move the edits into 'systemctl edit {ServiceFile.Name}', remove the file, and install again.");
        }
        else if (Read(file) != text)
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                AtomicFile.Write(file, System.Text.Encoding.UTF8.GetBytes(text), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return new ServiceOutcome(false, [$"cannot write {file}: {e.Message}"]);
            }

            changed = true;
            lines.Add($"wrote {file}");
        }

        foreach (var step in Starting(plan, changed))
        {
            if (Fails(step, lines) is { } failed) return failed;
        }

        lines.Add($"the service runs; 'medulla service status{(plan.ForUser ? " --user" : "")}' and 'journalctl {(plan.ForUser ? "--user " : "")}-u {ServiceFile.Name}' say how");
        return new ServiceOutcome(true, lines.ToImmutable());
    }

    /// <summary>Ends the service and takes its unit away. The data directory stays, and so do drop-ins.</summary>
    public ServiceOutcome Uninstall(bool forUser, bool privileged)
    {
        var file = UnitFile(forUser);
        if (!forUser && !privileged) return new ServiceOutcome(false, [$"cannot remove {file} as this user: run it as root, or name your own with --user"]);
        switch (StandingOf(forUser))
        {
            case Standing.Absent:
                return new ServiceOutcome(true, [$"there is no {file}; nothing is to be done"]);
            case Standing.Foreign:
                return new ServiceOutcome(false, [$"{file} was not written by 'medulla service install', so it is left as it is"]);
            case Standing.Edited:
                return new ServiceOutcome(false, [$"{file} was edited after the install, so it is left as it is. Remove it by hand once its edits are safe: systemctl{Scope(forUser)} disable --now {ServiceFile.Name} && rm {file}"]);
        }

        var lines = ImmutableArray.CreateBuilder<string>();
        if (SystemdRuns && Fails(["systemctl", .. ScopeWords(forUser), "disable", "--now", ServiceFile.Name + ".service"], lines) is { } failed) return failed;
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new ServiceOutcome(false, [$"cannot remove {file}: {e.Message}"]);
        }

        lines.Add($"removed {file}");
        if (SystemdRuns) _ = Fails(["systemctl", .. ScopeWords(forUser), "daemon-reload"], lines);
        if (DropIns(forUser) is { IsEmpty: false } dropIns) lines.Add($"your own settings are kept: {string.Join(", ", dropIns)}");
        lines.Add("the data directory and its models are kept");
        return new ServiceOutcome(true, lines.ToImmutable());
    }

    public ServiceStatus Status(bool forUser)
    {
        var status = new ServiceStatus(Manager, SystemdRuns, UnitFile(forUser), StandingOf(forUser), DropIns(forUser), null, null, null, null);
        if (!SystemdRuns) return status;
        var (code, output) = run("systemctl", [.. ScopeWords(forUser), "show", "--property=ActiveState,SubState,UnitFileState,MainPID,NRestarts", ServiceFile.Name + ".service"]);
        if (code != 0) return status;
        var values = output.Split('\n').Select(l => l.Split('=', 2)).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1].Trim(), StringComparer.Ordinal);
        return status with
        {
            State = $"{values.GetValueOrDefault("ActiveState")} ({values.GetValueOrDefault("SubState")})",
            Enabled = values.GetValueOrDefault("UnitFileState"),
            Pid = Number("MainPID") is > 0 and var pid ? pid : null,
            Restarts = Number("NRestarts"),
        };

        int? Number(string name) => int.TryParse(values.GetValueOrDefault(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    /// <summary>Runs a program of this machine to its end, within a bound.</summary>
    public static (int Code, string Output) RunHere(string program, ImmutableArray<string> arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
            foreach (var argument in arguments) start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            if (process.WaitForExit(ProgramLimit)) return (process.ExitCode, (output.Result + error.Result).Trim());
            process.Kill();
            return (124, $"it did not end within {ProgramLimit.TotalSeconds:0} s");
        }
        catch (Win32Exception e)
        {
            return (127, e.Message);
        }
    }

    /// <summary>The account and its directory. For the usual directory systemd does the second.</summary>
    private IEnumerable<ImmutableArray<string>> Preparing(ServicePlan plan)
    {
        if (plan.ForUser) yield break;
        var known = (Read(At("etc/passwd")) ?? "").Split('\n').Any(l => l.StartsWith(ServiceFile.Account + ":", StringComparison.Ordinal));
        if (!known) yield return ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", plan.Data, "--shell", "/usr/sbin/nologin", ServiceFile.Account];
        if (plan.Data == "/var/lib/medulla") yield break;
        yield return ["install", "--directory", "--mode=0700", $"--owner={ServiceFile.Account}", $"--group={ServiceFile.Account}", plan.Data];
        yield return ["chown", "--recursive", "--no-dereference", $"{ServiceFile.Account}:{ServiceFile.Account}", plan.Data];
    }

    /// <param name="changed">True when what runs now was started by another unit: it is started anew, and adopts its engines.</param>
    private static IEnumerable<ImmutableArray<string>> Starting(ServicePlan plan, bool changed)
    {
        if (plan.ForUser) yield return ["loginctl", "enable-linger"];
        yield return ["systemctl", .. ScopeWords(plan.ForUser), "daemon-reload"];
        yield return ["systemctl", .. ScopeWords(plan.ForUser), "enable", ServiceFile.Name + ".service"];
        yield return ["systemctl", .. ScopeWords(plan.ForUser), changed ? "restart" : "start", ServiceFile.Name + ".service"];
    }

    private ServiceOutcome? Fails(ImmutableArray<string> step, ImmutableArray<string>.Builder lines)
    {
        var (code, output) = run(step[0], [.. step.Skip(1)]);
        if (code == 0) return null;
        return new ServiceOutcome(false, [.. lines, $"'{string.Join(' ', step)}' ended with {code}: {(output.Length == 0 ? "it said nothing" : output)}. Mend that and install again: what is done is not done twice."]);
    }

    private ImmutableArray<string> DropIns(bool forUser)
    {
        var folder = UnitFile(forUser) + ".d";
        return Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, "*.conf").Order(StringComparer.Ordinal)] : [];
    }

    private static ImmutableArray<string> ScopeWords(bool forUser) => forUser ? ["--user"] : [];

    private static string Scope(bool forUser) => forUser ? " --user" : "";

    private string At(string path) => Path.Combine(root, path);

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

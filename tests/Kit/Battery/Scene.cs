using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Medulla.Tests.Kit.Battery;

/// <summary>A device with something about to happen to it, and the hands that make it happen. Puts everything back.</summary>
public sealed class Scene(Fault fault, double pace) : IAsyncDisposable
{
    private readonly List<Func<Task>> _undo = [];

    public Device Device { get; } = new(Short(fault.Id)) { Environment = { ["MEDULLA_PACE"] = pace.ToString(CultureInfo.InvariantCulture) } };

    public List<string> Arguments { get; } = ["--no-climb"];

    /// <summary>How much faster than usual times of quiet pass.</summary>
    public double Pace => pace;

    /// <summary>Something that the provocation leaves for the check.</summary>
    public object? Note { get; set; }

    /// <summary>File with what the fake engine does wrong.</summary>
    public string FaultsFile => Path.Combine(Device.Folder, "faults");

    public async Task StartAsync()
    {
        if (fault.Actor == Actor.Fake)
        {
            if (!File.Exists(FaultsFile)) Misbehave("");
            var folder = Directory.CreateDirectory(Path.Combine(Device.Folder, "fake")).FullName;
            foreach (var file in Directory.EnumerateFiles(Places.FakeEngine)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
            Device.Environment["FAKE_FAULTS"] = FaultsFile;
            Arguments.AddRange(["--engines", folder]);
        }

        Device.Start([.. Arguments]);
        await Device.OpenAsync();
        if (!fault.ServesFirst) return;
        await Device.ServesAsync();
        await Device.SettlesAsync();
    }

    /// <summary>What the fake engine does wrong from now on.</summary>
    public void Misbehave(string faults) => File.WriteAllText(FaultsFile, faults);

    public async Task<int> PidAsync() => (int)(await Device.InstanceAsync())["pid"]!;

    public async Task<string> ModelPathAsync() => (string)(await Device.InstanceAsync())["model_path"]!;

    public async Task SignalAsync(string name) => Device.Signal(await PidAsync(), name);

    /// <summary>Folder of the real engine's build in the device's own data.</summary>
    public string BuildFolder() => Directory.EnumerateFiles(Path.Combine(Device.Data, "engines"), "llama-server", SearchOption.AllDirectories).Select(f => Path.GetDirectoryName(f)!).First();

    public void Later(Func<Task> undo) => _undo.Add(undo);

    /// <summary>A request in flight that nobody waits for.</summary>
    public void AskAside(string prompt) => _ = AskQuietlyAsync(prompt);

    /// <summary>Whatever becomes of it.</summary>
    public async Task AskQuietlyAsync(string prompt)
    {
        try
        {
            using var answer = await Device.PostAsync("/v1/chat/completions", JsonNode.Parse($$"""{"model":"chat","max_tokens":64,"messages":[{"role":"user","content":"{{prompt}}"}]}""")!);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or ObjectDisposedException)
        {
            // Nobody waits for it.
        }
    }

    /// <summary>Freezes one thread, the first of a process: a decode thread that never comes back.</summary>
    public async Task FreezeAsync(int pid)
    {
        var group = $"/sys/fs/cgroup/freezer/medulla-{Guid.NewGuid():N}";
        Directory.CreateDirectory(group);
        await File.WriteAllTextAsync($"{group}/tasks", pid.ToString(CultureInfo.InvariantCulture));
        await File.WriteAllTextAsync($"{group}/freezer.state", "FROZEN");
        Thaw = async () => await File.WriteAllTextAsync($"{group}/freezer.state", "THAWED");
        Later(async () =>
        {
            await Thaw();
            await Task.Delay(300);
            Directory.Delete(group);
        });
    }

    public Func<Task> Thaw { get; private set; } = () => Task.CompletedTask;

    /// <summary>Runs the device below a control group with a limit.</summary>
    /// <param name="controller">Such as <c>memory</c>.</param>
    public void Below(string controller, params (string File, string Value)[] limits)
    {
        var group = $"/sys/fs/cgroup/{controller}/medulla-{Guid.NewGuid():N}";
        Directory.CreateDirectory(group);
        foreach (var (file, value) in limits) File.WriteAllText($"{group}/{file}", value);
        Group = group;
        Device.Under = ["sh", "-c", $"echo $$ > {group}/cgroup.procs; exec \"$@\"", "sh"];
        Later(async () =>
        {
            for (var i = 0; i < 20 && Directory.Exists(group); i++)
            {
                try
                {
                    Directory.Delete(group);
                }
                catch (IOException)
                {
                    await Task.Delay(200);
                }
            }
        });
    }

    /// <summary>Gives the daemon, and nobody else, another wall clock: by faketime's library, for its program starts a child that outlives it.</summary>
    public void Clock(string clock)
    {
        Device.Environment["LD_PRELOAD"] = Directory.EnumerateFiles("/usr/lib", "libfaketime.so.1", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 }).First();
        Device.Environment["FAKETIME"] = clock;
    }

    /// <summary>A wall clock of the daemon's own that <see cref="TurnClock"/> turns; its other clocks are the machine's.</summary>
    public void OwnClock()
    {
        Clock("+0");
        Device.Environment.Remove("FAKETIME");
        Device.Environment["FAKETIME_TIMESTAMP_FILE"] = ClockFile;
        Device.Environment["FAKETIME_CACHE_DURATION"] = "1";
        Device.Environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
        TurnClock("+0");
    }

    public void TurnClock(string clock)
    {
        File.WriteAllText(ClockFile + ".new", clock + "\n");
        File.Move(ClockFile + ".new", ClockFile, overwrite: true);
    }

    private string ClockFile => Path.Combine(Device.Folder, "clock");

    /// <summary>The control group of <see cref="Below"/>.</summary>
    public string Group { get; private set; } = "";

    /// <summary>Puts the device's data on a small file system of its own.</summary>
    public async Task SmallDiskAsync(int mebibytes, string options = "")
    {
        var image = Path.Combine(Device.Folder, "disk.img");
        Directory.CreateDirectory(Device.Data);
        await RunAsync("truncate", "-s", $"{mebibytes}M", image);
        await RunAsync("sh", "-c", $"mkfs.ext4 -q -m 0 {options} {image}");
        await RunAsync("mount", "-o", "loop,errors=remount-ro", image, Device.Data);
        Later(() => RunAsync("umount", "-l", Device.Data));
    }

    /// <summary>Has the kernel find an error in the file system of <see cref="SmallDiskAsync"/>.</summary>
    public async Task FileSystemErrorAsync()
    {
        var line = (await File.ReadAllLinesAsync("/proc/self/mounts")).Last(l => l.Contains(Device.Data, StringComparison.Ordinal));
        await File.WriteAllTextAsync($"/sys/fs/ext4/{Path.GetFileName(line.Split(' ')[0])}/trigger_fs_error", "an error that was asked for");
    }

    public static async Task RunAsync(params string[] command)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in command.Skip(1)) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{string.Join(' ', command)}: {error}");
    }

    public async ValueTask DisposeAsync()
    {
        await Thaw();
        await Device.StopAsync();
        foreach (var undo in Enumerable.Reverse(_undo)) await undo();
        await Device.DisposeAsync();
    }

    private static string Short(string id) => id.Length <= 20 ? id : id[..20];
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>What a person or a disk can do wrong: a clear message, nothing lost, and what served goes on serving.</summary>
public class BadInputTests
{
    [Theory]
    [InlineData("--nonsense", "Unrecognized command or argument '--nonsense'")]
    [InlineData("nonsense", "Unrecognized command or argument 'nonsense'")]
    public async Task A_wrong_flag_is_a_usage_error(string flag, string words)
    {
        var (code, output) = await Device.RunProgramAsync("up", flag);
        Assert.Equal(2, code);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.Contains("--help", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Everything_wrong_with_the_configuration_is_told_at_once()
    {
        await using var device = new Device("config");
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads:\n  - nam: chat\n", TestContext.Current.CancellationToken);
        var (code, output) = await device.RunAsync("up", "--listen", "0.0.0.0:0", "--intent", intent, "--models", "/no/such/folder", "--engines", "/nor/this");
        Assert.Equal(78, code);
        Assert.Contains("no key is set", output, StringComparison.Ordinal);
        Assert.Contains("intent.yaml:2: unknown key 'nam'; did you mean 'name'?", output, StringComparison.Ordinal);
        Assert.Contains("--models /no/such/folder", output, StringComparison.Ordinal);
        Assert.Contains("--engines /nor/this", output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(device.Data), "a refused start left a data directory behind");
    }

    [Fact]
    public async Task A_second_daemon_on_one_data_directory_names_the_first()
    {
        await using var device = new Device("twice");
        await device.Start("--engines", SurvivalTests.CopyOfFake(device, ""), "--no-climb").ServesAsync();
        var (code, output) = await device.RunAsync("up", "--listen", "127.0.0.1:0");
        Assert.Equal(1, code);
        Assert.Contains($"in use by pid {device.Pid}", output, StringComparison.Ordinal);
        Assert.Contains("medulla stop --data", output, StringComparison.Ordinal);
        Assert.Contains("Paris", await device.AskAsync("What is the capital of France?"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_held_is_named_with_a_way_out()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        holder.Listen();
        await using var device = new Device("port");
        var (code, output) = await device.RunAsync("up", "--listen", $"{holder.LocalEndPoint}");
        Assert.Equal(1, code);
        Assert.Contains($"cannot listen on {holder.LocalEndPoint}", output, StringComparison.Ordinal);
        Assert.Contains("--listen", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_directory_that_cannot_be_written_is_told()
    {
        await using var device = new Device("readonly");
        Directory.CreateDirectory(device.Data);
        if (await MountAsync("-t", "tmpfs", "-o", "ro", "tmpfs", device.Data) is { } reason) Assert.Skip($"nothing can be mounted here: {reason}");
        try
        {
            var (code, output) = await device.RunAsync("up");
            Assert.Equal(1, code);
            Assert.Contains($"cannot write to the data directory {device.Data}", output, StringComparison.Ordinal);
        }
        finally
        {
            await RunAsync("umount", device.Data);
        }
    }

    [Fact]
    public async Task A_disk_that_fills_up_stops_nothing_that_serves_and_no_restart_either()
    {
        await using var device = new Device("full");
        var mount = Directory.CreateDirectory(Path.Combine(device.Folder, "disk")).FullName;
        if (await MountAsync("-t", "tmpfs", "-o", "size=12m", "tmpfs", mount) is { } reason) Assert.Skip($"nothing can be mounted here: {reason}");
        try
        {
            await using var small = new Device("small", Path.Combine(mount, "data"));
            var intent = Path.Combine(device.Folder, "intent.yaml");
            await File.WriteAllTextAsync(intent, "workloads: [ { name: chat, model: tinychat-s } ]\npolicy: { disk_reserve: 0, climb: false }\n", TestContext.Current.CancellationToken);
            await small.Start("--engines", SurvivalTests.CopyOfFake(device, ""), "--intent", intent).ServesAsync();
            await small.SettlesAsync();
            Fill(Path.Combine(mount, "filler"));
            foreach (var pid in small.EnginePids()) Device.Signal(pid, "KILL");
            Assert.Contains("Paris", await small.AskAsync("What is the capital of France?"), StringComparison.Ordinal);
            await small.KillDaemonAsync();
            await small.Start("--engines", Path.Combine(device.Folder, "fake"), "--intent", intent).ServesAsync();
            Assert.Contains("Paris", await small.AskAsync("What is the capital of France?"), StringComparison.Ordinal);
        }
        finally
        {
            await RunAsync("umount", "-l", mount);
        }
    }

    [Fact]
    public async Task A_disk_without_room_for_a_model_is_an_incident_with_numbers()
    {
        await using var device = new Device("noroom");
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads: [ { name: chat, model: tinychat-s } ]\npolicy: { disk_cap: 100KiB }\n", TestContext.Current.CancellationToken);
        await device.Start("--engines", SurvivalTests.CopyOfFake(device, ""), "--intent", intent).OpenAsync();
        await device.UntilAsync("it says so", () => Task.FromResult(device.Output.Contains("disk-full", StringComparison.Ordinal)));
        Assert.Contains("policy.disk_cap is 100 KiB", (await device.RunAsync("why")).Output, StringComparison.Ordinal);
        Assert.Contains("disk-full", (await device.RunAsync("incidents")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_file_that_was_tampered_with_is_never_served_again()
    {
        await Engine.NeededAsync();
        await using var device = new Device("tamper").Start("--no-climb");
        await device.ServesAsync();
        await device.SettlesAsync();
        var path = (string)(await device.InstanceAsync())["model_path"]!;
        await using (var file = File.OpenWrite(path))
        {
            file.Seek(-100, SeekOrigin.End);
            file.Write(new byte[100]);
        }

        foreach (var pid in device.EnginePids()) Device.Signal(pid, "KILL");
        await device.UntilAsync("the damage is seen", async () => (await device.RunAsync("incidents")).Output.Contains("artifact-damaged", StringComparison.Ordinal));
        Assert.Contains("Paris", await device.AskAsync("What is the capital of France?"), StringComparison.Ordinal);
        Assert.Single(Directory.EnumerateFiles(Path.Combine(device.Data, "aside")));
        var original = await File.ReadAllBytesAsync(Path.Combine(Places.Root, "models", "tinychat-s.q8_0.gguf"), TestContext.Current.CancellationToken);
        Assert.Equal(original, await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("architecture", "unknown model architecture")]
    [InlineData("truncated", "corrupted or incomplete")]
    [InlineData("page", "does not begin as a GGUF file")]
    public async Task A_model_that_cannot_be_run_is_refuted_in_words_and_what_served_goes_on(string how, string words)
    {
        await Engine.NeededAsync();
        await using var device = new Device("strange");
        var models = Directory.CreateDirectory(Path.Combine(device.Folder, "models")).FullName;
        var bytes = await File.ReadAllBytesAsync(Path.Combine(Places.Root, "models", "tinychat-s.q8_0.gguf"), TestContext.Current.CancellationToken);
        if (how == "architecture") "llamz"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf("llama"u8)));
        if (how == "truncated") bytes = bytes[..^1000];
        if (how == "page") bytes = Encoding.ASCII.GetBytes("<!DOCTYPE html><html>sign in first</html>");
        await File.WriteAllBytesAsync(Path.Combine(models, "strange.gguf"), bytes, TestContext.Current.CancellationToken);
        await device.Start("--no-climb").ServesAsync();
        await device.SettlesAsync();
        await device.TerminateAsync();

        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads: [ { name: chat, model: strange, context: 1024 } ]\n", TestContext.Current.CancellationToken);
        await device.Start("--intent", intent, "--models", models).OpenAsync();
        await device.UntilAsync("it is told", async () => ((await device.RunAsync("why")).Output + device.Output).Contains(words, StringComparison.Ordinal), TimeSpan.FromSeconds(30));
        Assert.Contains("Paris", await device.AskAsync("What is the capital of France?"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_memory_is_set_aside_and_told_and_the_device_serves()
    {
        await Engine.NeededAsync();
        await using var device = new Device("memory").Start("--no-climb");
        await device.ServesAsync();
        await device.SettlesAsync();
        await device.KillDaemonAsync();
        foreach (var slot in Directory.EnumerateFiles(device.Data, "memory.?")) await File.WriteAllTextAsync(slot, "garbage", TestContext.Current.CancellationToken);
        await device.Start("--no-climb").ServesAsync();
        Assert.Contains("state-damaged", (await device.RunAsync("incidents")).Output, StringComparison.Ordinal);
        Assert.Equal(2, Directory.EnumerateFiles(Path.Combine(device.Data, "aside")).Count());
    }

    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1);
        try
        {
            while (true) file.Write(new byte[4096]);
        }
        catch (IOException)
        {
            // Full: as it should be.
        }
    }

    private static Task<string?> MountAsync(params string[] arguments) => RunAsync("mount", arguments);

    /// <summary>Null when it ended well.</summary>
    private static async Task<string?> RunAsync(string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program) { RedirectStandardError = true, UseShellExecute = false };
            foreach (var argument in arguments) start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            var error = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? null : error.Trim();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return e.Message;
        }
    }
}

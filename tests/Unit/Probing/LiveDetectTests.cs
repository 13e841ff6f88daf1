using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Medulla.Core.Wire;
using Medulla.Probing;

namespace Medulla.Tests.Unit.Probing;

/// <summary>This machine as it is, with tools that misbehave.</summary>
public sealed class LiveDetectTests
{
    [Fact]
    public async Task A_tool_that_hangs_costs_its_budget_and_the_rest_is_there()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the tool is a script");
        using var folder = new Folder();
        Script(folder["nvidia-smi"], "sleep 60 & sleep 60");
        Script(folder["mthreads-gmi"], "printf '    mthreads-gmi:2.0.0           Driver Version:3.0.0\\n0    MTT S80        |00000000:01:00.0    |0%%    662MiB(16384MiB)\\n'");
        var watch = Stopwatch.StartNew();
        var machine = Detection.Of(await new LiveSource(folder.Path, folders: [folder.Path]).ReadAsync());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"it took {watch.Elapsed}");
        Assert.Contains(machine.Findings, f => f is { Code: "probe-timed-out", Subject: "nvidia-smi", Remedy: not null });
        Assert.Contains(machine.Accelerators, a => a is { Vendor: "mthreads", Memory.Bytes: 17179869184 });
        Assert.True(machine.Memory.Total.Bytes > 0 && machine.Cpu.Threads > 0);
    }

    [Fact]
    public async Task A_replay_of_an_own_capture_gives_the_same_report()
    {
        using var folder = new Folder();
        Script(folder["nvidia-smi"], "echo 'Failed to initialize NVML: Driver/library version mismatch'; echo 'NVML library version: 580.178'; exit 18");
        var readings = await new LiveSource(folder.Path, folders: [folder.Path]).ReadAsync();
        CaptureWriter.Write(folder["capture"], readings, "test");
        Assert.Equal(Json(readings), Json(await new CaptureSource(folder["capture"]).ReadAsync()).Replace(folder.Path, folder.Path, StringComparison.Ordinal));
    }

    [Fact]
    public void A_capture_holds_no_name_number_or_address_of_the_box()
    {
        var redaction = new CaptureWriter.Redaction("edge-box-17", "grace");
        var text = redaction.Of("host edge-box-17 /home/grace/x GPU-2f6a1c3b-1111-2222-3333-444455556666 Serial Number: 1324021 00:1a:2b:3c:4d:5e 192.168.4.7 Driver Version: 10.1.0.14 0000:01:00.0");
        foreach (var secret in new[] { "edge-box-17", "grace", "2f6a1c3b", "1324021", "1a:2b", "192.168.4.7" }) Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
        Assert.Contains("0000:01:00.0", text, StringComparison.Ordinal);
        Assert.Contains("10.1.0.14", text, StringComparison.Ordinal);
    }

    private static string Json(IReadOnlyList<Reading> readings) => Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(DetectReport.Of(Detection.Of(readings)), CoreJson.Default.DetectReport));

    internal static void Script(string path, string body)
    {
        File.WriteAllText(path, "#!/bin/sh\n" + body + "\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}

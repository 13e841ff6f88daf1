using System.Diagnostics;
using Medulla.Probing;

namespace Medulla.Tests.Unit.Probing;

/// <summary>What NVIDIA's tool says of who uses the accelerators, from a script in its place.</summary>
public sealed class NvidiaWatchTests
{
    [Fact]
    public async Task A_stranger_with_much_memory_is_told_and_our_engines_are_not()
    {
        var seen = await SeenAsync("case \"$*\" in *compute-apps*) printf '10, 8000, /opt/engine\\n20, 4096, /usr/bin/python3\\n30, 200, /usr/bin/Xorg\\n';; *) printf '0, 0x0000000000000000\\n';; esac");
        Assert.Equal(new NvidiaWatch.Seen(true, "pid 20 (python3) has 4096 MiB of an accelerator", null), seen);
    }

    [Fact]
    public async Task Heat_is_told_and_an_idle_clock_is_not()
    {
        var seen = await SeenAsync("case \"$*\" in *compute-apps*) ;; *) printf '0, 0x0000000000000001\\n1, 0x0000000000000040\\n';; esac");
        Assert.Equal(new NvidiaWatch.Seen(true, null, "accelerator 1 slows itself down because of its temperature (reasons 0x0000000000000040)"), seen);
    }

    [Fact]
    public async Task A_tool_that_fails_gives_no_data() => Assert.Equal(new NvidiaWatch.Seen(false, null, null), await SeenAsync("echo 'Failed to initialize NVML'; exit 18"));

    private static async Task<NvidiaWatch.Seen> SeenAsync(string script)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the tool is a script");
        using var folder = new Folder();
        LiveDetectTests.Script(folder["nvidia-smi"], script);
        var watch = new NvidiaWatch(() => new HashSet<int> { 10 }, new LiveSource(folder.Path, folders: [folder.Path]));
        watch.Look();
        var began = Stopwatch.GetTimestamp();
        while (watch.Current is null && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(30)) await Task.Delay(10, TestContext.Current.CancellationToken);
        return watch.Current ?? throw new InvalidOperationException("the watch has seen nothing");
    }
}

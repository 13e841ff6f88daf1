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
        Assert.Equal(new NvidiaWatch.Seen(true, "pid 20 (python3) has 4096 MiB of an accelerator", null, null), seen);
    }

    [Fact]
    public async Task Heat_is_told_and_an_idle_clock_is_not()
    {
        var seen = await SeenAsync("case \"$*\" in *compute-apps*) ;; *) printf '0, 0x0000000000000001\\n1, 0x0000000000000040\\n';; esac");
        Assert.Equal(new NvidiaWatch.Seen(true, null, "accelerator 1 slows itself down because of its temperature (reasons 0x0000000000000040)", null), seen);
    }

    [Fact]
    public async Task A_tool_that_fails_gives_no_data() => Assert.Equal(new NvidiaWatch.Seen(false, null, null, null), await SeenAsync("echo 'Failed to initialize NVML'; exit 18"));

    [Fact]
    public async Task A_busy_accelerator_at_a_low_clock_without_a_reason_is_told_at_the_second_look()
    {
        const string Script = "case \"$*\" in *compute-apps*) ;; *) printf '0, 0x0000000000000000, P0, 98, 702, 2400\\n1, 0x0000000000000004, P0, 98, 702, 2400\\n2, 0x0000000000000000, P0, 5, 300, 2400\\n3, [N/A], P0, 98, [N/A], [N/A]\\n';; esac";
        Assert.Null((await SeenAsync(Script)).Underclocked);
        Assert.Equal("accelerator 0 is busy 98 % of the time at 702 MHz of 2400, and its driver gives no reason", (await SeenAsync(Script, looks: 2)).Underclocked);
    }

    private static async Task<NvidiaWatch.Seen> SeenAsync(string script, int looks = 1)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the tool is a script");
        using var folder = new Folder();
        LiveDetectTests.Script(folder["nvidia-smi"], script);
        var watch = new NvidiaWatch(() => new HashSet<int> { 10 }, new LiveSource(folder.Path, folders: [folder.Path]));
        NvidiaWatch.Seen? seen = null;
        var began = Stopwatch.GetTimestamp();
        while (looks-- > 0)
        {
            var before = seen;
            while (ReferenceEquals(watch.Current, before) && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(30))
            {
                watch.Look();
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }

            seen = watch.Current;
        }

        return seen ?? throw new InvalidOperationException("the watch has seen nothing");
    }
}

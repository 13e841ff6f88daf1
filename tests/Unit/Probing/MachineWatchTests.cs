using System.Collections.Immutable;
using Medulla.Core.Incidents;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using Medulla.Loop;
using Medulla.Probing;

namespace Medulla.Tests.Unit.Probing;

/// <summary>A look at the machine that was not whole is not the last one.</summary>
public sealed class MachineWatchTests
{
    [Fact]
    public async Task A_look_that_is_not_whole_is_repeated_until_one_is()
    {
        var looks = new Queue<Machine>([Seen(1, LiveSource.KernelFiles, "nvidia-smi"), Seen(2, "nvidia-smi"), Seen(3, "nvidia-smi", "rocm-smi"), Seen(4, "nvidia-smi"), Seen(5, "nvidia-smi"), Seen(6, "nvidia-smi"), Seen(7)]);
        var time = new Clock();
        var taken = new List<int>();
        MachineWatch? watch = null;
        watch = new MachineWatch(looks.Dequeue, time, () => taken.Add(watch!.Current!.Cpu.Cores));
        Assert.Equal(1, watch.Look().Cpu.Cores);
        Assert.Contains(LiveSource.KernelFiles, watch.Unseen, StringComparison.Ordinal);
        await watch.RunAsync(TestContext.Current.CancellationToken);

        // What tells no more than is known is not taken: the third, which misses another tool, and those after it.
        Assert.Equal([2, 7], taken);
        Assert.Null(watch.Unseen);
        Assert.Equal([2, 5, 15, 60, 300, 300], time.Waits.Select(w => (int)w.TotalSeconds));
    }

    [Fact]
    public async Task A_whole_look_is_the_last_one()
    {
        var time = new Clock();
        var watch = new MachineWatch(() => Seen(4), time, () => Assert.Fail("nothing has changed"));
        watch.Look();
        await watch.RunAsync(TestContext.Current.CancellationToken);
        Assert.Empty(time.Waits);
    }

    [Fact]
    public void The_loop_decides_with_the_machine_that_was_observed_last()
    {
        var world = new Told { Unseen = "nvidia-smi did not answer in time" };
        var incidents = ImmutableArray<Incident>.Empty;
        var loop = new Reconciler(world, Intent.Default(new Policy()), new Catalog { Engines = [], Models = [] }, Seen(0, LiveSource.KernelFiles), Memory.Empty, static _ => true, (_, then) => incidents = then.Memory.Incidents, static e => throw e);
        loop.Tick();
        Assert.Contains(incidents, i => i.IsOpen && i.Code == Conditions.MachineUnseen.Code && i.Evidence.Any(e => e.Contains("nvidia-smi", StringComparison.Ordinal)));
        Assert.DoesNotContain(incidents, i => i.Code == Conditions.MemoryShort.Code);

        // On a unified pool more must be left: that the pool is one is known by the new machine alone.
        (world.Machine, world.Unseen) = (Seen(8) with { Accelerators = [new Accelerator { Vendor = "nvidia", Name = "GB10", Kind = AcceleratorKind.Gpu, Unified = true }] }, null);
        loop.Tick();
        Assert.Contains(incidents, i => i.IsOpen && i.Code == Conditions.MemoryShort.Code);
        Assert.DoesNotContain(incidents, i => i.IsOpen && i.Code == Conditions.MachineUnseen.Code);
    }

    [Fact]
    public async Task Files_that_hang_are_said_to_be_missing_and_are_not_waited_for_twice()
    {
        Assert.SkipUnless(System.OperatingSystem.IsLinux(), "a pipe without a writer stands for a driver that hangs");
        using var root = new Folder();
        Directory.CreateDirectory(root["proc"]);
        using (var make = System.Diagnostics.Process.Start("mkfifo", root["proc/meminfo"])) await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        var hanging = new System.Collections.Concurrent.ConcurrentDictionary<string, Func<bool>>(StringComparer.Ordinal);
        var first = Detection.Of(await new LiveSource(root.Path, root.Path, [root.Path], hanging).ReadAsync());
        Assert.Contains(first.Findings, f => f.Code == ParserTable.TimedOut && f.Subject == LiveSource.KernelFiles && f.Remedy is not null);
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var second = Detection.Of(await new LiveSource(root.Path, root.Path, [root.Path], hanging).ReadAsync());
        Assert.Contains(second.Findings, f => f.Code == ParserTable.TimedOut && f.Subject == LiveSource.KernelFiles);
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(began) < LiveSource.Budget, "what still hangs was begun once more");

        // Whoever waits for the pipe may end.
        await File.WriteAllTextAsync(root["proc/meminfo"], "", TestContext.Current.CancellationToken);
    }

    private static Machine Seen(int cores, params string[] missing) => new()
    {
        Os = new Medulla.Core.Machines.OperatingSystem("linux", "", "", "x64"),
        Cpu = new Cpu("", cores, cores, []),
        Memory = new MemoryPool(ByteSize.GiB(8), null),
        Disks = [],
        Accelerators = [],
        Driver = DriverState.Unknown,
        Findings = [.. missing.Select(m => Detection.Found(ParserTable.TimedOut, m, "it did not answer"))],
    };

    /// <summary>Time in which every wait is over at once, and is noted.</summary>
    private sealed class Clock : TimeProvider
    {
        public List<TimeSpan> Waits { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime == Timeout.InfiniteTimeSpan) return base.CreateTimer(callback, state, dueTime, period);
            Waits.Add(dueTime);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }

    /// <summary>A world that says of itself what a test says.</summary>
    private sealed class Told : IWorld
    {
        public Machine? Machine { get; set; }

        public string? Unseen { get; set; }

        public Observation Read() => new()
        {
            Now = new Instant(DateTimeOffset.UnixEpoch, TimeSpan.FromMinutes(1), "boot"),
            Instances = [],
            Engines = [],
            Weights = [],
            Nearby = [],
            OwnModels = [],
            Operations = [],
            MemoryAvailable = null,
            Machine = Machine,
            Host = new HostFact { Unseen = Unseen, MemoryTotal = ByteSize.GiB(64), MemoryAvailable = ByteSize.GiB(1) },
            Signals = [],
        };

        public void Carry(Plan plan)
        {
        }
    }
}

using System.Collections.Immutable;
using System.Diagnostics;
using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using Medulla.State;
using OperatingSystem = Medulla.Core.Machines.OperatingSystem;

namespace Medulla.Bench;

/// <summary>One tick with 50 workloads, each with its ready instance: the common, quiet tick.</summary>
internal static class DecideBench
{
    private const int Workloads = 50;
    private const int Ticks = 3000;

    public static int Run()
    {
        var catalog = EmbeddedCatalog.Read();
        var machine = new Machine { Os = new OperatingSystem("linux", "", "", "x64"), Cpu = new Cpu("", 8, 16, []), Memory = new MemoryPool(ByteSize.GiB(64), null), Disks = [] };
        var intent = new Intent
        {
            Generation = 1,
            IsDefault = false,
            Policy = new Policy(),
            Workloads = [.. Enumerable.Range(0, Workloads).Select(i => new Workload { Name = new WorkloadName($"w{i}"), Task = WorkloadTask.Chat, Context = 1024, Model = new ModelId("tinychat-s") })],
        };
        var build = new EngineBuild(new EngineId("llama.cpp"), Digest.Of("build"), "b1");
        var weights = catalog.FindModel(new ModelId("tinychat-s"))!.Files[0];
        var world = new Observation
        {
            Now = new Instant(DateTimeOffset.UnixEpoch, TimeSpan.FromHours(1), "boot"),
            Instances = [],
            Engines = [new EngineFact(build, "/e", "bench")],
            Weights = [new WeightsFact(weights.Digest!.Value, weights.Size, "/w")],
            Nearby = [],
            OwnModels = [],
            Operations = [],
            MemoryAvailable = ByteSize.GiB(60),
            Signals = [],
        };
        var memory = Memory.Empty;
        var resolutions = new Resolutions();
        for (var round = 0; round < 5; round++)
        {
            var then = Decide.Next(intent, catalog, machine, memory, world, resolutions);
            memory = then.Memory;
            var facts = world.Instances.Concat(then.Plan.Moves.OfType<Move.StartInstance>().Select(Fact));
            world = world with { Instances = [.. facts.Select(f => f with { Probe = new ProbeFact(1, 1, null) { At = world.Now.Boot }, Speed = new SpeedFact(null, world.Now.Boot) })], Now = world.Now with { Boot = world.Now.Boot + TimeSpan.FromSeconds(1) } };
        }

        if (world.Instances.Length != Workloads || !memory.Trials.IsEmpty) throw new InvalidOperationException("the bench's device is not settled");
        if (!Decide.Next(intent, catalog, machine, memory, world, resolutions).Plan.Moves.IsEmpty) throw new InvalidOperationException("the bench's tick is not a quiet one");
        var times = new double[Ticks];
        for (var tick = 0; tick < Ticks; tick++)
        {
            var start = Stopwatch.GetTimestamp();
            Decide.Next(intent, catalog, machine, memory, world, resolutions);
            times[tick] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        var settled = times[(Ticks / 3)..].Order().ToList();
        Console.WriteLine($"decide: {Workloads} instances, quiet tick: median {settled.Median():0.000} ms, p99 {settled[(int)(settled.Count * 0.99)]:0.000} ms (target 1 ms)");
        return settled.Median() <= 1 ? 0 : 1;
    }

    private static InstanceFact Fact(Move.StartInstance start) => new()
    {
        Id = new InstanceId("i-" + start.Spec.Workload),
        Spec = start.Spec.Id,
        Workload = start.Spec.Workload,
        Model = start.Spec.Model,
        Pid = 1,
        ModelPath = start.ModelPath,
        State = InstanceState.Ready,
        StartedAt = TimeSpan.Zero,
        Adopted = false,
        Requests = 0,
    };
}

using System.Collections.Immutable;
using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using OperatingSystem = Medulla.Core.Machines.OperatingSystem;

namespace Medulla.Tests.Unit.TakingTurns;

/// <summary>A settled device whose workloads share 11 GiB that can be planned with, at boot time 1000 s.</summary>
internal sealed class Shared
{
    public static readonly TimeSpan Now = TimeSpan.FromSeconds(1000);

    private static readonly EngineBuild Build = new(new EngineId("llama.cpp"), Digest.Of("e"), "b1");

    private readonly List<Workload> _workloads = [];
    private readonly List<InstanceSpec> _specs = [];
    private readonly List<InstanceFact> _facts = [];
    private readonly List<DemandFact> _demand = [];

    /// <param name="requests">Null for one that is not loaded.</param>
    public Shared Has(string name, double gib, Residency? residency = null, int? requests = null, double readyAt = 500, double? usedAt = null)
    {
        var workload = new Workload { Name = new WorkloadName(name), Task = WorkloadTask.Chat, Residency = residency, Model = new ModelId("model-" + name) };
        var spec = Healing.LivenessTests.Spec(100) with
        {
            Workload = workload.Name,
            Model = workload.Model!.Value,
            Weights = new Weights(Digest.Of(name), ByteSize.GiB(1), name + ".gguf"),
            Engine = Build,
            Memory = ByteSize.GiB(gib),
            Asked = InstanceSpec.AskedBy(workload, false),
        };
        _workloads.Add(workload);
        _specs.Add(spec);
        if (requests is not { } count) return this;
        _facts.Add(new InstanceFact
        {
            Id = new InstanceId("i-" + name),
            Spec = spec.Id,
            Workload = workload.Name,
            Model = spec.Model,
            Pid = 100 + _facts.Count,
            ModelPath = "/m",
            State = InstanceState.Ready,
            StartedAt = TimeSpan.FromSeconds(readyAt - 1),
            ReadyAt = TimeSpan.FromSeconds(readyAt),
            UsedAt = usedAt is { } at ? TimeSpan.FromSeconds(at) : null,
            Adopted = false,
            Requests = count,
            Speed = new SpeedFact(null, Now),
        });
        return this;
    }

    /// <summary>A request that has waited for so many seconds.</summary>
    public Shared Asks(string name, double waited = 1)
    {
        _demand.Add(new DemandFact(new WorkloadName(name), 1, Now - TimeSpan.FromSeconds(waited)));
        return this;
    }

    /// <summary>The only one that is loaded.</summary>
    public InstanceFact Fact => _facts.Single();

    public Decision Decide(Func<Observation, Observation>? with = null)
    {
        var intent = new Intent { Generation = 1, IsDefault = false, Workloads = [.. _workloads], Policy = new Policy() };
        var blueprint = new Blueprint { IntentGeneration = 1, Instances = [.. _specs] };
        var memory = Memory.Empty with { BootId = "boot", IntentGeneration = 1, IntentFingerprint = intent.Fingerprint, Target = blueprint, Good = blueprint };
        var world = new Observation
        {
            Now = new Instant(DateTimeOffset.UnixEpoch, Now, "boot"),
            Instances = [.. _facts],
            Engines = [new EngineFact(Build, "/e", "test")],
            Weights = [.. _specs.Select(s => new WeightsFact(s.Weights.Digest, s.Weights.Size, "/w"))],
            Nearby = [],
            OwnModels = [],
            Operations = [],
            Demand = [.. _demand],
            MemoryAvailable = ByteSize.GiB(12),
            Signals = [],
        };
        return Core.Deciding.Decide.Next(intent, Catalog, Machine, memory, with?.Invoke(world) ?? world);
    }

    public static IEnumerable<string> Stopped(Decision then) => then.Plan.Moves.OfType<Move.StopInstance>().Select(m => m.Workload.Value);

    public static IEnumerable<string> Started(Decision then) => then.Plan.Moves.OfType<Move.StartInstance>().Select(m => m.Spec.Workload.Value);

    public static Hold HoldOf(Decision then, string name) => then.Plan.Holds.First(h => h.Subject.StartsWith($"spec/{name}/", StringComparison.Ordinal));

    public static Route RouteOf(Decision then, string name) => then.Routes.First(r => r.Workload.Value == name);

    private static readonly Catalog Catalog = new() { Engines = [new EngineEntry { Id = Build.Engine, Title = "llama.cpp", Binary = "llama-server", Builds = [] }], Models = [] };

    private static readonly Machine Machine = new()
    {
        Os = new OperatingSystem("linux", "", "", "x64"),
        Cpu = new Cpu("", 4, 8, []),
        Memory = new MemoryPool(ByteSize.GiB(12), null),
        Disks = [],
    };
}

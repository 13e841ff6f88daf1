using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using Medulla.State;
using OperatingSystem = Medulla.Core.Machines.OperatingSystem;

namespace Medulla.Tests.Unit.Healing;

/// <summary>A device whose one engine serves, decision after decision: what it remembers is kept from one to the next.</summary>
internal sealed class Played
{
    private static readonly Catalog Catalog = new()
    {
        Engines = [new EngineEntry { Id = new EngineId("llama.cpp"), Title = "llama.cpp", Binary = "llama-server", Builds = [], Symptoms = EmbeddedCatalog.Read().FindEngine(new EngineId("llama.cpp"))!.Symptoms }],
        Models = [],
        Remedies = EmbeddedCatalog.Read().Remedies,
    };

    public Played(Func<InstanceSpec, InstanceSpec>? with = null, Policy? policy = null)
    {
        var workload = new Workload { Name = new WorkloadName("chat"), Task = WorkloadTask.Chat, Model = new ModelId("m") };
        Spec = LivenessTests.Spec(100) with { Asked = InstanceSpec.AskedBy(workload, false) };
        Spec = with?.Invoke(Spec) ?? Spec;
        Intent = new Intent { Generation = 1, IsDefault = false, Workloads = [workload], Policy = policy ?? new Policy() };
        var blueprint = new Blueprint { IntentGeneration = 1, Instances = [Spec] };
        Memory = Memory.Empty with { BootId = "boot", AsOf = TimeSpan.FromSeconds(1000), IntentGeneration = 1, IntentFingerprint = Intent.Fingerprint, Target = blueprint, Good = blueprint };
        Fact = new InstanceFact
        {
            Id = new InstanceId("i"),
            Spec = Spec.Id,
            Workload = workload.Name,
            Model = Spec.Model,
            Pid = 7,
            ModelPath = "/m",
            State = InstanceState.Ready,
            StartedAt = TimeSpan.FromSeconds(900),
            Adopted = false,
            Requests = 0,
        };
    }

    public Intent Intent { get; }

    public InstanceSpec Spec { get; }

    public InstanceFact Fact { get; set; }

    public HostFact? Host { get; set; }

    public Memory Memory { get; set; }

    /// <summary>Boot time.</summary>
    public TimeSpan Now { get; set; } = TimeSpan.FromSeconds(1000);

    public Observation World(params Signal[] signals) => new()
    {
        Now = new Instant(DateTimeOffset.UnixEpoch + Now, Now, "boot"),
        Instances = [Fact],
        Engines = [new EngineFact(Spec.Engine, "/e", "test")],
        Weights = [new WeightsFact(Spec.Weights.Digest, Spec.Weights.Size, "/m")],
        Nearby = [],
        OwnModels = [],
        Operations = [],
        MemoryAvailable = ByteSize.GiB(12),
        Host = Host,
        Signals = [.. signals],
    };

    public Decision Decide(params Signal[] signals)
    {
        var machine = new Machine { Os = new OperatingSystem("linux", "", "", "x64"), Cpu = new Cpu("", 4, 8, []), Memory = new MemoryPool(ByteSize.GiB(16), null), Disks = [] };
        var then = Core.Deciding.Decide.Next(Intent, Catalog, machine, Memory, World(signals));
        Memory = then.Memory;
        return then;
    }

    /// <summary>It has measured itself, ten minutes after the last time.</summary>
    public Decision Measures(double? tokensPerS)
    {
        Now += TimeSpan.FromMinutes(10);
        Fact = Fact with { Speed = new SpeedFact(tokensPerS, Now), Probe = new ProbeFact(1, 1, null) { At = Now } };
        return Decide(new Signal.Measured(Spec.Id, Spec.Workload, Fact.Speed));
    }

    public bool HasOpen(string code) => Memory.Incidents.Any(i => i.IsOpen && i.Code == code);
}

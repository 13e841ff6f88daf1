using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;
using Medulla.State;
using OperatingSystem = Medulla.Core.Machines.OperatingSystem;

namespace Medulla.Tests.Simulation;

/// <summary>The catalog, machines and intents that simulated devices have.</summary>
internal static class Shelf
{
    public static readonly EngineId Engine = new("llama.cpp");

    public static readonly ModelEntry Small = Model("small", 1, 1, placeholder: true, nearby: true);

    public static readonly ModelEntry Medium = Model("medium", 2, 2, placeholder: true, nearby: true);

    public static readonly ModelEntry Large = Model("large", 30, 1800, placeholder: false, nearby: false);

    public static readonly ModelEntry Huge = Model("huge", 50, 5000, placeholder: false, nearby: false);

    /// <summary>Its engine refuses it: an architecture that it does not know.</summary>
    public static readonly ModelEntry Strange = Model("strange", 60, 900, placeholder: false, nearby: false);

    /// <summary>It loads and answers nonsense.</summary>
    public static readonly ModelEntry Babbler = Model("babbler", 55, 700, placeholder: false, nearby: false);

    /// <summary>What this build knows of symptoms and remedies is what is simulated.</summary>
    private static readonly Catalog Known = EmbeddedCatalog.Read();

    public static readonly Catalog Catalog = new()
    {
        Remedies = Known.Remedies,
        Engines = [new EngineEntry { Symptoms = Known.FindEngine(Engine)!.Symptoms, Id = Engine, Title = "llama.cpp", Binary = "llama-server", Builds = [new BuildEntry { Backend = "cpu", Sources = [new EngineSource.Folder(), new EngineSource.DebianClosure("sid", "llama.cpp-tools")] }] }],
        Models = [Small, Medium, Large, Huge, Strange, Babbler],
    };

    public static Machine Machine(double gib) => new()
    {
        Os = new OperatingSystem("linux", "simulated", "6.0", "x64"),
        Cpu = new Cpu("simulated", 4, 8, ["avx2"]),
        Memory = new MemoryPool(ByteSize.GiB(gib), null),
        Disks = [],
    };

    public static Intent Chat(params Workload[] workloads) => new()
    {
        Generation = 1,
        IsDefault = workloads.Length == 0,
        Workloads = workloads.Length == 0 ? Intent.Default(new Policy()).Workloads : [.. workloads],
        Policy = new Policy(),
    };

    private static ModelEntry Model(string id, int quality, double mib, bool placeholder, bool nearby) => new()
    {
        Id = new ModelId(id),
        Title = id,
        Licence = "Apache-2.0",
        Tasks = [WorkloadTask.Chat],
        Quality = quality,
        Placeholder = placeholder,
        ContextMax = 32768,
        KvBytesPerToken = placeholder ? 1024 : 65536,
        Files =
        [
            new ModelFile
            {
                Name = id + ".gguf",
                Quant = "Q8_0",
                Size = ByteSize.MiB(mib),
                Digest = Digest.Of(id),
                Sources = nearby ? [new ModelSource.Embedded(id)] : [new ModelSource.HuggingFace("x/" + id, "main", id + ".gguf")],
            },
        ],
        Golden = [new GoldenPrompt("What is the capital of France?", "Paris")],
    };
}

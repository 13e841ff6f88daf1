using Medulla.Core.Units;

namespace Medulla.Core.Observing;

/// <summary>Names of what moves, holds, drift and operations are about.</summary>
public static class Subjects
{
    public const string Store = "store";

    public const string Daemon = "daemon";

    public const string Machine = "machine";

    public static string Workload(WorkloadName name) => $"workload/{name}";

    public static string Spec(WorkloadName workload, SpecId spec) => $"spec/{workload}/{spec}";

    public static string Instance(InstanceId id) => $"instance/{id}";

    public static string Weights(Digest digest) => $"weights/{digest.Short}";

    public static string Build(Blueprints.EngineBuild build) => $"build/{build.Digest.Short}";

    public static string Model(ModelId model) => $"model/{model}";

    public static string Engine(EngineId engine, string backend) => $"engine/{engine}-{backend}";
}

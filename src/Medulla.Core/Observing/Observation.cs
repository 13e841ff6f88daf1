using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Core.Observing;

/// <summary>Facts already gathered, as of <see cref="Now"/>. Work in flight is a fact. Null means <i>unknown</i>.</summary>
public sealed record Observation
{
    public required Instant Now { get; init; }

    /// <summary>Processes of engines that exist now: ours, and orphans of an older run.</summary>
    public required ImmutableArray<InstanceFact> Instances { get; init; }

    /// <summary>Engine builds that are on this device and verified.</summary>
    public required ImmutableArray<EngineFact> Engines { get; init; }

    /// <summary>Model files that are on this device and verified.</summary>
    public required ImmutableArray<WeightsFact> Weights { get; init; }

    /// <summary>Catalog files that lie within reach without a network (embedded, shipped, in <c>--models</c>, in a cache) and are not in the store yet.</summary>
    public required ImmutableArray<Digest> Nearby { get; init; }

    /// <summary>Models of the owner's that the catalog does not know: files in <c>--models</c>.</summary>
    public required ImmutableArray<ModelEntry> OwnModels { get; init; }

    /// <summary>What is unusual about things that the owner gave, in sentences.</summary>
    public ImmutableArray<string> Findings { get; init; } = [];

    /// <summary>Operations in flight.</summary>
    public required ImmutableArray<OperationFact> Operations { get; init; }

    /// <summary>Memory that could be taken now without swapping; null when unknown.</summary>
    public required ByteSize? MemoryAvailable { get; init; }

    /// <summary>Space free for the artifact store; null when unknown.</summary>
    public required ByteSize? DiskFree { get; init; }

    /// <summary>What happened since the last observation, in order.</summary>
    public required ImmutableArray<Signal> Signals { get; init; }

    public InstanceFact? Find(SpecId spec) => Instances.FirstOrDefault(i => i.Spec == spec && i.State != InstanceState.Orphan);

    public bool Has(Digest weights) => Weights.Any(w => w.Digest == weights);
}

public enum InstanceState
{
    /// <summary>The process exists; it has not produced a token yet.</summary>
    Starting,

    /// <summary>Our process owns the socket, answers, and has produced a real token.</summary>
    Ready,

    /// <summary>It is being ended: no new requests.</summary>
    Stopping,

    /// <summary>A process of an older run that cannot be adopted.</summary>
    Orphan,
}

/// <summary>One engine process.</summary>
public sealed record InstanceFact
{
    public required InstanceId Id { get; init; }

    /// <summary>What it runs; the default value for an orphan of which nothing is known.</summary>
    public required SpecId Spec { get; init; }

    public required WorkloadName Workload { get; init; }

    public required ModelId Model { get; init; }

    public required int Pid { get; init; }

    /// <summary>Path of the model file as given to the engine.</summary>
    public required string ModelPath { get; init; }

    public required InstanceState State { get; init; }

    /// <summary>Boot time at which the process started.</summary>
    public required TimeSpan StartedAt { get; init; }

    /// <summary>True when an earlier daemon started it.</summary>
    public required bool Adopted { get; init; }

    /// <summary>Requests it is working on now.</summary>
    public required int Requests { get; init; }

    /// <summary>The latest golden probe; null when none has ended in this daemon's life.</summary>
    public ProbeFact? Probe { get; init; }
}

/// <param name="Passed">Prompts answered as expected.</param>
/// <param name="Asked">Prompts asked; 1 or more.</param>
/// <param name="Failure">The first answer that was wrong, or why none came; null when all passed. Never contains a client's text.</param>
public sealed record ProbeFact(int Passed, int Asked, string? Failure)
{
    public bool IsGood => Passed == Asked;
}

/// <param name="Folder">Where its files are.</param>
/// <param name="Source">Title of the source it came from.</param>
public sealed record EngineFact(Blueprints.EngineBuild Build, string Folder, string Source);

/// <param name="Path">A plain file.</param>
public sealed record WeightsFact(Digest Digest, ByteSize Size, string Path);

/// <summary>An operation in flight.</summary>
/// <param name="Subject">The move's subject.</param>
/// <param name="Detail">What it is doing now; empty when there is nothing to say.</param>
/// <param name="Done">Bytes done; null when it does not count bytes.</param>
/// <param name="Total">Bytes in all; null when unknown.</param>
/// <param name="Rate">Bytes per second, smoothed; null when unknown.</param>
public sealed record OperationFact(string Subject, string Detail, ByteSize? Done, ByteSize? Total, double? Rate);

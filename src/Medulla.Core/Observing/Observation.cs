using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
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

    /// <summary>Requests that wait for an instance, by workload; a workload that nobody waits for is not here.</summary>
    public ImmutableArray<DemandFact> Demand { get; init; } = [];

    /// <summary>Memory that could be taken now without swapping; null when unknown.</summary>
    public required ByteSize? MemoryAvailable { get; init; }

    /// <summary>What this machine is by the latest look that told more; null while it is what the loop began with.</summary>
    public Machine? Machine { get; init; }

    /// <summary>What the sensors of the machine say now; null when they have not been read yet.</summary>
    public HostFact? Host { get; init; }

    /// <summary>What happened since the last observation, in order.</summary>
    public required ImmutableArray<Signal> Signals { get; init; }

    public InstanceFact? Find(SpecId spec) => Instances.FirstOrDefault(i => i.Spec == spec && i.State is not (InstanceState.Orphan or InstanceState.Lost));

    public DemandFact? DemandOf(WorkloadName workload) => Demand.FirstOrDefault(d => d.Workload == workload);

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

    /// <summary>It was killed and is still there, in the kernel's hands.</summary>
    Lost,
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

    /// <summary>Boot time since which it has been watched without a gap: its start, an adoption, or the end of a sleep; null for its start.</summary>
    public TimeSpan? WatchedAt { get; init; }

    /// <summary>True when an earlier daemon started it.</summary>
    public required bool Adopted { get; init; }

    /// <summary>Boot time at which it became ready in this daemon's life; null when it has not.</summary>
    public TimeSpan? ReadyAt { get; init; }

    /// <summary>Requests it is working on now.</summary>
    public required int Requests { get; init; }

    /// <summary>Boot time of the end of the latest request of a client's; null when none has ended in this daemon's life. Probes of our own do not count.</summary>
    public TimeSpan? UsedAt { get; init; }

    /// <summary>The latest golden probe; null when none has ended in this daemon's life.</summary>
    public ProbeFact? Probe { get; init; }

    /// <summary>What came of the last measurement of its speed; null when there was none in this daemon's life.</summary>
    public SpeedFact? Speed { get; init; }

    /// <summary>How it moves; null when nothing has been read of it yet.</summary>
    public Pulse? Pulse { get; init; }
}

/// <summary>Signs of life of one process. Times are boot times; null where there is nothing to say.</summary>
public sealed record Pulse
{
    /// <summary>Since when it owes somebody an answer. The clock is the instance's: a client that gives up does not reset it.</summary>
    public TimeSpan? OwesSince { get; init; }

    /// <summary>When it was last seen to compute, or to read from the disk.</summary>
    public required TimeSpan ComputedAt { get; init; }

    /// <summary>When one of its counters, or a byte from it, last moved.</summary>
    public required TimeSpan MovedAt { get; init; }

    /// <summary>True when its counters can be read: without them, only bytes are seen to move.</summary>
    public bool HasCounters { get; init; }

    /// <summary>True when the computing time of its accelerator is among what is seen.</summary>
    public bool SeesAccelerator { get; init; }

    /// <summary>Since when it is stopped by a signal.</summary>
    public TimeSpan? StoppedSince { get; init; }

    /// <summary>Since when its main thread waits in the kernel without an end.</summary>
    public TimeSpan? StuckSince { get; init; }

    /// <summary>Since when it leaves tiny prompts without an answer.</summary>
    public TimeSpan? SilentSince { get; init; }

    /// <summary>Since when it refuses the key that it was given.</summary>
    public TimeSpan? RefusedSince { get; init; }

    /// <summary>Since when its socket is gone from the disk: it runs, and nobody new can reach it.</summary>
    public TimeSpan? UnreachableSince { get; init; }

    /// <summary>Since when it answers requests with errors, and a tiny prompt as well.</summary>
    public TimeSpan? FailingSince { get; init; }

    /// <summary>When these signs were read; null for now. What has not been looked at since is not held against it.</summary>
    public TimeSpan? FeltAt { get; init; }
}

/// <summary>Requests that wait for an instance of one workload.</summary>
/// <param name="Waiting">How many; 1 or more.</param>
/// <param name="Since">Boot time from which the oldest has waited.</param>
public sealed record DemandFact(WorkloadName Workload, int Waiting, TimeSpan Since);

/// <param name="Passed">Prompts answered as expected.</param>
/// <param name="Asked">Prompts asked; 1 or more.</param>
/// <param name="Failure">The first answer that was wrong, or why none came; null when all passed. Never contains a client's text.</param>
public sealed record ProbeFact(int Passed, int Asked, string? Failure)
{
    /// <summary>Boot time of its end.</summary>
    public TimeSpan At { get; init; }

    /// <summary>Probes in a row that were not good, this one among them.</summary>
    public int InARow { get; init; }

    /// <summary>True when no answer came at all, be it for lack of time: that says nothing about answers.</summary>
    public bool NoAnswer { get; init; }

    /// <summary>True when an answer was one character over and over.</summary>
    public bool Garbled { get; init; }

    public bool IsGood => Passed == Asked;
}

/// <summary>Decode speed of one request alone, with a short context.</summary>
/// <param name="TokensPerS">Null when it could not be told.</param>
/// <param name="At">Boot time of the measurement.</param>
public sealed record SpeedFact(double? TokensPerS, TimeSpan At);

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

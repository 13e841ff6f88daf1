using Medulla.Core.Units;

namespace Medulla.Core.Observing;

/// <summary>Something that just happened: a closed family.</summary>
public abstract record Signal
{
    private Signal()
    {
    }

    /// <summary>A process of ours is gone.</summary>
    public sealed record InstanceExited : Signal
    {
        public required InstanceId Id { get; init; }

        public required SpecId Spec { get; init; }

        public required WorkloadName Workload { get; init; }

        public required int Pid { get; init; }

        /// <summary>Null when unknown (an adopted process), or when a signal ended it.</summary>
        public required int? ExitCode { get; init; }

        /// <summary>Number of the signal that ended it; null when none did, or when unknown.</summary>
        public required int? KilledBy { get; init; }

        /// <summary>True when it had been ready in this life.</summary>
        public required bool WasReady { get; init; }

        /// <summary>True when we had asked it to stop.</summary>
        public required bool Asked { get; init; }

        public required TimeSpan Uptime { get; init; }

        /// <summary>The last lines of its log, 20 at most.</summary>
        public required ImmutableArray<string> LastLines { get; init; }
    }

    /// <summary>An instance became ready.</summary>
    /// <param name="LoadTime">From the start of the process to its first token.</param>
    public sealed record InstanceReady(InstanceId Id, SpecId Spec, WorkloadName Workload, TimeSpan LoadTime) : Signal;

    /// <summary>No process came to be.</summary>
    public sealed record StartFailed(SpecId Spec, WorkloadName Workload, string Reason) : Signal;

    /// <summary>A fetch of a model file ended.</summary>
    /// <param name="Name">Model and quantisation, for people.</param>
    public sealed record WeightsFetched(Digest Digest, string Name, FetchOutcome Outcome, ImmutableArray<SourceFailure> Failures) : Signal;

    /// <summary>A fetch of an engine ended.</summary>
    public sealed record EngineFetched(EngineId Engine, string Backend, FetchOutcome Outcome, ImmutableArray<SourceFailure> Failures) : Signal;

    /// <summary>An artifact in the store is not what it was: it has been set aside.</summary>
    public sealed record ArtifactDamaged(Digest Digest, string Reason) : Signal;

    /// <summary>A state file could not be read and was set aside.</summary>
    /// <param name="SetAside">Where it is now.</param>
    public sealed record StateDamaged(string File, string SetAside, string Reason) : Signal;

    /// <summary>A golden probe of an instance ended; its result is in <see cref="InstanceFact.Probe"/>.</summary>
    public sealed record Probed(InstanceId Id) : Signal;

    /// <summary>A request waits for this workload.</summary>
    public sealed record Demanded(WorkloadName Workload) : Signal;
}

public enum FetchOutcome
{
    Done,

    /// <summary>No source could be used; the failures say why.</summary>
    NoSource,

    /// <summary>The disk has no room for it.</summary>
    NoSpace,

    /// <summary>What came was not what was promised, from every source.</summary>
    Damaged,
}

/// <param name="Source">Title of the source.</param>
/// <param name="Reason">Why it was skipped or failed, in words for a person.</param>
public sealed record SourceFailure(string Source, string Reason);

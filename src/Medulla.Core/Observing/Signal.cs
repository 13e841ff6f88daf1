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

        /// <summary>The last lines of its log, 100 at most.</summary>
        public required ImmutableArray<string> LastLines { get; init; }

        /// <summary>Who counted a kill for want of memory in its last moments; null when nobody did, or when unknown.</summary>
        public Shortage? KilledFor { get; init; }

        /// <summary>It ended by itself before it could produce a token. A kill from outside (SIGKILL, SIGTERM) is not a refusal.</summary>
        public bool IsRefusal => !WasReady && KilledBy is not (9 or 15) && !(ExitCode is null && KilledBy is null);
    }

    /// <summary>An instance became ready.</summary>
    /// <param name="LoadTime">From the start of the process to its first token.</param>
    public sealed record InstanceReady(InstanceId Id, SpecId Spec, WorkloadName Workload, TimeSpan LoadTime) : Signal
    {
        /// <summary>What it has said so far, the last 100 lines at most; empty for one that was adopted.</summary>
        public ImmutableArray<string> Lines { get; init; } = [];
    }

    /// <summary>No process came to be.</summary>
    /// <param name="Error">The system's error number; 0 when the system was not asked.</param>
    public sealed record StartFailed(SpecId Spec, WorkloadName Workload, string Reason, int Error = 0) : Signal;

    /// <summary>A fetch of a model file ended.</summary>
    /// <param name="Name">Model and quantisation, for people.</param>
    public sealed record WeightsFetched(Digest Digest, string Name, FetchOutcome Outcome, ImmutableArray<SourceFailure> Failures) : Signal;

    /// <summary>A fetch of an engine ended.</summary>
    public sealed record EngineFetched(EngineId Engine, string Backend, FetchOutcome Outcome, ImmutableArray<SourceFailure> Failures) : Signal;

    /// <summary>An artifact is not what it was: it has been set aside.</summary>
    /// <param name="Subject">Of a model file or of an engine build.</param>
    public sealed record ArtifactDamaged(string Subject, string Reason) : Signal;

    /// <summary>An artifact was read from end to end because the loop wanted it.</summary>
    /// <param name="Subject">The move's subject.</param>
    /// <param name="Sound">True when it is what was verified before.</param>
    /// <param name="Text">What was found.</param>
    public sealed record Verified(string Subject, bool Sound, string Text) : Signal;

    /// <summary>What nobody needs was removed.</summary>
    /// <param name="Freed">How much more space is free now.</param>
    public sealed record Swept(ByteSize Freed) : Signal;

    /// <summary>One and the same request was at work in several engines when they died; it is refused for a while.</summary>
    /// <param name="Deaths">How many.</param>
    public sealed record RequestRefused(WorkloadName Workload, int Deaths) : Signal;

    /// <summary>Something happened to the machine.</summary>
    /// <param name="Condition">Code of the condition.</param>
    /// <param name="Subject">What it is about: <c>host</c>, or a device.</param>
    public sealed record HostEvent(string Condition, string Subject, string Evidence) : Signal;

    /// <summary>A state file could not be read and was set aside, or was gone.</summary>
    /// <param name="SetAside">Where it is now; null for what was gone and was made again.</param>
    public sealed record StateDamaged(string File, string? SetAside, string Reason) : Signal;

    /// <summary>A golden probe of an instance ended; its result is in <see cref="InstanceFact.Probe"/>.</summary>
    public sealed record Probed(InstanceId Id) : Signal;

    /// <summary>The speed of an instance was measured.</summary>
    public sealed record Measured(SpecId Spec, WorkloadName Workload, SpeedFact Speed) : Signal;

    /// <summary>A daemon has begun: what its predecessor was told about itself is done.</summary>
    public sealed record Launched : Signal;

    /// <summary>The machine was told to start anew.</summary>
    /// <param name="Problem">Why it could not be; null when it will.</param>
    public sealed record RebootAsked(string? Problem) : Signal;

    /// <summary>A request waits for this workload.</summary>
    public sealed record Demanded(WorkloadName Workload) : Signal;
}

/// <summary>Who ended a process for want of memory.</summary>
public enum Shortage
{
    /// <summary>The limit of its control group.</summary>
    Group,

    /// <summary>The whole machine.</summary>
    Machine,
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
public sealed record SourceFailure(string Source, string Reason, FailureKind Kind = FailureKind.Other);

/// <summary>What kind of trouble a source was.</summary>
public enum FailureKind
{
    Other,

    /// <summary>Refused, reset, timed out, too slow, or an error of the server's.</summary>
    Unreachable,

    /// <summary>Its name cannot be resolved.</summary>
    Name,

    /// <summary>Its certificate is not to be trusted.</summary>
    Certificate,

    /// <summary>Its certificate is not valid at the time that our clock shows.</summary>
    CertificateTime,

    /// <summary>What it sent is not what was promised.</summary>
    WrongContent,

    /// <summary>A page, or a circle of redirections, instead of the file.</summary>
    Page,

    /// <summary>It does not have the file any more.</summary>
    Gone,

    /// <summary>It wants somebody to sign in or to agree.</summary>
    Consent,

    /// <summary>It wants to be asked less often.</summary>
    Limited,

    /// <summary>What it sent is whole and cannot be used here.</summary>
    Unusable,
}

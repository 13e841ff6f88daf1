using Medulla.Core.Observing;
using Medulla.Core.Units;
using Medulla.Loop;
using Medulla.State;

namespace Medulla.Engines;

/// <summary>One engine process and what is known of it. Mutable state is guarded by the room's lock.</summary>
internal sealed class Instance(InstanceId id, string folder, int pid, bool adopted, TimeSpan startedAt) : IDisposable
{
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public InstanceId Id { get; } = id;

    /// <summary>Its folder below <c>run</c>; empty for an orphan of which nothing is known.</summary>
    public string Folder { get; } = folder;

    public int Pid { get; } = pid;

    public bool Adopted { get; } = adopted;

    public TimeSpan StartedAt { get; } = startedAt;

    /// <summary>Null for an orphan.</summary>
    public RunRecord? Record { get; init; }

    /// <summary>Null for an orphan.</summary>
    public Upstream? Upstream { get; init; }

    /// <summary>Null for an orphan.</summary>
    public EngineClient? Client { get; init; }

    public InstanceState State { get; set; } = InstanceState.Starting;

    public bool WasReady { get; set; }

    /// <summary>Boot time since which this daemon has watched it without a gap.</summary>
    public TimeSpan WatchedAt { get; set; } = Posix.BootTime();

    /// <summary>Boot time at which it became ready in this daemon's life; null before.</summary>
    public TimeSpan? ReadyAt { get; set; }

    /// <summary>True once we have asked it to end.</summary>
    public bool Asked { get; set; }

    public ProbeFact? Probe { get; set; }

    public SpeedFact? Speed { get; set; }

    /// <summary>Null until it is watched.</summary>
    public PulseWatch? Pulse { get; set; }

    /// <summary>Completes when the process is gone.</summary>
    public Task Gone => _gone.Task;

    /// <summary>Cancelled when nothing more is to be asked of it.</summary>
    public CancellationTokenSource Life { get; } = new();

    public InstanceFact Fact => new()
    {
        Id = Id,
        Spec = State == InstanceState.Orphan ? default : Record!.Spec,
        Workload = Record?.Workload ?? new WorkloadName("unknown"),
        Model = Record?.Model ?? new ModelId("unknown"),
        Pid = Pid,
        ModelPath = Record?.ModelPath ?? "",
        State = State,
        StartedAt = StartedAt,
        WatchedAt = WatchedAt,
        Adopted = Adopted,
        ReadyAt = ReadyAt,
        Requests = Upstream?.Requests ?? 0,
        UsedAt = Upstream?.UsedAt,
        Probe = Probe,
        Speed = Speed,
        Pulse = Pulse?.Current,
    };

    public string Log => Path.Combine(Folder, "engine.log");

    public void SetGone() => _gone.TrySetResult();

    public void Dispose()
    {
        Client?.Dispose();
        Life.Dispose();
    }
}

using Medulla.Core.Blueprints;
using Medulla.Core.Incidents;
using Medulla.Core.Units;

namespace Medulla.Core.Trials;

/// <summary>
/// All that the loop remembers between ticks and lives. Durable before anything is done about it. Boot times in it mean
/// the boot <see cref="BootId"/>; after a reboot they are re-based.
/// </summary>
public sealed record Memory
{
    public const int CurrentFormat = 1;

    public static readonly Memory Empty = new()
    {
        Format = CurrentFormat,
        BootId = "",
        AsOf = TimeSpan.Zero,
        IntentGeneration = 0,
        IntentFingerprint = null,
        Target = Blueprint.Empty,
        Good = Blueprint.Empty,
        Trials = [],
        Lessons = [],
        Incidents = [],
        Crashes = [],
        Fetches = [],
        TrialStarts = [],
    };

    public required int Format { get; init; }

    public required string BootId { get; init; }

    /// <summary>Boot time at which the content last changed.</summary>
    public required TimeSpan AsOf { get; init; }

    public required long IntentGeneration { get; init; }

    /// <summary>Content of the intent that <see cref="Target"/> answers; null before the first.</summary>
    public required Digest? IntentFingerprint { get; init; }

    /// <summary>What is made true: candidates of open trials included.</summary>
    public required Blueprint Target { get; init; }

    /// <summary>The last proven instance of each workload.</summary>
    public required Blueprint Good { get; init; }

    /// <summary>At most one per workload.</summary>
    public required ImmutableArray<Trial> Trials { get; init; }

    /// <summary>At most <see cref="Lesson.Max"/>, the oldest dropped.</summary>
    public required ImmutableArray<Lesson> Lessons { get; init; }

    public required ImmutableArray<Incident> Incidents { get; init; }

    /// <summary>One per specification that has exited unasked, at most <see cref="MaxRecords"/>.</summary>
    public required ImmutableArray<CrashRecord> Crashes { get; init; }

    /// <summary>One per artifact whose fetch failed, at most <see cref="MaxRecords"/>.</summary>
    public required ImmutableArray<FetchRecord> Fetches { get; init; }

    /// <summary>Boot times of the latest upgrades' beginnings: the disruption budget. At most <see cref="MaxStarts"/>.</summary>
    public required ImmutableArray<TimeSpan> TrialStarts { get; init; }

    /// <summary>How far remedies have been climbed, at most <see cref="MaxRecords"/>.</summary>
    public ImmutableArray<Ladder> Ladders { get => field.IsDefault ? [] : field; init; }

    /// <summary>What is to be done once, at most <see cref="MaxRecords"/>.</summary>
    public ImmutableArray<Order> Orders { get => field.IsDefault ? [] : field; init; }

    /// <summary>How fast this device has measured itself, one for each specification, at most <see cref="MaxRecords"/>.</summary>
    public ImmutableArray<OwnSpeed> Speeds { get => field.IsDefault ? [] : field; init; }

    /// <summary>Boot times at which the daemon was told to start itself anew: at most <see cref="Relaunches"/> a day.</summary>
    public ImmutableArray<TimeSpan> Relaunched { get => field.IsDefault ? [] : field; init; }

    /// <summary>Boot times at which the machine was told to start anew: at most <see cref="Reboots"/> a day.</summary>
    public ImmutableArray<TimeSpan> Rebooted { get => field.IsDefault ? [] : field; init; }

    public const int Relaunches = 4;

    public const int Reboots = 2;

    public const int MaxRecords = 64;

    public const int MaxStarts = 16;

    public Trial? TrialOf(WorkloadName workload) => Trials.FirstOrDefault(t => t.Workload == workload);

    /// <summary>The target or the last good instance with this id; null for one that is neither.</summary>
    public InstanceSpec? Find(SpecId spec) => Target.Instances.Concat(Good.Instances).FirstOrDefault(i => i.Id == spec);

    public CrashRecord? CrashOf(SpecId spec) => Crashes.FirstOrDefault(c => c.Spec == spec);

    public OwnSpeed? SpeedOf(SpecId spec) => Speeds.FirstOrDefault(s => s.Spec == spec);

    public FetchRecord? FetchOf(string subject) => Fetches.FirstOrDefault(f => f.Subject == subject);

    public Ladder? LadderOf(WorkloadName workload, string condition) => Ladders.FirstOrDefault(l => l.Workload == workload && l.Condition == condition);

    /// <summary>The order to end a process that was started at this time; null when there is none.</summary>
    public Order? RenewalOf(SpecId spec, TimeSpan startedAt) => Orders.FirstOrDefault(o => o.Kind == OrderKind.Renew && o.Subject == spec.Value && startedAt < o.At);

    public bool IsToBeVerified(string subject) => Orders.Any(o => o.Kind == OrderKind.Verify && o.Subject == subject);

    public bool MayRelaunch(TimeSpan now) => Orders.All(o => o.Kind != OrderKind.Relaunch) && Relaunched.Count(t => now - t < TimeSpan.FromDays(1)) < Relaunches;

    public bool MayReboot(TimeSpan now) => Orders.All(o => o.Kind != OrderKind.Reboot) && Rebooted.Count(t => now - t < TimeSpan.FromDays(1)) < Reboots;

    public bool IsRefuted(Change change, TimeSpan now) => LessonAgainst(change, now) is not null;

    /// <summary>The lesson that forbids a change now; null when none does.</summary>
    public Lesson? LessonAgainst(Change change, TimeSpan now)
    {
        if (Lessons.IsEmpty) return null;
        var key = change.Key;
        foreach (var lesson in Lessons)
        {
            if (lesson.Key == key && lesson.Holds(now)) return lesson;
        }

        return null;
    }

    /// <summary>True when nothing but the time stamp differs: then nothing is written.</summary>
    public bool SaysTheSameAs(Memory other) =>
        BootId == other.BootId &&
        IntentGeneration == other.IntentGeneration &&
        IntentFingerprint == other.IntentFingerprint &&
        Same(Target.Instances, other.Target.Instances) && Target.IntentGeneration == other.Target.IntentGeneration &&
        Same(Good.Instances, other.Good.Instances) &&
        Same(Trials, other.Trials) &&
        Same(Lessons, other.Lessons) &&
        Same(Incidents, other.Incidents) &&
        Same(Crashes, other.Crashes) &&
        Same(Fetches, other.Fetches) &&
        Same(TrialStarts, other.TrialStarts) &&
        Same(Speeds, other.Speeds) &&
        Same(Relaunched, other.Relaunched) &&
        Same(Rebooted, other.Rebooted) &&
        Same(Ladders, other.Ladders) &&
        Same(Orders, other.Orders);

    /// <summary>
    /// Moves every boot time into the boot of <paramref name="now"/>. How long the power was off is unknown, so what
    /// remained of a wait when the memory last changed remains now: a wait can be longer than meant, never shorter, and
    /// by no more than its own length.
    /// </summary>
    public Memory Rebase(Instant now)
    {
        if (BootId == now.BootId) return this;
        var shift = now.Boot - AsOf;
        return this with
        {
            BootId = now.BootId,
            AsOf = now.Boot,
            Trials = [.. Trials.Select(t => t with { StartedAt = t.StartedAt + shift, Deadline = t.Deadline + shift, ProvedAt = t.ProvedAt + shift })],
            Lessons = [.. Lessons.Select(l => l with { Until = l.Until + shift })],
            Crashes = [.. Crashes.Select(c => c with { LastAt = c.LastAt + shift, NotBefore = c.NotBefore + shift, ReadyAt = c.ReadyAt + shift })],
            Fetches = [.. Fetches.Select(f => f with { NotBefore = f.NotBefore + shift })],
            TrialStarts = [.. TrialStarts.Select(t => t + shift)],
            Ladders = [.. Ladders.Select(l => l with { SeenAt = l.SeenAt + shift, StepAt = l.StepAt + shift })],
            Orders = [.. Orders.Where(o => o.Kind != OrderKind.Reboot).Select(o => o with { At = o.At + shift })],
            Relaunched = [.. Relaunched.Select(t => t + shift)],
            Rebooted = [.. Rebooted.Select(t => t + shift)],
        };
    }

    private static bool Same<T>(ImmutableArray<T> a, ImmutableArray<T> b) => a == b || a.SequenceEqual(b);
}

/// <summary>Unasked exits of one specification.</summary>
/// <param name="Short">Lives in a row that ended before the instance had been stable.</param>
/// <param name="LastAt">Boot time of the last exit.</param>
/// <param name="NotBefore">Boot time before which it is not started again.</param>
/// <param name="ReadyAt">Boot time at which its present life became ready; null when it has not.</param>
public sealed record CrashRecord(SpecId Spec, int Short, TimeSpan LastAt, TimeSpan NotBefore, TimeSpan? ReadyAt)
{
    /// <summary>A life that was ready for this long is a sound one: the count begins anew.</summary>
    public static readonly TimeSpan Stable = TimeSpan.FromSeconds(5);

    /// <summary>The same for a life that was ended from outside (SIGKILL, SIGTERM): that is little evidence against the instance.</summary>
    public static readonly TimeSpan StableIfKilled = TimeSpan.FromSeconds(1);

    /// <summary>Short lives in a row that spend the budget.</summary>
    public const int Budget = 6;

    public bool IsLoop => Short >= Budget;

    /// <summary>The first is 0: a crash without a pattern is answered at once.</summary>
    public static TimeSpan Backoff(int shortLives) =>
        shortLives <= 1 ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(60, 0.5 * Math.Pow(2, shortLives - 2)));
}

/// <summary>Failed fetches of one artifact.</summary>
/// <param name="Subject">The move's subject.</param>
/// <param name="Failures">In a row.</param>
/// <param name="NotBefore">Boot time of the next try.</param>
/// <param name="Reason">Why the last one failed, source by source.</param>
public sealed record FetchRecord(string Subject, int Failures, TimeSpan NotBefore, string Reason)
{
    public static TimeSpan Backoff(int failures) => TimeSpan.FromSeconds(Math.Min(3600, 15 * Math.Pow(2, failures - 1)));
}

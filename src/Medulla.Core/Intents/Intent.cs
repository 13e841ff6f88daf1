using Medulla.Core.Units;

namespace Medulla.Core.Intents;

/// <summary>What is wanted of this device. Two intents with one content have one <see cref="Fingerprint"/>.</summary>
public sealed record Intent
{
    /// <summary>The workload of a device that nobody has configured.</summary>
    public static readonly WorkloadName Chat = new("chat");

    /// <summary>Counts up by one each time the content changes; 1 is the first.</summary>
    public required long Generation { get; init; }

    /// <summary>True when nobody has configured anything: one workload, <c>chat</c>.</summary>
    public required bool IsDefault { get; init; }

    /// <summary>At least one, with distinct names.</summary>
    public required ImmutableArray<Workload> Workloads { get; init; }

    public required Policy Policy { get; init; }

    /// <summary>Not in the <see cref="Fingerprint"/>.</summary>
    public Reporting Reporting { get; init; } = Reporting.None;

    /// <summary>A digest of the content without its generation.</summary>
    public Digest Fingerprint => _fingerprint.Of(this, static i => Digest.Of(string.Join('\n', i.Workloads.Select(w => w.ToString()).Append(i.Policy.ToString()).Append(i.IsDefault ? "default" : ""))));

    private Memo<Digest> _fingerprint;

    public static Intent Default(Policy policy) => new()
    {
        Generation = 1,
        IsDefault = true,
        Workloads = [new Workload { Name = Chat, Task = WorkloadTask.Chat }],
        Policy = policy,
    };

    public Workload? Find(WorkloadName name) => Workloads.FirstOrDefault(w => w.Name == name);
}

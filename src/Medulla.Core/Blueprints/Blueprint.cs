using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>A complete target for the device: one instance per workload that can be served.</summary>
public sealed record Blueprint
{
    public static readonly Blueprint Empty = new() { IntentGeneration = 0, Instances = [] };

    /// <summary>The intent it answers; 0 for none.</summary>
    public required long IntentGeneration { get; init; }

    /// <summary>At most one per workload.</summary>
    public required ImmutableArray<InstanceSpec> Instances { get; init; }

    public InstanceSpec? For(WorkloadName workload) => Instances.FirstOrDefault(i => i.Workload == workload);

    /// <summary>The same blueprint with another instance for one workload.</summary>
    public Blueprint With(InstanceSpec spec) => this with { Instances = [.. Instances.Where(i => i.Workload != spec.Workload), spec] };

    /// <summary>The same blueprint in the same order, with this in the place of the workload's instance.</summary>
    public Blueprint Put(InstanceSpec spec) => this with { Instances = [.. Instances.Select(i => i.Workload == spec.Workload ? spec : i)] };

    public Blueprint Without(WorkloadName workload) => this with { Instances = [.. Instances.Where(i => i.Workload != workload)] };
}

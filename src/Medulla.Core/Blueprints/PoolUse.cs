using Medulla.Core.Intents;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>Memory in use, pool by pool: the host's (on unified memory the one pool), and that of each accelerator with its own.</summary>
/// <param name="Devices">By index of the accelerator, all its devices together; shorter than their number where nothing is used.</param>
public sealed record PoolUse(ByteSize Host, ImmutableArray<ByteSize> Devices)
{
    public static readonly PoolUse None = new(ByteSize.Zero, []);

    public static PoolUse Of(IEnumerable<InstanceSpec> instances) => instances.Aggregate(None, static (all, one) => all.With(one));

    public PoolUse With(InstanceSpec instance)
    {
        var host = Host + instance.Memory;
        var index = instance.Settings.Accelerator;
        if (index < 0 || instance.DeviceMemory == ByteSize.Zero) return this with { Host = host };
        var devices = Devices;
        while (devices.Length <= index) devices = devices.Add(ByteSize.Zero);
        return new PoolUse(host, devices.SetItem(index, devices[index] + instance.DeviceMemory));
    }

    public ByteSize Of(int accelerator) => accelerator >= 0 && accelerator < Devices.Length ? Devices[accelerator] : ByteSize.Zero;

    public bool Equals(PoolUse? other) => other is not null && Host == other.Host && Devices.SequenceEqual(other.Devices);

    public override int GetHashCode() => Devices.Aggregate(Host.GetHashCode(), HashCode.Combine);
}

/// <summary>What may be planned with.</summary>
public static class Budget
{
    /// <summary>Left free on a device with its own memory, for displays and drivers.</summary>
    private static readonly ByteSize DeviceReserve = ByteSize.MiB(512);

    /// <summary>Host memory, or the one pool: what is usable less the owner's reserve, but never less than a quarter. A unified pool keeps a hard reserve on top: what overruns it takes the whole machine down.</summary>
    public static ByteSize Host(Machine machine, Policy policy)
    {
        var usable = machine.Memory.Usable;
        var reserve = policy.MemoryReserve;
        if (IsUnified(machine)) reserve = new ByteSize(Math.Max(reserve.Bytes, ByteSize.GiB(2).Bytes + (usable.Bytes / 25)));
        return new ByteSize(Math.Max(usable.Bytes / 4, usable.Bytes - reserve.Bytes));
    }

    /// <summary>Of one device with memory of its own.</summary>
    public static ByteSize Device(ByteSize memory) => memory - new ByteSize(Math.Max(DeviceReserve.Bytes, memory.Bytes / 32));

    /// <summary>Do these fit beside each other?</summary>
    public static bool Holds(Machine machine, Policy policy, PoolUse use)
    {
        if (use.Host > Host(machine, policy)) return false;
        for (var i = 0; i < use.Devices.Length && i < machine.Accelerators.Length; i++)
        {
            var device = machine.Accelerators[i];
            if (device.Memory is { } memory && use.Devices[i].Bytes > Device(memory).Bytes * device.Count) return false;
        }

        return true;
    }

    public static bool IsUnified(Machine machine) => machine.Accelerators.Any(a => a is { Unified: true, Kind: AcceleratorKind.Gpu });
}

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

    public PoolUse Plus(PoolUse other) => Join(other, static (a, b) => a + b);

    /// <summary>Pool by pool the larger of both: what those need of whom only one runs at a time.</summary>
    public PoolUse Or(PoolUse other) => Join(other, static (a, b) => a > b ? a : b);

    public ByteSize Of(int accelerator) => accelerator >= 0 && accelerator < Devices.Length ? Devices[accelerator] : ByteSize.Zero;

    public bool Equals(PoolUse? other) => other is not null && Host == other.Host && Devices.SequenceEqual(other.Devices);

    private PoolUse Join(PoolUse other, Func<ByteSize, ByteSize, ByteSize> join)
    {
        var length = Math.Max(Devices.Length, other.Devices.Length);
        return new PoolUse(join(Host, other.Host), length == 0 ? [] : [.. Enumerable.Range(0, length).Select(i => join(Of(i), other.Of(i)))]);
    }

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
    public static bool Holds(Machine machine, Policy policy, PoolUse use) => Short(machine, policy, use) is null;

    /// <summary>The first pool that does not hold them; null when all do.</summary>
    public static Shortfall? Short(Machine machine, Policy policy, PoolUse use)
    {
        if (Host(machine, policy) is var host && use.Host > host) return new Shortfall(-1, use.Host, host);
        for (var i = 0; i < use.Devices.Length && i < machine.Accelerators.Length; i++)
        {
            var device = machine.Accelerators[i];
            if (device.Memory is { } memory && new ByteSize(Device(memory).Bytes * device.Count) is var planned && use.Devices[i] > planned) return new Shortfall(i, use.Devices[i], planned);
        }

        return null;
    }

    public static bool IsUnified(Machine machine) => machine.Accelerators.Any(a => a is { Unified: true, Kind: AcceleratorKind.Gpu });
}

/// <summary>A pool that does not hold what is wanted of it.</summary>
/// <param name="Accelerator">Index; -1 for the host's memory, or the one pool.</param>
/// <param name="Planned">What can be planned with.</param>
public readonly record struct Shortfall(int Accelerator, ByteSize Wanted, ByteSize Planned)
{
    public override string ToString() => $"{Wanted}{(Accelerator < 0 ? "" : " of the accelerator's memory")}, and {Planned} can be planned with";
}

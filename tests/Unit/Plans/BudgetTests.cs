using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Machines;
using Medulla.Core.Units;
using OperatingSystem = Medulla.Core.Machines.OperatingSystem;

namespace Medulla.Tests.Unit.Plans;

public sealed class BudgetTests
{
    private static readonly Policy Reserving = new() { MemoryReserve = ByteSize.GiB(4) };

    [Fact]
    public void Host_memory_holds_what_the_owner_leaves_and_not_a_byte_more()
    {
        var machine = Of(new MemoryPool(ByteSize.GiB(32), null));
        Assert.True(Budget.Holds(machine, Reserving, new PoolUse(ByteSize.GiB(28), [])));
        Assert.False(Budget.Holds(machine, Reserving, new PoolUse(ByteSize.GiB(28) + new ByteSize(1), [])));
    }

    [Fact]
    public void The_limit_of_a_container_is_the_memory()
    {
        var machine = Of(new MemoryPool(ByteSize.GiB(64), ByteSize.GiB(16)));
        Assert.True(Budget.Holds(machine, Reserving, new PoolUse(ByteSize.GiB(12), [])));
        Assert.False(Budget.Holds(machine, Reserving, new PoolUse(ByteSize.GiB(13), [])));
    }

    [Fact]
    public void Unified_memory_is_one_pool_with_a_hard_reserve()
    {
        var machine = Of(new MemoryPool(ByteSize.GiB(100), null), new Accelerator { Vendor = "amd", Name = "one", Unified = true, Memory = null });
        var none = new Policy { MemoryReserve = ByteSize.Zero };
        Assert.True(Budget.IsUnified(machine));
        Assert.Equal(ByteSize.GiB(94), Budget.Host(machine, none));
        Assert.False(Budget.Holds(machine, none, new PoolUse(ByteSize.GiB(95), [])));
    }

    [Fact]
    public void Each_accelerator_holds_what_its_devices_have_less_what_displays_and_drivers_take()
    {
        var machine = Of(new MemoryPool(ByteSize.GiB(64), null), new Accelerator { Vendor = "nvidia", Name = "two", Unified = false, Memory = ByteSize.GiB(8), Count = 2 });
        Assert.True(Budget.Holds(machine, Reserving, new PoolUse(ByteSize.Zero, [ByteSize.GiB(15)])));
        Assert.False(Budget.Holds(machine, Reserving, new PoolUse(ByteSize.Zero, [ByteSize.GiB(15) + new ByteSize(1)])));
    }

    private static Machine Of(MemoryPool pool, params Accelerator[] accelerators) => new()
    {
        Os = new OperatingSystem("linux", "", "", "x64"),
        Cpu = new Cpu("", 8, 16, []),
        Memory = pool,
        Disks = [],
        Accelerators = [.. accelerators],
    };
}

using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Prediction;

/// <summary>What may be planned with. On unified memory <see cref="Host"/> is the one pool and <see cref="Device"/> counts for nothing.</summary>
/// <param name="Device">Free on each device; on the one with the least when they differ.</param>
/// <param name="Host">Host memory within a container's limit, less the reserve.</param>
/// <param name="Unified">Device and host memory are one pool.</param>
public sealed record MemoryBudget(ByteSize Device, ByteSize Host, bool Unified)
{
    /// <param name="reserve">What is never planned with, on top of what others hold: hard.</param>
    public static MemoryBudget OfHost(MemoryPool pool, ByteSize reserve) => new(ByteSize.Zero, Less(pool.Usable, reserve), Unified: false);

    public static MemoryBudget OfUnified(MemoryPool pool, ByteSize reserve) => new(ByteSize.Zero, Less(pool.Usable, reserve), Unified: true);

    public static MemoryBudget OfDevices(ByteSize freeOnEach, MemoryPool pool, ByteSize reserve) => new(freeOnEach, Less(pool.Usable, reserve), Unified: false);

    public bool Holds(MemoryNeed need) => Unified ? need.Total <= Host : need.Device <= Device && need.Host <= Host;

    private static ByteSize Less(ByteSize all, ByteSize reserve) => reserve < all ? all - reserve : ByteSize.Zero;
}

using Medulla.Core.Units;

namespace Medulla.Core.Intents;

/// <summary>What the owner consents to.</summary>
public sealed record Policy
{
    /// <summary>May the device fetch and move to better models by itself?</summary>
    public bool Climb { get; init; } = true;

    /// <summary>The most that the artifact store may hold; null means as much as the disk has, less <see cref="DiskReserve"/>.</summary>
    public ByteSize? DiskCap { get; init; }

    /// <summary>Disk space that stays free whatever is fetched.</summary>
    public ByteSize DiskReserve { get; init; } = ByteSize.GiB(1);

    /// <summary>Memory that stays the owner's: no plan counts on it.</summary>
    public ByteSize MemoryReserve { get; init; } = ByteSize.GiB(1);

    /// <summary>May the device start the machine anew by itself when nothing else is left? At most twice a day.</summary>
    public bool Reboot { get; init; }

    /// <summary>An instance on demand that nobody has asked for so long is unloaded.</summary>
    public TimeSpan UnloadAfter { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How much faster than usual the times of quiet pass that prove a repair: 1 but in trials of the device itself.</summary>
    public double Pace { get; init; } = 1;
}

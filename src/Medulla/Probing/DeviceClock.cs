using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Probing;

/// <summary>The device's time: wall time from the provider, boot time from the kernel.</summary>
internal sealed class DeviceClock(TimeProvider time)
{
    /// <summary>Identity of this boot.</summary>
    public string BootId { get; } = File.Exists("/proc/sys/kernel/random/boot_id") ? File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim() : "unknown";

    public Instant Read() => new(time.GetUtcNow(), Posix.BootTime(), BootId);
}

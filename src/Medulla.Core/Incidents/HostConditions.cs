using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Units;

namespace Medulla.Core.Incidents;

/// <summary>What the sensors of the machine mean. Each condition is there, not there, or cannot be told.</summary>
public static class HostConditions
{
    private static readonly ImmutableHashSet<string> Sensed =
    [
        Conditions.MemoryShort.Code, Conditions.SwapThrash.Code, Conditions.SlowDisk.Code, Conditions.DiskLow.Code, Conditions.InodesLow.Code, Conditions.ReadOnly.Code,
        Conditions.DescriptorLeak.Code, Conditions.ThermalThrottle.Code, Conditions.SensorLost.Code,
    ];

    /// <summary>Below it the guard acts: the kernel would soon, and on unified memory it may not in time.</summary>
    public static ByteSize LowWater(HostFact host, bool unified)
    {
        var total = host.MemoryTotal?.Bytes ?? 0;
        var least = unified ? Math.Min(ByteSize.GiB(2).Bytes, total / 12) : Math.Min(ByteSize.MiB(256).Bytes, total / 32);
        return new ByteSize(least);
    }

    /// <returns>For each condition that can be told, the evidence; null evidence when it is not there.</returns>
    public static IEnumerable<(Condition Condition, string? Evidence)> Of(HostFact host, Policy policy, bool unified)
    {
        if (host.MemoryAvailable is { } available && host.MemoryTotal is not null)
        {
            var low = LowWater(host, unified);
            yield return (Conditions.MemoryShort, available < low ? $"{available} of memory are left, and {low} are the least" : null);
        }

        if (host is { Swapping: { } swapping, MemoryStall: { } stall }) yield return (Conditions.SwapThrash, swapping > 20e6 && stall > 20 ? $"{swapping / 1e6:0} MB/s go to and from the swap, and everything waits for memory {stall:0} % of the time" : null);
        if (host.DiskStall is { } disk) yield return (Conditions.SlowDisk, disk > 60 ? $"everything waits for the disk {disk:0} % of the time" : null);
        if (host.DiskFree is { } free)
        {
            var least = new ByteSize(Math.Min(policy.DiskReserve.Bytes / 4, ByteSize.MiB(64).Bytes));
            yield return (Conditions.DiskLow, free < least ? $"{free} are left, and {least} are the least" : null);
        }

        if (host.FilesFree is { } files) yield return (Conditions.InodesLow, files < 16 ? $"{files} more files can be made" : null);
        yield return (Conditions.ReadOnly, host.Unwritable);
        if (host is { OpenFiles: { } open, OpenFilesLimit: { } limit }) yield return (Conditions.DescriptorLeak, open > limit * 0.8 ? $"{open} of {limit} files are open" : null);
        if (host is { Temperature: { } heat, TemperatureLimit: { } most }) yield return (Conditions.ThermalThrottle, heat >= most ? $"{heat:0} °C, and {most:0} °C are the limit" : null);
        yield return (Conditions.SensorLost, host.Lost.IsEmpty ? null : string.Join("; ", host.Lost));
    }

    /// <summary>True when the sensors say at every look whether it is there.</summary>
    public static bool IsSensed(string code) => Sensed.Contains(code);

    public static string WhyOver(Condition condition, HostFact host) => condition switch
    {
        _ when condition == Conditions.MemoryShort => $"{host.MemoryAvailable} of memory are left",
        _ when condition == Conditions.DiskLow => $"{host.DiskFree} are left",
        _ when condition == Conditions.InodesLow => $"{host.FilesFree} more files can be made",
        _ when condition == Conditions.ReadOnly => "a file was written",
        _ when condition == Conditions.DescriptorLeak => $"{host.OpenFiles} of {host.OpenFilesLimit} files are open",
        _ when condition == Conditions.ThermalThrottle => $"{host.Temperature:0} °C",
        _ => "it is not seen any more",
    };
}

using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Units;

namespace Medulla.Core.Incidents;

/// <summary>What the sensors of the machine mean: one line for each condition that they tell at every look.</summary>
public static class HostConditions
{
    private static readonly ImmutableArray<Sense> Senses =
    [
        new(
            Conditions.MemoryShort,
            static h => h.MemoryAvailable is not null && h.MemoryTotal is not null,
            static (h, _, unified) => LowWater(h, unified) is var low && h.MemoryAvailable < low ? $"{h.MemoryAvailable} of memory are left, and {low} are the least" : null,
            static h => $"{h.MemoryAvailable} of memory are left"),
        new(
            Conditions.SwapThrash,
            static h => h.Swapping is not null && h.MemoryStall is not null,
            static (h, _, _) => h.Swapping > 20e6 && h.MemoryStall > 20 ? $"{h.Swapping / 1e6:0} MB/s go to and from the swap, and everything waits for memory {h.MemoryStall:0} % of the time" : null),
        new(
            Conditions.SlowDisk,
            static h => h.DiskStall is not null,
            static (h, _, _) => h.DiskStall > 60 ? $"everything waits for the disk {h.DiskStall:0} % of the time" : null),
        new(
            Conditions.DiskLow,
            static h => h.DiskFree is not null,
            static (h, policy, _) => new ByteSize(Math.Min(policy.DiskReserve.Bytes / 4, ByteSize.MiB(64).Bytes)) is var least && h.DiskFree < least ? $"{h.DiskFree} are left, and {least} are the least" : null,
            static h => $"{h.DiskFree} are left"),
        new(
            Conditions.InodesLow,
            static h => h.FilesFree is not null,
            static (h, _, _) => h.FilesFree < 16 ? $"{h.FilesFree} more files can be made" : null,
            static h => $"{h.FilesFree} more files can be made"),
        new(
            Conditions.ReadOnly,
            static _ => true,
            static (h, _, _) => h.Unwritable,
            static _ => "a file was written"),
        new(
            Conditions.DescriptorLeak,
            static h => h.OpenFiles is not null && h.OpenFilesLimit is not null,
            static (h, _, _) => h.OpenFiles > h.OpenFilesLimit * 0.8 ? $"{h.OpenFiles} of {h.OpenFilesLimit} files are open" : null,
            static h => $"{h.OpenFiles} of {h.OpenFilesLimit} files are open"),
        new(
            Conditions.ThermalThrottle,
            static _ => true,
            static (h, _, _) => h.Slowed ?? (h.Temperature >= h.TemperatureLimit ? $"{h.Temperature:0} °C, and {h.TemperatureLimit:0} °C are the limit" : null),
            static h => h.Temperature is { } now ? $"{now:0} °C" : "nothing slows itself down any more"),
        new(
            Conditions.LowPowerState,
            static _ => true,
            static (h, _, _) => h.Underclocked,
            static _ => "its clock is as high as its work asks for"),
        new(
            Conditions.ProcessorsCrowded,
            static _ => true,
            static (h, _, _) => h.Crowded,
            static _ => "there are processors for all"),
        new(
            Conditions.ForeignProcess,
            static _ => true,
            static (h, _, _) => h.Foreign,
            static _ => "nobody else uses it"),
        new(
            Conditions.SensorLost,
            static _ => true,
            static (h, _, _) => h.Lost.IsEmpty ? null : string.Join("; ", h.Lost)),
        new(
            Conditions.MachineUnseen,
            static _ => true,
            static (h, _, _) => h.Unseen,
            static _ => "a look at the machine was whole"),
        new(
            Conditions.ConfigurationRefused,
            static _ => true,
            static (h, _, _) => h.Setback,
            static _ => "all of the configuration is in use"),
    ];

    /// <returns>For each condition that can be told, the evidence; null evidence when it is not there.</returns>
    public static IEnumerable<(Condition Condition, string? Evidence)> Of(HostFact host, Policy policy, bool unified) =>
        Senses.Where(s => s.Tells(host)).Select(s => (s.Condition, s.Evidence(host, policy, unified)));

    /// <summary>True when the sensors say at every look whether it is there.</summary>
    public static bool IsSensed(string code) => Senses.Any(s => s.Condition.Code == code);

    public static string WhyOver(Condition condition, HostFact host) => Senses.First(s => s.Condition == condition).Over?.Invoke(host) ?? "it is not seen any more";

    /// <summary>Below it the guard acts: the kernel would soon, and on unified memory it may not in time.</summary>
    private static ByteSize LowWater(HostFact host, bool unified)
    {
        var total = host.MemoryTotal?.Bytes ?? 0;
        return new ByteSize(unified ? Math.Min(ByteSize.GiB(2).Bytes, total / 12) : Math.Min(ByteSize.MiB(256).Bytes, total / 32));
    }

    /// <param name="Tells">Whether what is read is enough to tell.</param>
    /// <param name="Evidence">That it is there; null when it is not.</param>
    /// <param name="Over">What proves that it is over; null when there is no more to say than that.</param>
    private sealed record Sense(Condition Condition, Func<HostFact, bool> Tells, Func<HostFact, Policy, bool, string?> Evidence, Func<HostFact, string>? Over = null);
}

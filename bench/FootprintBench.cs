using System.Diagnostics;
using System.Globalization;
using Medulla.Core.Blueprints;
using Medulla.Tests.Kit;

namespace Medulla.Bench;

/// <summary>What the daemon takes: resident memory after a load, processor time and disk writes while nothing happens.</summary>
internal static class FootprintBench
{
    private const int IdleSeconds = 60;

    /// <summary>In which memory is given back, and the log of the load rotated.</summary>
    private const int SettleSeconds = 15;

    /// <summary>In which everything is looked at once: the first look at a new file makes the system note its time of access, once a day.</summary>
    private const int FirstLookSeconds = 60;

    public static async Task<int> RunAsync()
    {
        await using var device = new Device("footprint");
        await device.Start("--no-climb").ServesAsync();
        await device.SettlesAsync();
        var clock = Stopwatch.StartNew();
        var answered = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            while (clock.Elapsed < TimeSpan.FromSeconds(20))
            {
                await device.AskAsync("How many legs does a spider have?");
                Interlocked.Increment(ref answered);
            }
        }));
        var loaded = Field($"/proc/{device.Pid}/status", "VmRSS:") / 1024.0;
        await Task.Delay(SettleSeconds * 1000);
        var resident = Field($"/proc/{device.Pid}/status", "VmRSS:") / 1024.0;
        var files = Field($"/proc/{device.Pid}/status", "RssFile:") / 1024.0;
        await Task.Delay(FirstLookSeconds * 1000);
        await device.UntilAsync("it knows its own speed, and has written it down", async () => (int)(await device.InstanceAsync())["speed_measurements"]! >= OwnSpeed.Enough);
        await Task.Delay(SettleSeconds * 1000);
        var (ticks, written) = (Ticks(device.Pid), Field($"/proc/{device.Pid}/io", "write_bytes:"));
        await Task.Delay(IdleSeconds * 1000);
        var share = (Ticks(device.Pid) - ticks) / 100.0 / IdleSeconds * 100;
        var wrote = Field($"/proc/{device.Pid}/io", "write_bytes:") - written;
        Console.WriteLine($"footprint: {loaded:0} MiB resident at the end of {answered} requests from 8 clients, {resident:0} MiB {SettleSeconds} s later, {files:0} of them pages of files (target 100); idle for {IdleSeconds} s: {share:0.00} % of a core (target 0.5), {wrote} bytes written (target 0)");
        return resident <= 100 && share <= 0.5 && wrote == 0 ? 0 : 1;
    }

    private static long Ticks(int pid)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
    }

    private static long Field(string file, string name) =>
        long.Parse(File.ReadLines(file).First(l => l.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
}

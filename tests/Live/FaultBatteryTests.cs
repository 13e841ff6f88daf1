using Medulla.Tests.Kit.Battery;

namespace Medulla.Tests.Live;

/// <summary>
/// The fault battery: faults provoked for real, and what must not be touched. A run plays those that are over soon, with the
/// times of quiet passing faster; <c>MEDULLA_LONG=1</c> plays all of them at a tenth of that haste.
/// </summary>
public class FaultBatteryTests
{
    private static readonly bool Long = Environment.GetEnvironmentVariable("MEDULLA_LONG") == "1";

    [Fact]
    public async Task Faults_end_in_proof_or_in_a_stated_place_and_what_is_none_is_left_alone()
    {
        await Engine.NeededAsync();
        var pace = Long ? 10 : 100;
        var faults = FaultTable.All.Where(f => Long || (f.Brief && Quick.Contains(f.Id))).ToList();
        var told = TestContext.Current.TestOutputHelper!;
        foreach (var skipped in faults.Where(f => FaultMatrix.WhyNot(f) is not null)) told.WriteLine($"skipped: {skipped.Id}, {FaultMatrix.WhyNot(skipped)}");
        var results = await FaultMatrix.PlayAsync(faults.Where(f => FaultMatrix.WhyNot(f) is null), pace, atOnce: 4, _ => { });
        told.WriteLine($"times of quiet passed {pace} times faster\n{FaultMatrix.Table(results)}");

        // The machine is shared: what did not end in time is played once more, alone.
        var bad = (await FaultMatrix.PlayAsync(results.Where(r => !r.IsGood).Select(r => r.Fault), pace, atOnce: 1, r => told.WriteLine($"played again: {FaultMatrix.Line(r)}"))).Where(r => !r.IsGood).ToList();
        Assert.True(bad.All(r => r.Fault.Ending != Ending.Untouched), string.Join("\n\n", bad.Select(r => $"{r.Fault.Id}: {r.Problem}")));
        Assert.True(bad.Count <= results.Count * 0.03, string.Join("\n\n", bad.Select(r => $"{r.Fault.Id}: {r.Problem}")));
    }

    /// <summary>Of each kind those that are over soon.</summary>
    private static readonly HashSet<string> Quick = new(StringComparer.Ordinal)
    {
        "engine-killed", "engine-stopped", "hang-counters", "hang-clients-give-up", "request-of-death", "missing-lib", "library-cut", "exec-failed", "orphaned-engine",
        "model-truncated", "model-tampered", "model-missing", "arch-unknown", "oom-load-host", "oom-first-long-request", "oom-kill-cgroup", "disk-full", "fs-read-only",
        "gpu-off-bus", "io-error", "mirror-down", "gated-model", "captive-portal", "tls-intercept", "memory-damaged", "power-cut", "fault-in-repair", "clock-ahead",
        "engine-crash", "engine-abort", "socket-removed", "slot-swallowed", "core-dead-api-up", "no-backend", "flag-rejected", "illegal-instruction", "library-missing", "model-not-gguf",
        "model-header-cut", "tensor-missing", "secret-mismatch", "xid-app", "kernel-hung-task", "dns-failure", "connection-refused", "rate-limited", "asset-renamed", "state-removed", "card-removed",
        "bad-desired-config", "memory-empty", "catalog-damaged", "clock-1970", "daemon-and-engine",
        "prefill-not-hang", "client-400", "slow-client", "cancelled-streams", "daemon-paused", "touched-file", "client-gives-up",
    };
}

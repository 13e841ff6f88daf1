using System.Globalization;
using System.Text;

namespace Medulla.Tests.Kit.Battery;

/// <summary>Plays faults, a few devices at a time, and writes down how it went.</summary>
public static class FaultMatrix
{
    /// <summary>What cannot be provoked here, with the reason.</summary>
    public static string? WhyNot(Fault fault)
    {
        if (!OperatingSystem.IsLinux()) return "provocations are Linux's";
        if (fault.Tool is { } tool && !(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(d => File.Exists(Path.Combine(d, tool)))) return $"{tool} is not installed";
        return fault.NeedsRoot && !Environment.IsPrivilegedProcess ? "needs root" : null;
    }

    /// <param name="pace">How much faster the times of quiet pass that prove a repair.</param>
    /// <param name="atOnce">Devices at a time.</param>
    public static async Task<IReadOnlyList<FaultResult>> PlayAsync(IEnumerable<Fault> faults, double pace, int atOnce, Action<FaultResult> told)
    {
        var results = new List<FaultResult>();
        var all = faults.ToList();
        await Parallel.ForEachAsync(all.Where(f => !f.Alone), new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (fault, _) => await PlayAsync(fault));
        foreach (var fault in all.Where(f => f.Alone)) await PlayAsync(fault);
        return [.. FaultTable.All.Select(f => results.Find(r => r.Fault == f)).OfType<FaultResult>()];

        async Task PlayAsync(Fault fault)
        {
            var result = await FaultRun.OfAsync(fault, pace);
            lock (results) results.Add(result);
            told(result);
        }
    }

    public static string Line(FaultResult r) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {r.Fault.Layer} | {r.Fault.Id} | {r.Fault.Title.Replace("|", "/", StringComparison.Ordinal)} | {Seconds(r.NoticedAfter)} | {r.Code} | {r.Remedy} | {Proof(r)} | {Seconds(r.EndedAfter)} | {r.Lost} of {r.Asked} | {(r.IsGood ? Word(r.Fault.Ending) : "**not as it has to be**")} |");

    public static string Table(IEnumerable<FaultResult> results)
    {
        var text = new StringBuilder("| layer | fault | what is done | noticed after, s | incident | tried | proof | over after, s | requests lost | ends |\n|---|---|---|---|---|---|---|---|---|---|\n");
        foreach (var result in results) text.Append(Line(result)).Append('\n');
        return text.ToString();
    }

    /// <summary>Without the folders of the machine that it was played on.</summary>
    private static string Proof(FaultResult r)
    {
        var at = r.Proof.IndexOf(Places.Root, StringComparison.Ordinal);
        var proof = at < 0 ? r.Proof : r.Proof[..at] + "its place in the store";
        return proof.Replace("|", "/", StringComparison.Ordinal);
    }

    private static string Word(Ending ending) => ending switch
    {
        Ending.Healed => "healed",
        Ending.Stated => "stated, serving",
        _ => "left alone",
    };

    private static string Seconds(double? time) => time is { } seconds ? seconds.ToString("0.0", CultureInfo.InvariantCulture) : "";
}

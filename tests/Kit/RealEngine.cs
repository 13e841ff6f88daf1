using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Medulla.Tests.Kit;

/// <summary>A real llama-server, fetched once per run as a user's device fetches it, and what it says of its own memory.</summary>
public static class RealEngine
{
    private static readonly Lazy<Task<string?>> Missing = new(FetchAsync);

    /// <summary>Null when there is one; else why none can be had here.</summary>
    public static Task<string?> MissingAsync() => Missing.Value;

    /// <summary>
    /// Starts the engine far enough to hear what it would take, and ends it before it takes it: the report of its fit pass,
    /// which allocates nothing.
    /// </summary>
    /// <param name="model">Path of a GGUF; zeros will do.</param>
    public static async Task<EngineReport> ReportAsync(string model, params string[] arguments)
    {
        var folder = Folder() ?? throw new InvalidOperationException("there is no engine; ask MissingAsync first");
        var server = Path.Combine(folder, "llama-server");
        var loader = Directory.EnumerateFiles(folder, "ld-linux-*").FirstOrDefault();
        var start = new ProcessStartInfo(loader ?? server) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = folder };
        if (loader is not null) foreach (var argument in new[] { "--library-path", folder, server }) start.ArgumentList.Add(argument);
        foreach (var argument in new[] { "--model", model, "--host", "127.0.0.1", "--port", "0", "--threads", "1", "--no-warmup", "--log-jsonl" }) start.ArgumentList.Add(argument);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.Environment["GGML_NO_BACKTRACE"] = "1";
        using var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        var lines = new Queue<string>();
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                if (line.StartsWith("{\"type\":\"fit_memory_breakdown\"", StringComparison.Ordinal)) return EngineReport.Parse(line);
                lines.Enqueue(line);
                if (lines.Count > 12) lines.Dequeue();
            }
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        throw new InvalidOperationException($"the engine said nothing of its memory for {string.Join(' ', start.ArgumentList)}:\n{string.Join('\n', lines)}");
    }

    /// <summary>Folder of the build that devices of this run share; null when none was fetched.</summary>
    public static string? Folder() =>
        Directory.Exists(Places.EngineCache) ? Directory.EnumerateDirectories(Places.EngineCache).FirstOrDefault(d => File.Exists(Path.Combine(d, "llama-server"))) : null;

    private static async Task<string?> FetchAsync()
    {
        if (Folder() is not null) return null;
        await using var device = new Device("fetch").Start("--no-climb");
        try
        {
            await device.ServesAsync();
            return null;
        }
        catch (TimeoutException)
        {
            return (await device.StatusAsync())?["holds"]?.ToJsonString() ?? device.Output;
        }
    }
}

/// <summary>What an engine says it would take, in MiB as it rounds them: down, for every kind of buffer.</summary>
/// <param name="Weights">On all of them together.</param>
/// <param name="DeviceWeights">Of <paramref name="Weights"/>, on accelerators.</param>
/// <param name="DeviceTotal">On accelerators, less what the driver takes.</param>
public sealed record EngineReport(int Weights, int Cache, int Compute, int DeviceWeights, int DeviceCache, int DeviceTotal)
{
    public int Total => Weights + Cache + Compute;

    public static EngineReport Parse(string line)
    {
        var rows = JsonNode.Parse(line)!["data"]!["rows"]!.AsArray();
        int Sum(string field, bool devices) => rows.Where(r => !devices || (string?)r!["kind"] == "device").Sum(r => int.Parse(r![field]!.ToString(), CultureInfo.InvariantCulture));
        return new EngineReport(Sum("model", false), Sum("context", false), Sum("compute", false), Sum("model", true), Sum("context", true), Sum("model", true) + Sum("context", true) + Sum("compute", true));
    }
}

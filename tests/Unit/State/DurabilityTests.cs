using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Medulla.Tests.Unit.State;

/// <summary>The order of system calls is the whole of durability: it is read off a real run.</summary>
public sealed partial class DurabilityTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_rename_of_state_comes_after_its_sync_and_before_its_directorys()
    {
        if (!File.Exists("/usr/bin/strace")) Assert.Skip("strace is not installed");
        var calls = await TraceAsync();
        if (calls.Count == 0) Assert.Skip("strace may not trace here");
        var renames = calls.Select((c, i) => (Call: c, Index: i)).Where(c => c.Call.Contains("rename", StringComparison.Ordinal) && c.Call.Contains(_folder.Path, StringComparison.Ordinal) && c.Call.EndsWith("= 0", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(renames);
        foreach (var (rename, index) in renames)
        {
            var paths = Quoted().Matches(rename).Select(m => m.Groups["path"].Value).ToList();
            var (from, to) = (paths[0], paths[^1]);
            Assert.StartsWith(_folder.Path, from, StringComparison.Ordinal);
            Assert.StartsWith(_folder.Path, to, StringComparison.Ordinal);
            if (Directory.Exists(to)) continue;
            Assert.True(calls.Take(index).Any(c => Syncs(c, from)), $"{from} was renamed without a sync");
            Assert.True(calls.Skip(index).Any(c => Syncs(c, Path.GetDirectoryName(to)!)), $"the directory of {to} was not synced");
        }
    }

    private static bool Syncs(string call, string path) => call.Contains("fsync(", StringComparison.Ordinal) && call.Contains($"<{path}>", StringComparison.Ordinal);

    /// <summary>A daemon without any engine writes its identity, its memory and a model into the store, and ends.</summary>
    private async Task<List<string>> TraceAsync()
    {
        var trace = _folder["trace"];
        var product = Path.Combine(AppContext.BaseDirectory, "medulla.dll");
        var start = new ProcessStartInfo("strace") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in new[] { "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "-o", trace, "dotnet", product, "up", "--data", _folder["data"], "--listen", "127.0.0.1:0", "--engines", _folder.Path }) start.ArgumentList.Add(argument);
        start.Environment["PATH"] = "/usr/bin:/bin:" + Environment.GetEnvironmentVariable("PATH");
        start.Environment["MEDULLA_ENGINE_CACHE"] = "";
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var stored = Path.Combine(_folder["data"], "store", "weights");
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(30) && !(Directory.Exists(stored) && Directory.EnumerateDirectories(stored).Any() && File.Exists(_folder["data/daemon.json"]))) await Task.Delay(50);
        using (var stop = Process.Start("dotnet", [product, "stop", "--data", _folder["data"]])) await stop.WaitForExitAsync();
        await process.WaitForExitAsync();
        return [.. (await File.ReadAllLinesAsync(trace)).Where(l => l.Contains('(', StringComparison.Ordinal))];
    }

    [GeneratedRegex("\"(?<path>[^\"]+)\"", RegexOptions.ExplicitCapture)]
    private static partial Regex Quoted();
}

using System.Formats.Tar;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>The bundle for a person who must look after all: it has the evidence, and nothing that is nobody's business.</summary>
public class SupportTests
{
    private const string Marker = "zebra-in-the-kitchen";
    private const string Key = "k9w2-key-of-this-endpoint-48213";

    [Fact]
    public async Task Prompts_keys_tokens_and_names_are_nowhere_in_a_bundle()
    {
        await using var device = new Device("support");
        var key = Path.Combine(device.Folder, "key");
        await File.WriteAllTextAsync(key, Key, TestContext.Current.CancellationToken);
        device.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        await device.Start("--engines", SurvivalTests.CopyOfFake(device, $"log-prompts,crash-on={Marker}-crash"), "--no-climb", "--key-file", key).ServesAsync();
        Assert.NotEmpty(await device.AskAsync($"hello {Marker}"));
        using (await device.PostAsync("/v1/chat/completions", Request($"die {Marker}-crash")))
        {
            await device.UntilAsync("the exit is an incident", async () => (await device.RunAsync("incidents")).Output.Contains("engine-exited", StringComparison.Ordinal));
        }

        await device.ServesAsync();
        var files = await BundleAsync(device);

        var logs = Directory.EnumerateFiles(Path.Combine(device.Data, "run"), "engine.log", SearchOption.AllDirectories).Select(File.ReadAllText).ToList();
        Assert.Contains(logs, l => l.Contains(Marker, StringComparison.Ordinal));
        var secrets = Directory.EnumerateFiles(Path.Combine(device.Data, "run"), "instance.json", SearchOption.AllDirectories).Select(f => (string)JsonNode.Parse(File.ReadAllText(f))!["key"]!)
            .Append((string)JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(device.Data, "daemon.json"), TestContext.Current.CancellationToken))!["token"]!)
            .Append(Key).Append(Marker).Append(device.Folder).ToList();
        if (Environment.MachineName.Length > 5) secrets.Add(Environment.MachineName);
        foreach (var (name, text) in files)
        {
            foreach (var secret in secrets) Assert.False(text.Contains(secret, StringComparison.OrdinalIgnoreCase), $"{name} holds {secret}");
        }

        foreach (var name in new[] { "README.txt", "versions.txt", "incidents.txt", "memory.json", "journal.jsonl", "daemon/status.json", "daemon/intent.json", "daemon/metrics.txt", "machine/detect.json", "machine/capture/capture.json", "files.txt" })
        {
            Assert.True(files.ContainsKey(name), $"{name} is not there: {string.Join(", ", files.Keys)}");
        }

        foreach (var (name, text) in files.Where(f => f.Key.EndsWith(".json", StringComparison.Ordinal) && !f.Key.Contains("capture/", StringComparison.Ordinal))) Assert.NotNull(JsonNode.Parse(text));
        Assert.Contains("engine-exited", files["incidents.txt"], StringComparison.Ordinal);
        Assert.Contains(files, f => f.Key.EndsWith("/engine.log", StringComparison.Ordinal) && f.Value.Contains("prompt eval time", StringComparison.Ordinal));
        Assert.Contains(files, f => f.Key.EndsWith("/instance.json", StringComparison.Ordinal) && f.Value.Contains("\"key\": \"***\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_real_engine_that_quotes_what_it_refuses_tells_nobody_through_a_bundle()
    {
        await Engine.NeededAsync();
        await using var device = new Device("quotes");
        await device.Start("--no-climb").ServesAsync();
        var request = Request($"hello {Marker}");
        request["grammar"] = $"root ::= {Marker}";
        using (await device.PostAsync("/v1/chat/completions", request))
        using (await device.PostAsync("/v1/chat/completions", new JsonObject { ["model"] = "chat", ["messages"] = new JsonArray(), ["response_format"] = new JsonObject { ["type"] = Marker } }))
        {
            await device.UntilAsync("the engine has quoted it", () => Task.FromResult(Directory.EnumerateFiles(Path.Combine(device.Data, "run"), "engine.log", SearchOption.AllDirectories).Any(f => File.ReadAllText(f).Contains(Marker, StringComparison.Ordinal))));
        }

        var files = await BundleAsync(device);
        foreach (var (name, text) in files) Assert.False(text.Contains(Marker, StringComparison.Ordinal), $"{name} holds the prompt");
        Assert.Contains(files, f => f.Key.EndsWith("/engine.log", StringComparison.Ordinal) && f.Value.Contains("model loaded", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_dead_daemon_and_a_half_broken_directory_still_give_a_bundle_that_says_what_is_missing()
    {
        await using var device = new Device("broken");
        await device.Start("--engines", SurvivalTests.CopyOfFake(device, ""), "--no-climb").ServesAsync();
        await device.KillDaemonAsync();
        foreach (var slot in new[] { "memory.a", "memory.b" }) await File.WriteAllTextAsync(Path.Combine(device.Data, slot), "no record", TestContext.Current.CancellationToken);
        Directory.Delete(Path.Combine(device.Data, "journal"), recursive: true);
        await File.WriteAllTextAsync(Path.Combine(device.Data, "journal"), "a file where a folder was", TestContext.Current.CancellationToken);
        foreach (var record in Directory.EnumerateFiles(Path.Combine(device.Data, "run"), "instance.json", SearchOption.AllDirectories)) await File.WriteAllTextAsync(record, "{ torn", TestContext.Current.CancellationToken);

        var files = await BundleAsync(device);
        Assert.Contains("memory.a has 9 bytes and is damaged", files["README.txt"], StringComparison.Ordinal);
        Assert.Contains("journal.jsonl", files["README.txt"], StringComparison.Ordinal);
        Assert.Contains("left its card here and answers nothing", files["daemon/none.txt"], StringComparison.Ordinal);
        Assert.Contains(files, f => f.Key.EndsWith("/instance.json", StringComparison.Ordinal) && f.Value.Contains("cannot be read", StringComparison.Ordinal));
        Assert.Contains(files, f => f.Key.EndsWith("/engine.log", StringComparison.Ordinal) && f.Value.Contains("initializing", StringComparison.Ordinal));
    }

    private static JsonObject Request(string prompt) => new() { ["model"] = "chat", ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt }) };

    private static async Task<Dictionary<string, string>> BundleAsync(Device device)
    {
        var file = Path.Combine(device.Folder, "bundle.tar.gz");
        var (code, output) = await device.RunAsync("support", "--out", file);
        Assert.True(code == 0, output);
        Assert.True(new FileInfo(file).Length < 20 << 20);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var stream = File.OpenRead(file);
        await using var zip = new GZipStream(stream, CompressionMode.Decompress);
        await using var tar = new TarReader(zip);
        while (await tar.GetNextEntryAsync(copyData: true, TestContext.Current.CancellationToken) is { } entry)
        {
            using var reader = new StreamReader(entry.DataStream ?? Stream.Null);
            files.Add(entry.Name["medulla-support/".Length..], await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
        }

        return files;
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Medulla.Tests.Kit;

/// <summary>A device as its user runs it: the built program, a data directory of its own, a free port.</summary>
public sealed class Device : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly string _folder;
    private readonly bool _keepsFolder;
    private string _cardBefore = "";
    private readonly StringBuilder _output = new();
    private Process? _process;

    /// <param name="name">Of the test; part of the folder's name.</param>
    /// <param name="data">An existing data directory; null for a new one that goes with the device.</param>
    public Device(string name, string? data = null)
    {
        _folder = data is null ? Places.NewFolder(name) : Path.GetDirectoryName(data)!;
        _keepsFolder = data is not null;
        Data = data ?? Path.Combine(_folder, "data");
        Http = new HttpClient { Timeout = TimeSpan.FromSeconds(120) };
    }

    public string Data { get; }

    /// <summary>Where other files of the test may lie.</summary>
    public string Folder => _folder;

    public HttpClient Http { get; }

    public int Pid => _process?.Id ?? 0;

    /// <summary>Such as <c>http://127.0.0.1:40001</c>; known once it is up.</summary>
    public string Address { get; private set; } = "";

    /// <summary>What it printed.</summary>
    public string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    /// <summary>Extra variables of its environment.</summary>
    public Dictionary<string, string> Environment { get; } = new(StringComparer.Ordinal) { ["MEDULLA_ENGINE_CACHE"] = Places.EngineCache };

    /// <summary>A program to run it under, with its arguments: <c>unshare -n</c> for a dead network.</summary>
    public string[] Under { get; set; } = [];

    /// <summary>Starts <c>medulla up</c> and returns at once.</summary>
    public Device Start(params string[] arguments)
    {
        var command = new List<string>(Under) { "dotnet", Places.Medulla, "up", "--data", Data };
        if (!arguments.Contains("--listen", StringComparer.Ordinal)) command.AddRange(["--listen", "127.0.0.1:0"]);
        command.AddRange(arguments);
        _cardBefore = File.Exists(Card) ? File.ReadAllText(Card) : "";
        var start = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in command.Skip(1)) start.ArgumentList.Add(argument);
        foreach (var (key, value) in Environment) start.Environment[key] = value;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        return this;
    }

    /// <summary>Waits until the endpoint is open, whether anything serves or not.</summary>
    public async Task<Device> OpenAsync()
    {
        await UntilAsync("the endpoint is open", () => Task.FromResult(ReadCard() || _process!.HasExited));
        if (_process!.HasExited) throw new InvalidOperationException($"the daemon ended with {_process.ExitCode}:\n{Output}");
        return this;
    }

    /// <summary>Waits until <c>chat</c> is served.</summary>
    public async Task<Device> ServesAsync(string workload = "chat")
    {
        await OpenAsync();
        await UntilAsync($"{workload} is served", async () => (await StatusAsync())?["workloads"]?.AsArray().Any(w => (string?)w!["name"] == workload && (bool)w["ready"]!) == true);
        return this;
    }

    /// <summary>Waits until nothing is under way any more.</summary>
    public Task SettlesAsync() => UntilAsync("it is settled", async () => (bool?)(await StatusAsync())?["settled"] == true);

    public Task ServesModelAsync(string model) => UntilAsync($"{model} serves alone", async () =>
        (await StatusAsync())?["instances"]?.AsArray() is [{ } only] && (string?)only["model"] == model && (string?)only["role"] == "serving");

    /// <summary>Null while it does not answer.</summary>
    public async Task<JsonNode?> StatusAsync()
    {
        try
        {
            return await Http.GetFromJsonAsync<JsonNode>($"{Address}/api/v1/status");
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or TaskCanceledException)
        {
            return null;
        }
    }

    /// <summary>The one instance that serves; waits while none does.</summary>
    public async Task<JsonNode> InstanceAsync()
    {
        JsonNode? serving = null;
        await UntilAsync("an instance serves", async () => (serving = (await StatusAsync())!["instances"]!.AsArray().FirstOrDefault(i => (string?)i!["role"] == "serving")) is not null);
        return serving!;
    }

    /// <summary>The answer's text.</summary>
    public async Task<string> AskAsync(string prompt, string model = "chat")
    {
        using var answer = await PostAsync("/v1/chat/completions", new JsonObject
        {
            ["model"] = model,
            ["temperature"] = 0,
            ["max_tokens"] = 256,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt }),
        });
        var body = await answer.Content.ReadAsStringAsync();
        if (!answer.IsSuccessStatusCode) throw new HttpRequestException($"{(int)answer.StatusCode}: {body}");
        return (string)JsonNode.Parse(body)!["choices"]![0]!["message"]!["content"]!;
    }

    public Task<HttpResponseMessage> PostAsync(string path, JsonNode body) =>
        Http.PostAsync($"{Address}{path}", new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"));

    /// <summary>Ends the daemon without a word; its engines live.</summary>
    public async Task KillDaemonAsync()
    {
        Signal(_process!.Id, "KILL");
        await _process.WaitForExitAsync();
    }

    /// <summary>Ends the daemon as a service manager does; its engines live.</summary>
    public async Task<int> TerminateAsync()
    {
        Signal(_process!.Id, "TERM");
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public async Task<int> ExitAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        await _process!.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    /// <summary>Runs another command of the program to its end.</summary>
    public Task<(int Code, string Output)> RunAsync(params string[] arguments) => RunProgramAsync([.. arguments, "--data", Data]);

    public static async Task<(int Code, string Output)> RunProgramAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in arguments.Prepend(Places.Medulla)) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await error);
    }

    public static void Signal(int pid, string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", pid.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>Engine processes of this data directory that live now.</summary>
    public IReadOnlyList<int> EnginePids()
    {
        var identity = Path.Combine(Data, "identity");
        if (!File.Exists(identity)) return [];
        var mark = $"MEDULLA_INSTANCE={File.ReadAllText(identity)}/";
        var pids = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)) continue;
            try
            {
                if (File.ReadAllText($"{folder}/environ").Contains(mark, StringComparison.Ordinal)) pids.Add(pid);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended meanwhile, or is not ours.
            }
        }

        return pids;
    }

    public async Task UntilAsync(string what, Func<Task<bool>> holds, TimeSpan? limit = null)
    {
        var clock = Stopwatch.StartNew();
        while (!await holds())
        {
            if (clock.Elapsed > (limit ?? Patience)) throw new TimeoutException($"waited {clock.Elapsed.TotalSeconds:0} s until {what}.\n{Output}\n{await StatusAsync()}");
            await Task.Delay(10);
        }
    }

    /// <summary>Ends the daemon with its engines; files stay.</summary>
    public async Task StopAsync()
    {
        if (_process is { HasExited: false })
        {
            Signal(_process.Id, "INT");
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            try
            {
                await _process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
            }
        }

        foreach (var pid in EnginePids()) Signal(pid, "KILL");
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process?.Dispose();
        Http.Dispose();
        if (_keepsFolder) return;
        for (var attempt = 0; attempt < 20 && Directory.Exists(_folder); attempt++)
        {
            try
            {
                Directory.Delete(_folder, recursive: true);
            }
            catch (IOException)
            {
                await Task.Delay(100);
            }
        }
    }

    /// <summary>Where the daemon says how to reach it.</summary>
    public string Card => Path.Combine(Data, "daemon.json");

    private bool ReadCard()
    {
        try
        {
            var text = File.ReadAllText(Card);
            if (text == _cardBefore) return false;
            Address = (string)JsonNode.Parse(text)!["address"]!;
            return true;
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return false;
        }
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_output)
        {
            if (_output.Length < 1 << 20) _output.AppendLine(line);
        }
    }
}

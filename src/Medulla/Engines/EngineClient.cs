using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Loop;

namespace Medulla.Engines;

/// <summary>
/// Talks to one instance for the room's own needs: is it up, does it produce a token, does it know its golden prompts.
/// A connection counts only when the process at its other end is ours.
/// </summary>
internal sealed class EngineClient : IDisposable
{
    private const int SolSocket = 1;
    private const int PeerCredentials = 17;
    private const string OneCharacter = "the answer was one character over and over";

    /// <summary>Of a golden answer, and of one that is thought about first.</summary>
    private const int AnswerTokens = 64;
    private const int ThoughtTokens = 512;
    private static readonly TimeSpan HealthLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ThoughtLimit = TimeSpan.FromSeconds(180);

    private readonly HttpClient _http;
    private readonly string _socket;
    private readonly TimeProvider _time;

    /// <param name="time">By which an engine is timed that does not time itself.</param>
    public EngineClient(string socket, int pid, Secret key, TimeProvider time)
    {
        _socket = socket;
        _time = time;
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5),
            ConnectCallback = async (_, cancel) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
                    if (PeerOf(connection) is var peer && peer != pid) throw new IOException($"pid {peer} answers on the socket of pid {pid}");
                    return new NetworkStream(connection, ownsSocket: true);
                }
                catch
                {
                    connection.Dispose();
                    throw;
                }
            },
        };
        _http = new HttpClient(handler) { BaseAddress = new Uri("http://engine"), Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Reveal());
    }

    /// <summary>True once it has refused our own key.</summary>
    public bool RefusesKey { get; private set; }

    /// <summary>False while there is nothing to connect to.</summary>
    public bool HasSocket => File.Exists(_socket);

    public void Dispose() => _http.Dispose();

    /// <summary>True when our process answers that it has loaded its model. A question that is not answered is asked again, not waited for.</summary>
    public Task<bool> IsUpAsync(CancellationToken cancel) => WithinAsync(HealthLimit, async limit =>
    {
        // A socket that is not there yet is not asked: it is looked for often, and each failure of a connection costs many looks.
        if (!HasSocket) return false;
        using var answer = await _http.GetAsync("/health", limit);
        return answer.IsSuccessStatusCode;
    }, cancel);

    /// <summary>True when it produced a real token, a real vector or real scores, whichever is its task.</summary>
    public Task<bool> GivesTokenAsync(WorkloadTask task, CancellationToken cancel) => WithinAsync(ProbeLimit, async limit =>
    {
        if (task == WorkloadTask.Embedding) return await EmbedAsync(limit);
        if (task == WorkloadTask.Rerank) return (await RankAsync(limit)).Count == 2;
        using var answer = await PostAsync("/v1/completions", """{"prompt":"Hello","max_tokens":1,"temperature":0}""", limit);
        return answer.RootElement.TryGetProperty("usage", out var usage) && usage.TryGetProperty("completion_tokens", out var tokens) && tokens.GetInt32() >= 1;
    }, cancel);

    /// <summary>What it counts; null when it does not answer in time or counts nothing.</summary>
    public async Task<EngineCounters?> CountersAsync(TimeSpan time, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(time);
        try
        {
            using var answer = await _http.GetAsync("/metrics", limit.Token).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            return answer.IsSuccessStatusCode ? EngineCounters.Read(await answer.Content.ReadAsStringAsync(limit.Token)) : null;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            return null;
        }
    }

    /// <summary>64 x 64 points, red.</summary>
    private const string Picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAT0lEQVR42u3PQQkAAAgEsIty/dMYyQi+hcEKLNO+FgEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQGBywI6LQEAwyG+sAAAAABJRU5ErkJggg==";

    /// <summary>Asks the golden prompts at temperature 0 and shows a picture where it is to see, or asks for one vector, or for the scores of two texts.</summary>
    public async Task<ProbeFact> ProbeAsync(Move.ProbeInstance move, CancellationToken cancel)
    {
        ImmutableArray<GoldenPrompt> prompts = move.Golden.IsEmpty || move.Task != WorkloadTask.Chat ? [new GoldenPrompt("Hello!", "")] : move.Golden;
        var (passed, garbled) = (0, false);
        string? failure = null;
        foreach (var prompt in prompts)
        {
            var wrong = await WrongAsync(move.Task, prompt, cancel).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            if (wrong is null) passed++;
            else failure ??= wrong;
            garbled |= wrong == OneCharacter;
        }

        if (!move.Sees) return new ProbeFact(passed, prompts.Length, failure) { Garbled = garbled };
        using var look = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        look.CancelAfter(ProbeLimit);
        var blind = await BlindAsync(look.Token);
        return new ProbeFact(passed + (blind is null ? 1 : 0), prompts.Length + 1, failure ?? blind) { Garbled = garbled };
    }

    /// <summary>
    /// Decode speed of one request in tokens per second; null when it cannot be told. An engine that times itself is believed; of another the
    /// time to one token is taken from the time to many.
    /// </summary>
    public async Task<double?> SpeedAsync(int tokens, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(ProbeLimit);
        try
        {
            var start = _time.GetTimestamp();
            using var many = await PostAsync("/v1/completions", SpeedPrompt(tokens), limit.Token).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            var all = _time.GetElapsedTime(start);
            if (many.RootElement.TryGetProperty("timings", out var timings)) return timings.GetProperty("predicted_per_second").GetDouble() is > 0 and < 1e7 and var rate ? rate : null;
            var written = many.RootElement.GetProperty("usage").GetProperty("completion_tokens").GetInt32();
            start = _time.GetTimestamp();
            using var one = await PostAsync("/v1/completions", SpeedPrompt(1), limit.Token);
            var first = _time.GetElapsedTime(start);
            return written > 1 && all > first ? (written - 1) / (all - first).TotalSeconds : null;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e) when (IsNoAnswer(e))
        {
            return null;
        }
    }

    /// <summary>Tokens to read that no cache has, and as many to write as asked.</summary>
    private static string SpeedPrompt(int tokens) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"prompt":"{{Stopwatch.GetTimestamp()}} {{string.Join(' ', Enumerable.Repeat("The quick brown fox jumps over the lazy dog.", 9))}}","max_tokens":{{tokens}},"temperature":0,"ignore_eos":true,"cache_prompt":false}""");

    /// <summary>False when there is no answer, no sense in it, or no end to it.</summary>
    private static async Task<bool> WithinAsync(TimeSpan time, Func<CancellationToken, Task<bool>> ask, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(time);
        try
        {
            return await ask(limit.Token).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception e) when (IsNoAnswer(e))
        {
            return false;
        }
    }

    /// <summary>Nothing came, or nothing that has sense.</summary>
    private static bool IsNoAnswer(Exception e) => e is HttpRequestException or IOException or SocketException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException;

    private static bool HasKeys(string content, ImmutableArray<string> keys)
    {
        if (keys.IsEmpty) return true;
        try
        {
            using var json = JsonDocument.Parse(content);
            return json.RootElement.ValueKind == JsonValueKind.Object && keys.All(k => json.RootElement.TryGetProperty(k, out _));
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Null when the answer is as expected.</summary>
    private async Task<string?> WrongAsync(WorkloadTask task, GoldenPrompt prompt, CancellationToken cancel)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(ProbeLimit);
            return task switch
            {
                WorkloadTask.Embedding => await EmbedAsync(limit.Token) ? null : "the vector is not a vector",
                WorkloadTask.Rerank => (await RankAsync(limit.Token)).Distinct().Count() == 2 ? null : "an answer and something else did not get two different scores",
                _ => await AskAsync(prompt, cancel),
            };
        }
        catch (Exception e) when (IsNoAnswer(e))
        {
            return $"asked '{prompt.Prompt}', got no answer: {e.Message}";
        }
    }

    /// <summary>Null when it says anything of a picture: what, is for its makers to answer for.</summary>
    private async Task<string?> BlindAsync(CancellationToken cancel)
    {
        const string Body = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What color is this?\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"" + Picture + "\"}}]}],\"temperature\":0,\"max_tokens\":16}";
        try
        {
            using var answer = await PostAsync("/v1/chat/completions", Body, cancel);
            return answer.RootElement.GetProperty("usage").GetProperty("completion_tokens").GetInt32() > 0 ? null : "was shown a picture, and said nothing";
        }
        catch (Exception e) when (IsNoAnswer(e))
        {
            return $"was shown a picture, and gave no answer: {e.Message}";
        }
    }

    /// <summary>
    /// Null when the answer is as expected. A model that thinks whatever it is told may spend the usual budget before its first word: it gets a
    /// longer one, and thoughts that never came to an end are held to what they contain.
    /// </summary>
    private async Task<string?> AskAsync(GoldenPrompt prompt, CancellationToken cancel)
    {
        var answer = await AnswerAsync(prompt, AnswerTokens, ProbeLimit, cancel);
        if (answer.StillThinks) answer = await AnswerAsync(prompt, ThoughtTokens, ThoughtLimit, cancel);

        // Without an expectation any words are proof, thoughts among them.
        var expectsNothing = prompt is { Contains: "", JsonKeys.IsEmpty: true };
        var said = answer.Content.Trim().Length == 0 && (answer.StillThinks || expectsNothing) ? answer.Thoughts : answer.Content;
        if (said.Length >= 24 && said.AsSpan().Count(said[^1]) > said.Length * 9 / 10) return OneCharacter;
        if (said.Trim().Length > 0 && said.Contains(prompt.Contains, StringComparison.Ordinal) && (answer.StillThinks || HasKeys(said, prompt.JsonKeys))) return null;
        return prompt.Contains.Length == 0 && !prompt.JsonKeys.IsEmpty ? $"asked '{prompt.Prompt}', expected a JSON object with {string.Join(", ", prompt.JsonKeys)}" : $"asked '{prompt.Prompt}', expected '{prompt.Contains}'";
    }

    /// <returns>What it said and thought, and whether it was cut before it said anything.</returns>
    private async Task<(string Content, string Thoughts, bool StillThinks)> AnswerAsync(GoldenPrompt prompt, int tokens, TimeSpan time, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(time);
        var text = JsonEncodedText.Encode(prompt.Prompt);
        var body = string.Create(
            CultureInfo.InvariantCulture,
            $$$"""{"messages":[{"role":"user","content":"{{{text}}}"}],"temperature":0,"max_tokens":{{{tokens}}},"chat_template_kwargs":{"enable_thinking":false,"reasoning_effort":"low"}}""");
        using var answer = await PostAsync("/v1/chat/completions", body, limit.Token);
        var choice = answer.RootElement.GetProperty("choices")[0];
        var message = choice.GetProperty("message");
        var (content, thoughts) = (message.GetProperty("content").GetString() ?? "", TextOf(message, "reasoning_content"));
        return (content, thoughts, content.Trim().Length == 0 && thoughts.Trim().Length > 0 && TextOf(choice, "finish_reason") == "length");

        static string TextOf(JsonElement element, string name) => element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
    }

    private async Task<bool> EmbedAsync(CancellationToken cancel)
    {
        using var answer = await PostAsync("/v1/embeddings", """{"input":"Hello"}""", cancel);
        var vector = answer.RootElement.GetProperty("data")[0].GetProperty("embedding").EnumerateArray().Select(v => v.GetDouble()).ToList();
        return vector.Count > 0 && vector.TrueForAll(double.IsFinite) && vector.Exists(v => v != 0);
    }

    /// <summary>Scores of an answer and of something else; empty when one is no number.</summary>
    private async Task<List<double>> RankAsync(CancellationToken cancel)
    {
        using var answer = await PostAsync("/v1/rerank", """{"query":"What is the capital of France?","documents":["Paris is the capital of France.","Bananas are yellow."]}""", cancel);
        var scores = answer.RootElement.GetProperty("results").EnumerateArray().Select(r => r.GetProperty("relevance_score").GetDouble()).ToList();
        return scores.TrueForAll(double.IsFinite) ? scores : [];
    }

    private async Task<JsonDocument> PostAsync(string path, string body, CancellationToken cancel)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await _http.PostAsync(path, content, cancel);
        RefusesKey |= answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
        answer.EnsureSuccessStatusCode();
        return await JsonDocument.ParseAsync(await answer.Content.ReadAsStreamAsync(cancel), default, cancel);
    }

    /// <summary>The process that listens at the other end; the system vouches for it.</summary>
    private static int PeerOf(Socket connection)
    {
        Span<byte> credentials = stackalloc byte[12];
        _ = connection.GetRawSocketOption(SolSocket, PeerCredentials, credentials);
        return BinaryPrimitives.ReadInt32LittleEndian(credentials);
    }
}

/// <summary>What an engine counts of its own work.</summary>
/// <param name="Sum">Of the counters that move with every step: only its change means anything.</param>
/// <param name="Busy">Requests that it works on or holds in its queue.</param>
internal readonly record struct EngineCounters(double Sum, double Busy)
{
    private static readonly string[] Steps = ["n_decode_total", "prompt_tokens_total", "tokens_predicted_total", "generation_tokens_total"];

    private static readonly string[] Work = ["requests_processing", "requests_deferred", "num_requests_running", "num_requests_waiting", "num_running_reqs", "num_queue_reqs"];

    /// <summary>From a page in Prometheus' format; null when none of the counters is in it.</summary>
    public static EngineCounters? Read(string page)
    {
        var (sum, busy, found) = (0.0, 0.0, false);
        foreach (var line in page.AsSpan().EnumerateLines())
        {
            if (line.IsEmpty || line[0] == '#') continue;
            var end = line.IndexOfAny(' ', '{');
            var space = line.LastIndexOf(' ');
            if (end <= 0 || space < 0 || !double.TryParse(line[(space + 1)..], CultureInfo.InvariantCulture, out var value)) continue;
            var name = line[(line[..end].IndexOf(':') + 1)..end];
            if (Has(Steps, name)) (sum, found) = (sum + value, true);
            else if (Has(Work, name)) busy += value;
        }

        return found ? new EngineCounters(sum, busy) : null;
    }

    private static bool Has(string[] names, ReadOnlySpan<char> name)
    {
        foreach (var known in names)
        {
            if (name.SequenceEqual(known)) return true;
        }

        return false;
    }
}

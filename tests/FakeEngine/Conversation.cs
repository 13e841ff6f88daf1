using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Medulla.Tests.FakeEngine;

/// <summary>One connection: requests in, answers out, HTTP/1.1 by hand.</summary>
internal sealed class Conversation(Stream stream, Options options, Func<Faults> faults, Func<long> age) : IDisposable
{
    private readonly StreamReader _reader = new(stream, Encoding.Latin1, false, 65536, leaveOpen: true);

    public void Dispose() => _reader.Dispose();

    public async Task RunAsync()
    {
        while (await _reader.ReadLineAsync() is { Length: > 0 } first)
        {
            var (length, key) = (0, "");
            while (await _reader.ReadLineAsync() is { Length: > 0 } header)
            {
                if (header.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)) length = int.Parse(header[15..].Trim(), CultureInfo.InvariantCulture);
                if (header.StartsWith("Authorization: Bearer ", StringComparison.OrdinalIgnoreCase)) key = header[22..].Trim();
            }

            var buffer = new char[length];
            if (length > 0) await _reader.ReadBlockAsync(buffer, 0, length);
            var body = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(buffer));
            if (!await AnswerAsync(first.Split(' ')[1].Split('?')[0], key, body)) return;
        }
    }

    /// <returns>False when the connection is to be closed.</returns>
    private async Task<bool> AnswerAsync(string path, string key, string body)
    {
        var asked = faults();
        if (asked.Has("never-ready") || age() < asked.Number("load-ms", 0)) return await SendAsync(503, """{"error":{"message":"Loading model","type":"unavailable_error","code":503}}""");
        if (path is "/health" or "/v1/health") return await SendAsync(200, """{"status":"ok"}""");
        if (path == "/metrics") return await SendAsync(200, $"llamacpp:n_decode_total {Faults.Steps}\nllamacpp:requests_processing {Faults.Working}\nllamacpp:requests_deferred 0\n");
        if ((options.Key.Length > 0 && key != options.Key) || asked.Has("wrong-key")) return await SendAsync(401, """{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}""");
        if (asked.Has("log-prompts")) await QuoteAsync(body);
        if (asked.Marks("crash-on", body)) Environment.FailFast("crash asked for");
        if (asked.Marks("oom-on", body))
        {
            await Console.Error.WriteLineAsync("0.09.000.001 E ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory");
            Environment.Exit(1);
        }

        if (asked.Has("swallow")) await Task.Delay(Timeout.Infinite);
        if (asked.Text("log-says") is { } said) await Console.Error.WriteLineAsync(said);
        if (asked.Has("errors") || asked.Marks("error-on", body)) return await SendAsync(500, """{"error":{"code":500,"message":"EngineCore is dead","type":"server_error"}}""");
        Faults.Begin();
        try
        {
            if (asked.Marks("hang-on", body) || asked.Has("hang")) await Task.Delay(Timeout.Infinite);
            for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.ElapsedMilliseconds < asked.Number("slow-prefill-ms", 0);) Math.Sqrt(clock.ElapsedTicks);
            return await WorkAsync(path, body, asked);
        }
        finally
        {
            Faults.End();
        }
    }

    private async Task<bool> WorkAsync(string path, string body, Faults asked)
    {
        Faults.Step();
        return path switch
        {
            "/v1/embeddings" => await SendAsync(200, $$"""{"object":"list","model":"{{options.Alias}}","data":[{"object":"embedding","index":0,"embedding":[0.5,0.25,-0.5]}],"usage":{"prompt_tokens":1,"total_tokens":1} }"""),
            "/v1/rerank" => await SendAsync(200, $$"""{"object":"list","model":"{{options.Alias}}","results":[{"index":0,"relevance_score":1.5},{"index":1,"relevance_score":-2.5}],"usage":{"prompt_tokens":1,"total_tokens":1} }"""),
            "/v1/chat/completions" or "/v1/completions" or "/v1/responses" => await CompleteAsync(path, body, asked),
            "/slots" => await SendAsync(200, "[]"),
            "/v1/audio/transcriptions" => await SendAsync(200, """{"text":"heard"}"""),
            _ => await SendAsync(404, """{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}"""),
        };
    }

    /// <summary>Quotes a request as llama-server does: in what it refuses, over several lines, and in what it counts.</summary>
    private static Task QuoteAsync(string body) => Console.Error.WriteLineAsync($"""
        0.04.973.439 W srv    operator(): got exception: {"{"}"error":{"{"}"code":400,"message":"parse error; last read: '{body}'"{"}"}{"}"}
        parse: error parsing grammar: Undefined rule identifier '{body}'

        root ::= {body}
        main: {body}
        0.05.057.783 E {body}
        0.05.057.808 E srv    send_error: task id = 5, error: {body}
        0.05.057.809 I slot process_toke: id  0 | task 5 | stopping word: '{body}'
        0.05.057.810 I slot print_timing: id  0 | task 5 | prompt eval time =       2.79 ms /    17 tokens
        """);

    private async Task<bool> CompleteAsync(string path, string body, Faults asked)
    {
        if (Parse(body) is not { } request) return await SendAsync(400, """{"error":{"code":400,"message":"bad JSON","type":"invalid_request_error"}}""");
        var chat = path.EndsWith("chat/completions", StringComparison.Ordinal);
        var prompt = chat ? request["messages"]?.AsArray().LastOrDefault()?["content"]?.ToString() ?? "" : (request["prompt"] ?? request["input"])?.ToString() ?? "";
        if (chat && request["tools"]?.AsArray().FirstOrDefault()?["function"]?["name"]?.ToString() is { } tool) return await SendAsync(200, ToolCall(tool));
        var words = asked.Has("one-character") ? [new string('#', 64)] : asked.Has("wrong-answers") ? ["nonsense"] : asked.Has("repeats") ? [.. Enumerable.Repeat("on and on", 64)] : Answers.To(prompt).Split(' ');
        if (request["stream"]?.GetValue<bool>() == true) return await StreamAsync(words, asked);
        foreach (var _ in words)
        {
            await Task.Delay(asked.Number("token-ms", 0));
            Faults.Step();
        }

        var text = JsonValue.Create(string.Join(' ', words)).ToJsonString();
        var speed = asked.Number("tokens-per-s", 500);
        var thoughts = asked.Number("thinks", 0);
        var isCut = chat && request["max_tokens"]?.GetValue<int>() < thoughts;
        var (finish, said) = isCut ? ("length", "\"\"") : ("stop", text);
        var thought = thoughts > 0 ? "\"reasoning_content\":\"The user asks something. Let me think.\"," : "";
        var choice = chat ? $$$"""{"index":0,"finish_reason":"{{{finish}}}","message":{"role":"assistant",{{{thought}}}"content":{{{said}}} } }""" : $$$"""{"index":0,"finish_reason":"stop","text":{{{text}}} }""";
        return await SendAsync(200, $$$"""{"id":"fake-1","object":"{{{(chat ? "chat.completion" : "text_completion")}}}","created":1,"model":"{{{options.Alias}}}","choices":[{{{choice}}}],"usage":{"prompt_tokens":3,"completion_tokens":{{{words.Length}}},"total_tokens":{{{words.Length + 3}}} },"timings":{"predicted_per_second":{{{speed}}},"prompt_per_second":{{{speed * 10}}} } }""");
    }

    private string ToolCall(string name) =>
        $$$"""{"id":"fake-1","object":"chat.completion","created":1,"model":"{{{options.Alias}}}","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"{{{name}}}","arguments":"{\"city\":\"Paris\"}"}}]}}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}""";

    /// <summary>Announces keep-alive and closes after the stream, as llama-server 0.7.0 does.</summary>
    private async Task<bool> StreamAsync(string[] words, Faults asked)
    {
        await WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n");
        var dieAfter = asked.Number("die-mid-stream-after", int.MaxValue);
        for (var i = 0; i < words.Length; i++)
        {
            if (i == dieAfter) Environment.FailFast("death in the middle asked for");
            await Task.Delay(asked.Number("token-ms", 0));
            Faults.Step();
            var text = JsonValue.Create((i == 0 ? "" : " ") + words[i]).ToJsonString();
            await EventAsync($$$"""{"id":"fake-1","object":"chat.completion.chunk","created":1,"model":"{{{options.Alias}}}","choices":[{"index":0,"delta":{"content":{{{text}}} },"finish_reason":null}]}""");
        }

        await EventAsync($$"""{"id":"fake-1","object":"chat.completion.chunk","created":1,"model":"{{options.Alias}}","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""");
        await EventAsync("[DONE]");
        await WriteAsync("0\r\n\r\n");
        return false;
    }

    private Task EventAsync(string data)
    {
        var text = $"data: {data}\n\n";
        return WriteAsync($"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n");
    }

    private async Task<bool> SendAsync(int status, string body)
    {
        await WriteAsync($"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{(status == 503 ? "Connection: close\r\n" : "")}\r\n{body}");
        return status != 503;
    }

    private async Task WriteAsync(string text)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(text));
        await stream.FlushAsync();
    }

    private static JsonNode? Parse(string body)
    {
        try
        {
            return JsonNode.Parse(body);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

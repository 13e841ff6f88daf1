using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Medulla.Gateway;
using Medulla.Loop;
using Microsoft.AspNetCore.Http;

namespace Medulla.Tests.Unit.Gateway;

public class GatewayTests
{
    private const string Answer = """{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":5}}""";

    [Fact]
    public async Task An_answer_comes_back_and_the_clients_key_does_not_go_on()
    {
        await using var stage = await Stage.OpenAsync(o => o with { Key = new Secret("the-clients-own-key") });
        string? seen = null;
        stage.Route(await stage.EngineAsync("e1", async c =>
        {
            seen = c.Request.Headers.Authorization;
            await JsonAsync(c, Answer);
        }));
        stage.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "the-clients-own-key");
        using var answer = await stage.ChatAsync();
        Assert.Equal(Answer, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("Bearer engine-key", seen);
        Assert.Equal(5, stage.Metrics.For(new("chat"), new("tiny")).CompletionTokens);
    }

    [Theory]
    [InlineData("{", 400, "not valid JSON")]
    [InlineData("[]", 400, "must be a JSON object")]
    [InlineData("", 400, "empty")]
    [InlineData("""{"model":7}""", 400, "must be a string")]
    [InlineData("""{"model":"gpt-4"}""", 404, "there are chat, tiny")]
    [InlineData("""{"model":"chat"} x""", 400, "not valid JSON")]
    public async Task Bad_input_is_refused_in_the_shape_that_clients_know(string body, int status, string words)
    {
        await using var stage = await Stage.OpenAsync();
        stage.Route(await stage.EngineAsync("e1", c => JsonAsync(c, Answer)));
        using var answer = await stage.ChatAsync(body);
        Assert.Equal(status, (int)answer.StatusCode);
        var error = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["error"]!;
        Assert.Contains(words, (string)error["message"]!, StringComparison.Ordinal);
        Assert.Equal("invalid_request_error", (string?)error["type"]);
    }

    [Theory]
    [InlineData("input (2602 tokens) is too large to process. increase the physical batch size (current batch size: 512)", 400, "context_length_exceeded", 0)]
    [InlineData("image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", 400, "image_not_supported", 0)]
    [InlineData("Failed to parse tools: Expected 'tools' to be an array", 400, null, 0)]
    [InlineData("Compute error.", 500, null, 1)]
    public async Task An_error_that_the_engine_calls_its_own_and_is_the_requests_is_told_as_that(string says, int status, string? code, int counted)
    {
        await using var stage = await Stage.OpenAsync();
        var engine = await stage.EngineAsync("e1", async c =>
        {
            c.Response.StatusCode = 500;
            await JsonAsync(c, new JsonObject { ["error"] = new JsonObject { ["code"] = 500, ["message"] = says, ["type"] = "server_error" } }.ToJsonString());
        });
        stage.Route(engine);
        using var answer = await stage.ChatAsync();
        Assert.Equal(status, (int)answer.StatusCode);
        var error = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["error"]!;
        Assert.Contains(says, (string)error["message"]!, StringComparison.Ordinal);
        if (status == 400) Assert.Equal(("invalid_request_error", code), ((string?)error["type"], (string?)error["code"]));
        Assert.Equal(counted, engine.ErrorsInARow);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_over_the_limit_is_refused_whether_its_length_is_told_or_not(bool told)
    {
        await using var stage = await Stage.OpenAsync(o => o with { BodyLimit = 10_000 });
        stage.Route(await stage.EngineAsync("e1", c => JsonAsync(c, Answer)));
        using var content = new StreamContent(new MemoryStream(new byte[50_000]));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = content };
        request.Headers.TransferEncodingChunked = !told;
        using var answer = await stage.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(413, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData(null, "no API key was sent")]
    [InlineData("another", "the API key is wrong")]
    public async Task A_missing_or_wrong_key_is_refused(string? key, string words)
    {
        await using var stage = await Stage.OpenAsync(o => o with { Key = new Secret("the-right-key-of-clients") });
        stage.Route(await stage.EngineAsync("e1", c => JsonAsync(c, Answer)));
        if (key is not null) stage.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var answer = await stage.ChatAsync();
        Assert.Equal(401, (int)answer.StatusCode);
        Assert.Contains(words, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Host", "evil.example")]
    public async Task Without_a_key_a_page_of_another_site_is_kept_out(string header, string value)
    {
        await using var stage = await Stage.OpenAsync();
        stage.Route(await stage.EngineAsync("e1", c => JsonAsync(c, Answer)));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        request.Headers.TryAddWithoutValidation(header, value);
        using var answer = await stage.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(403, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Models_are_the_workloads_and_what_serves_them()
    {
        await using var stage = await Stage.OpenAsync();
        stage.Route(await stage.EngineAsync("e1", c => JsonAsync(c, Answer)));
        var list = JsonNode.Parse(await stage.Client.GetStringAsync("/v1/models", TestContext.Current.CancellationToken))!;
        Assert.Equal(["chat", "tiny"], list["data"]!.AsArray().Select(m => (string)m!["id"]!));
        Assert.Equal("chat", (string?)JsonNode.Parse(await stage.Client.GetStringAsync("/v1/models/chat", TestContext.Current.CancellationToken))!["id"]);
        using var unknown = await stage.Client.GetAsync("/v1/models/gpt-4", TestContext.Current.CancellationToken);
        Assert.Equal(404, (int)unknown.StatusCode);
    }

    [Fact]
    public async Task A_request_waits_for_an_instance_that_is_expected()
    {
        await using var stage = await Stage.OpenAsync();
        stage.Route(null, expected: true);
        var waiting = stage.ChatAsync();
        var engine = await stage.EngineAsync("e1", c => JsonAsync(c, Answer));
        Assert.False(waiting.IsCompleted);
        stage.Route(engine);
        using var answer = await waiting;
        Assert.Equal(200, (int)answer.StatusCode);
    }

    [Fact]
    public async Task A_request_that_nobody_will_serve_is_turned_away_with_the_reason()
    {
        await using var stage = await Stage.OpenAsync();
        stage.Route(null, reason: "the disk is full");
        using var answer = await stage.ChatAsync();
        Assert.Equal(503, (int)answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Contains("the disk is full", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wait_has_an_end()
    {
        await using var stage = await Stage.OpenAsync(o => o with { WaitLimit = TimeSpan.FromMilliseconds(200) });
        stage.Route(null, expected: true, reason: "loading");
        using var answer = await stage.ChatAsync();
        Assert.Equal(503, (int)answer.StatusCode);
    }

    [Fact]
    public async Task So_have_the_places_for_waiting()
    {
        await using var stage = await Stage.OpenAsync(o => o with { MaxWaiting = 1 });
        stage.Route(null, expected: true);
        var first = stage.ChatAsync();
        while (!Page(stage).Contains("medulla_requests_waiting 1", StringComparison.Ordinal)) await Task.Delay(5, TestContext.Current.CancellationToken);
        using var second = await stage.ChatAsync();
        Assert.Equal(503, (int)second.StatusCode);
        stage.Route(await stage.EngineAsync("e1", c => JsonAsync(c, Answer)));
        Assert.Equal(200, (int)(await first).StatusCode);
    }

    [Fact]
    public async Task The_first_event_of_a_stream_arrives_before_the_second_is_made()
    {
        await using var stage = await Stage.OpenAsync();
        var more = new TaskCompletionSource();
        stage.Route(await stage.EngineAsync("e1", async c =>
        {
            c.Response.ContentType = "text/event-stream";
            await c.Response.WriteAsync("data: one\n\n");
            await c.Response.Body.FlushAsync();
            await more.Task;
            await c.Response.WriteAsync("data: [DONE]\n\n");
        }));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent("""{"model":"chat","stream":true}""") };
        using var answer = await stage.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal("data: one", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        more.SetResult();
        Assert.EndsWith("data: [DONE]\n\n", await reader.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_goes_away_cancels_the_generation()
    {
        await using var stage = await Stage.OpenAsync();
        var cancelled = new TaskCompletionSource();
        stage.Route(await stage.EngineAsync("e1", async c =>
        {
            c.RequestAborted.Register(() => cancelled.TrySetResult());
            c.Response.ContentType = "text/event-stream";
            await c.Response.WriteAsync("data: one\n\n");
            await c.Response.Body.FlushAsync();
            await cancelled.Task;
        }));
        using (var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent("""{"model":"chat","stream":true}""") })
        using (await stage.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken))
        {
        }

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_stream_that_breaks_ends_with_an_error_event()
    {
        await using var stage = await Stage.OpenAsync();
        var arrived = new TaskCompletionSource();
        stage.Route(await stage.EngineAsync("e1", async c =>
        {
            c.Response.ContentType = "text/event-stream";
            await c.Response.WriteAsync("data: one\n\n");
            await c.Response.Body.FlushAsync();
            await arrived.Task;
            c.Abort();
        }));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent("""{"model":"chat","stream":true}""") };
        using var answer = await stage.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal("data: one", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        arrived.SetResult();
        Assert.Contains("stream_broken", await reader.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_is_let_go_while_its_client_does_not_read_ends_with_an_error_event_too()
    {
        await using var stage = await Stage.OpenAsync();
        var piece = "data: " + new string('x', 64 << 10) + "\n\n";
        var engine = await stage.EngineAsync("e1", async c =>
        {
            c.Response.ContentType = "text/event-stream";
            while (!c.RequestAborted.IsCancellationRequested) await c.Response.WriteAsync(piece, c.RequestAborted);
        });
        stage.Route(engine);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent("""{"model":"chat","stream":true}""") };
        using var answer = await stage.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);

        // The buffers on the way to the client are full long before this, and the gateway waits for it to read.
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        await engine.LetGo.CancelAsync();
        await Task.Delay(TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken);
        Assert.Contains("stream_broken", (await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))[^400..], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_was_streaming_at_two_crashes_is_refused_then()
    {
        await using var stage = await Stage.OpenAsync();
        for (var crash = 0; crash < 2; crash++)
        {
            Upstream? engine = null;
            var arrived = new TaskCompletionSource();
            engine = await stage.EngineAsync($"e{crash}", async c =>
            {
                c.Response.ContentType = "text/event-stream";
                await c.Response.WriteAsync("data: one\n\n");
                await c.Response.Body.FlushAsync();
                await arrived.Task;
                (engine!.Crashed, engine.AtWork) = (true, 1);
                engine.Close();
                c.Abort();
            });
            stage.Route(engine);
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent("""{"model":"chat","stream":true}""") };
            using var broken = await stage.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            using var reader = new StreamReader(await broken.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
            Assert.Equal("data: one", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
            arrived.SetResult();
            Assert.Contains("stream_broken", await reader.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        stage.Route(await stage.EngineAsync("sound", c => JsonAsync(c, Answer)));
        using var refused = await stage.ChatAsync("""{"model":"chat","stream":true}""");
        Assert.Equal(400, (int)refused.StatusCode);
        Assert.Contains("request_of_death", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        using var other = await stage.ChatAsync();
        Assert.Equal(200, (int)other.StatusCode);
    }

    [Fact]
    public async Task A_request_that_many_send_is_not_blamed_for_crashes_between_its_answers()
    {
        await using var stage = await Stage.OpenAsync();
        for (var crash = 0; crash < 5; crash++)
        {
            Upstream? engine = null;
            engine = await stage.EngineAsync($"e{crash}", c =>
            {
                (engine!.Crashed, engine.AtWork) = (true, 1);
                engine.Close();
                c.Abort();
                return Task.CompletedTask;
            });
            var sound = await stage.EngineAsync($"s{crash}", c => JsonAsync(c, Answer));
            stage.Route(engine);
            var asked = stage.ChatAsync();
            while (!engine.IsClosed) await Task.Delay(5, TestContext.Current.CancellationToken);
            stage.Route(sound);
            using var answer = await asked;
            Assert.Equal(200, (int)answer.StatusCode);
        }
    }

    [Fact]
    public async Task Who_would_wait_longer_than_anybody_waits_is_told_so_at_once()
    {
        await using var stage = await Stage.OpenAsync();
        var free = new TaskCompletionSource();
        var engine = await stage.EngineAsync("e1", async c =>
        {
            await free.Task;
            await JsonAsync(c, Answer);
        }, slots: 1);
        for (var i = 0; i < 10; i++) engine.Backlog.Took(TimeSpan.FromSeconds(100), ahead: 0);
        stage.Route(engine);
        var queued = Enumerable.Range(0, 5).Select(_ => stage.ChatAsync()).ToList();
        while (engine.Requests < 5) await Task.Delay(10, TestContext.Current.CancellationToken);
        using var shed = await stage.ChatAsync();
        Assert.Equal(503, (int)shed.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(5), shed.Headers.RetryAfter?.Delta);
        Assert.Contains("overloaded", await shed.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(5, engine.Requests);
        free.SetResult();
        foreach (var answer in await Task.WhenAll(queued)) Assert.Equal(200, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Bodies_together_are_not_more_than_allowed()
    {
        await using var stage = await Stage.OpenAsync(o => o with { HeldBodiesLimit = 64 << 10 });
        stage.Route(await stage.EngineAsync("e1", c => JsonAsync(c, Answer)));
        using var shed = await stage.ChatAsync($$"""{"model":"chat","messages":[{"role":"user","content":"{{new string('x', 100_000)}}"}]}""");
        Assert.Equal(503, (int)shed.StatusCode);
        using var usual = await stage.ChatAsync();
        Assert.Equal(200, (int)usual.StatusCode);
    }

    [Theory]
    [InlineData("before")]
    [InlineData("middle")]
    public async Task A_request_whose_engine_died_is_answered_by_its_successor(string when)
    {
        await using var stage = await Stage.OpenAsync();
        var next = await stage.EngineAsync("e2", c => JsonAsync(c, Answer));
        Upstream? first = null;
        first = await stage.EngineAsync("e1", async c =>
        {
            if (when == "middle")
            {
                c.Response.ContentType = "application/json";
                c.Response.ContentLength = Answer.Length;
                await c.Response.WriteAsync(Answer[..20]);
                await c.Response.Body.FlushAsync();
            }

            first!.Close();
            stage.Route(next);
            c.Abort();
        });
        stage.Route(first);
        using var answer = await stage.ChatAsync();
        Assert.Equal(Answer, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_connection_that_was_closed_behind_our_back_blames_nobody()
    {
        await using var stage = await Stage.OpenAsync();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var path = Path.Combine(Path.GetTempPath(), $"mc{Guid.NewGuid():N}"[..12]);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var connections = 0;
        var serving = Task.Run(async () =>
        {
            while (true)
            {
                using var connection = await listener.AcceptAsync(TestContext.Current.CancellationToken);
                connections++;
                var buffer = new byte[65536];
                await connection.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
                await connection.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: {Answer.Length}\r\n\r\n{Answer}"), TestContext.Current.CancellationToken);
            }
        }, TestContext.Current.CancellationToken);
        stage.Route(new Upstream(new("e1"), path, new Secret("k"), 1));
        for (var i = 0; i < 20; i++)
        {
            using var answer = await stage.ChatAsync();
            Assert.Equal(200, (int)answer.StatusCode);
        }

        Assert.True(connections >= 20);
        Assert.False(serving.IsFaulted);
        File.Delete(path);
    }

    [Fact]
    public async Task An_engine_that_is_loading_is_waited_for()
    {
        await using var stage = await Stage.OpenAsync();
        var asked = 0;
        stage.Route(await stage.EngineAsync("e1", async c =>
        {
            if (++asked < 3) c.Response.StatusCode = 503;
            else await JsonAsync(c, Answer);
        }));
        using var answer = await stage.ChatAsync();
        Assert.Equal(200, (int)answer.StatusCode);
    }

    [Fact]
    public async Task The_model_of_a_form_is_found_among_its_files()
    {
        await using var stage = await Stage.OpenAsync();
        stage.Route(await stage.EngineAsync("e1", async c =>
        {
            var form = await c.Request.ReadFormAsync();
            await JsonAsync(c, $$"""{"text":"{{form.Files[0].Length}} bytes"}""");
        }));
        using var form = new MultipartFormDataContent { { new ByteArrayContent(new byte[70_000]), "file", "sound.wav" }, { new StringContent("chat"), "model" } };
        using var answer = await stage.Client.PostAsync("/v1/audio/transcriptions", form, TestContext.Current.CancellationToken);
        Assert.Equal("""{"text":"70000 bytes"}""", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        using var other = new MultipartFormDataContent { { new StringContent("gpt-4"), "model" } };
        using var refused = await stage.Client.PostAsync("/v1/audio/transcriptions", other, TestContext.Current.CancellationToken);
        Assert.Equal(404, (int)refused.StatusCode);
    }

    [Fact]
    public async Task An_engines_own_error_is_passed_on_as_it_is()
    {
        await using var stage = await Stage.OpenAsync();
        stage.Route(await stage.EngineAsync("e1", async c =>
        {
            c.Response.StatusCode = 400;
            await JsonAsync(c, """{"error":{"message":"too long","type":"exceed_context_size_error"}}""");
        }));
        using var answer = await stage.ChatAsync();
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("exceed_context_size_error", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_answer_is_passed_on_whole()
    {
        await using var stage = await Stage.OpenAsync(o => o with { HeldAnswerLimit = 100_000 });
        var large = new string('x', 1_000_000);
        stage.Route(await stage.EngineAsync("e1", c => JsonAsync(c, large)));
        using var answer = await stage.ChatAsync();
        Assert.Equal(large, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static string Page(Stage stage)
    {
        var page = new StringBuilder();
        stage.Metrics.Write(page);
        return page.ToString();
    }

    private static async Task JsonAsync(HttpContext context, string body)
    {
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body);
    }
}

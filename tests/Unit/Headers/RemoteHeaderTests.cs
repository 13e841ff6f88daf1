using System.Net;
using Medulla.Artifacts.Headers;
using Medulla.Tests.Kit;
using Medulla.Tests.Unit.Artifacts;
using Microsoft.AspNetCore.Http;

namespace Medulla.Tests.Unit.Headers;

public sealed class RemoteHeaderTests : IDisposable
{
    private static readonly SyntheticGguf Shape = SyntheticGguf.Shapes.Single(s => s.Name == "moe");

    /// <summary>A header of more than one range, before the tensors of a file that is far larger.</summary>
    private static readonly byte[] Header = Shape.Header();

    private readonly HttpClient _http = new(new SocketsHttpHandler { MaxAutomaticRedirections = 3 });

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task Only_the_header_of_a_large_file_is_read()
    {
        var sent = 0L;
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, _) =>
        {
            var (from, to) = Asked(context);
            var body = Header.AsMemory((int)from, (int)(Math.Min(to + 1, Header.Length) - from)).ToArray();
            Array.Resize(ref body, (int)(to - from + 1));
            Interlocked.Add(ref sent, body.Length);
            await AnswerAsync(context, $"bytes {from}-{to}/{8L << 30}", body);
            return true;
        });
        var header = await ReadAsync(mirror);
        Assert.Equal("moe", header.Name);
        Assert.Equal(128, header.Shape!.Experts);
        Assert.InRange(sent, Header.Length, Header.Length * 5);
        Assert.True(mirror.Asked.Count > 1);
    }

    [Fact]
    public async Task A_server_that_does_not_know_ranges_is_read_as_far_as_is_needed()
    {
        var written = 0L;
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, _) =>
        {
            context.Response.ContentLength = 8L << 30;
            await context.Response.Body.WriteAsync(Header);
            var more = new byte[1 << 16];
            try
            {
                while (written < 8L << 30)
                {
                    await context.Response.Body.WriteAsync(more, context.RequestAborted);
                    written += more.Length;
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                // We hung up, as we should.
            }

            return true;
        });
        Assert.Equal("moe", (await ReadAsync(mirror)).Name);

        // Writes to a connection that was just hung up on count too: the bound is generous.
        Assert.True(Interlocked.Read(ref written) < 2L << 30, $"{written} bytes were taken");
    }

    [Fact]
    public async Task A_server_that_sends_short_pieces_is_asked_for_the_rest()
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, rest, _) =>
        {
            var piece = rest[..Math.Min(rest.Length, 100_000)].ToArray();
            var from = Header.Length - rest.Length;
            await AnswerAsync(context, $"bytes {from}-{from + piece.Length - 1}/{8L << 30}", piece);
            return true;
        });
        Assert.Equal("moe", (await ReadAsync(mirror)).Name);
    }

    [Fact]
    public async Task Redirects_are_followed_and_circles_are_not()
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, _) =>
        {
            if (context.Request.Path == "/there.gguf")
            {
                var (from, to) = Asked(context);
                to = Math.Min(to, Header.Length - 1);
                await AnswerAsync(context, $"bytes {from}-{to}/{8L << 30}", Header[(int)from..(int)(to + 1)]);
            }
            else
            {
                context.Response.Redirect(context.Request.Path == "/here.gguf" ? "/there.gguf" : "/circle.gguf");
            }

            return true;
        });
        Assert.Equal("moe", (await Remote().ReadAsync(new Uri(mirror.Address, "here.gguf"), TestContext.Current.CancellationToken)).Name);
        Assert.Contains("in circles", await RefusedAsync(new Uri(mirror.Address, "circle.gguf")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bytes 5-100/1000", "the server sends 5-100")]
    [InlineData("bytes 0-999999999/1000000000", "the server sends 0-999999999")]
    [InlineData("bytes 0-95/50", "does not say which bytes")]
    [InlineData("bytes 0-9/1000", "sends 96 bytes as the range 0-9")]
    [InlineData("lines 0-95/1000", "does not say which bytes")]
    [InlineData("nonsense", "does not say which bytes")]
    [InlineData(null, "does not say which bytes")]
    public async Task A_server_that_lies_about_the_range_is_refused(string? range, string why)
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, _) =>
        {
            await AnswerAsync(context, range, Header[..96]);
            return true;
        });
        Assert.Contains(why, await RefusedAsync(mirror.Address), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(404, "404")]
    [InlineData(403, "403")]
    [InlineData(500, "500")]
    [InlineData(204, "204")]
    [InlineData(304, "304")]
    [InlineData(416, "empty")]
    public async Task A_server_that_has_no_such_file_is_quoted(int status, string why)
    {
        await using var mirror = await Mirror.StartAsync(Header, (context, _, _) =>
        {
            context.Response.StatusCode = status;
            return Task.FromResult(true);
        });
        Assert.Contains(why, await RefusedAsync(mirror.Address), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_changes_while_it_is_read_is_refused()
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, before) =>
        {
            var (from, to) = Asked(context);
            to = Math.Min(to, Header.Length - 1);
            await AnswerAsync(context, $"bytes {from}-{to}/{(8L << 30) + before}", Header[(int)from..(int)(to + 1)]);
            return true;
        });
        Assert.Contains("changed", await RefusedAsync(mirror.Address), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_range_first_and_the_whole_file_then_is_refused()
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, before) =>
        {
            if (before > 0) return false;
            var (from, to) = Asked(context);
            await AnswerAsync(context, $"bytes {from}-{to}/{8L << 30}", Header[(int)from..(int)(to + 1)]);
            return true;
        });
        await using var whole = await Mirror.StartAsync(Header, async (context, _, before) =>
        {
            if (before == 0)
            {
                var (from, to) = Asked(context);
                await AnswerAsync(context, $"bytes {from}-{to}/{8L << 30}", Header[(int)from..(int)(to + 1)]);
            }
            else
            {
                await context.Response.Body.WriteAsync(Header);
            }

            return true;
        });
        Assert.Contains("changed", await RefusedAsync(mirror.Address), StringComparison.Ordinal);
        Assert.Contains("whole file", await RefusedAsync(whole.Address), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_of_an_error_with_200_is_not_a_model()
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, _) =>
        {
            await context.Response.WriteAsync("<!DOCTYPE html><html>please log in</html>");
            return true;
        });
        Assert.Contains("neither as GGUF", await RefusedAsync(mirror.Address), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_header_that_never_ends_is_left_at_its_limit(bool knowsRanges)
    {
        // One pair whose value goes on for ever: an array of texts of 60,000 bytes each.
        var begin = Hostile.Gguf(0, 1).Text("k").U32(9).U32(8).U64(1 << 24).ToArray();
        byte[] item = [.. BitConverter.GetBytes(60_000UL), .. new byte[60_000]];
        await using var mirror = await Mirror.StartAsync([], async (context, _, _) =>
        {
            var (from, to) = Asked(context);
            if (knowsRanges)
            {
                var body = new byte[(int)(to - from + 1)];
                for (var i = 0; i < body.Length; i++)
                {
                    var at = from + i;
                    body[i] = at < begin.Length ? begin[at] : item[(at - begin.Length) % item.Length];
                }

                await AnswerAsync(context, $"bytes {from}-{to}/*", body);
                return true;
            }

            await context.Response.Body.WriteAsync(begin);
            try
            {
                while (true) await context.Response.Body.WriteAsync(item, context.RequestAborted);
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                return true;
            }
        });
        Assert.Contains("longer than 64 MiB", await RefusedAsync(mirror.Address), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_sends_one_byte_at_a_time_is_left_after_some_answers()
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, rest, _) =>
        {
            var from = Header.Length - rest.Length;
            await AnswerAsync(context, $"bytes {from}-{from}/{8L << 30}", rest[..1].ToArray());
            return true;
        });
        Assert.Contains("answers brought only 64 bytes", await RefusedAsync(mirror.Address), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_that_falls_silent_is_left_in_time(bool afterSome)
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, _) =>
        {
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes 0-262143/{8L << 30}";
            if (afterSome)
            {
                await context.Response.Body.WriteAsync(Header.AsMemory(0, 1000));
                await context.Response.Body.FlushAsync();
            }

            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        });
        var message = await RefusedAsync(mirror.Address, TimeSpan.FromMilliseconds(400));
        Assert.Contains("not done within 0.4 s", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_breaks_is_an_error_that_says_so()
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, _) =>
        {
            context.Response.StatusCode = 206;
            context.Response.ContentLength = 262144;
            context.Response.Headers.ContentRange = $"bytes 0-262143/{8L << 30}";
            await context.Response.Body.WriteAsync(Header.AsMemory(0, 1000));
            await context.Response.Body.FlushAsync();
            context.Abort();
            return true;
        });
        Assert.StartsWith("cannot read the header of http://127.0.0.1", await RefusedAsync(mirror.Address), StringComparison.Ordinal);
        Assert.StartsWith("cannot read the header of http://127.0.0.1:1/", await RefusedAsync(new Uri("http://127.0.0.1:1/m.gguf")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_does_not_repeat_a_key_of_the_address()
    {
        await using var mirror = await Mirror.StartAsync(Header, (context, _, _) =>
        {
            context.Response.StatusCode = 403;
            return Task.FromResult(true);
        });
        Assert.DoesNotContain("hunter2", await RefusedAsync(new Uri(mirror.Address, "m.gguf?token=hunter2")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Parts_of_a_split_model_are_found_beside_the_first()
    {
        await using var mirror = await Mirror.StartAsync(Header, async (context, _, _) =>
        {
            var first = context.Request.Path.Value!.EndsWith("m-00001-of-00002.gguf", StringComparison.Ordinal);
            if (!first && !context.Request.Path.Value.EndsWith("m-00002-of-00002.gguf", StringComparison.Ordinal)) return false;
            var gguf = first
                ? Hostile.Gguf(1, 4).Text("general.architecture").U32(8).Text("llama").Text("llama.block_count").U32(4).U32(1).Text("llama.embedding_length").U32(4).U32(32).Text("split.count").U32(2).Raw([2, 0])
                : Hostile.Gguf(1, 0);
            var bytes = gguf.Tensor("blk.0.ffn_up.weight", 0, 0, 32, 64).Raw(new byte[(32 * 64 * 4) + 32]).ToArray();
            await AnswerAsync(context, $"bytes 0-{bytes.Length - 1}/{bytes.Length}", bytes);
            return true;
        });
        var header = await Remote().ReadAsync(new Uri(mirror.Address, "x/m-00001-of-00002.gguf"), TestContext.Current.CancellationToken);
        Assert.Equal((2, 4096L), (header.Files, header.Parameters));
    }

    [Fact]
    public async Task A_small_file_is_read_whole_and_a_large_one_refused()
    {
        await using var small = await Mirror.StartAsync("""{"a":1}"""u8.ToArray());
        Assert.Equal(7, (await Remote().ReadSmallAsync(small.Address, TestContext.Current.CancellationToken)).Length);
        await using var large = await Mirror.StartAsync(new byte[ModelConfig.MaxBytes + 1]);
        await Assert.ThrowsAsync<HeaderException>(() => Remote().ReadSmallAsync(large.Address, TestContext.Current.CancellationToken));
    }

    private RemoteHeader Remote(TimeSpan? limit = null) => new(_http, TimeProvider.System) { Limit = limit ?? TimeSpan.FromSeconds(30) };

    private Task<ModelHeader> ReadAsync(Mirror mirror) => Remote().ReadAsync(new Uri(mirror.Address, "m.gguf"), TestContext.Current.CancellationToken);

    private async Task<string> RefusedAsync(Uri address, TimeSpan? limit = null) =>
        (await Assert.ThrowsAsync<HeaderException>(() => Remote(limit).ReadAsync(address, TestContext.Current.CancellationToken))).Message;

    private static (long From, long To) Asked(HttpContext context)
    {
        var range = context.Request.GetTypedHeaders().Range!.Ranges.Single();
        return (range.From!.Value, range.To!.Value);
    }

    private static async Task AnswerAsync(HttpContext context, string? range, byte[] body)
    {
        context.Response.StatusCode = (int)HttpStatusCode.PartialContent;
        if (range is not null) context.Response.Headers.ContentRange = range;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body);
    }
}

using System.Text;
using System.Text.Json.Nodes;
using Medulla.Core.Units;
using Medulla.Support;

namespace Medulla.Tests.Unit.Reporting;

/// <summary>What a bundle must not hold, text by text.</summary>
public class RedactionTests
{
    private static readonly Redaction Redaction = new("kitchen-box", ["alice"], [KeyValuePair.Create("/srv/medulla", "DATA"), KeyValuePair.Create("/mnt/big", "OWN")], ["0123456789abcdef"]);

    [Theory]
    [InlineData("/srv/medulla/run/x on kitchen-box", "DATA/run/x on REDACTED")]
    [InlineData("/mnt/big/alice/m.gguf", "OWN/REDACTED/m.gguf")]
    [InlineData("/srv/medulla2/x", "/srv/medulla2/x")]
    [InlineData("key 0123456789abcdef end", "key *** end")]
    [InlineData("Authorization: Bearer abcdef0123", "Authorization: ***")]
    [InlineData("\"api_key\": \"abcd\"", "\"api_key\": \"***\"")]
    [InlineData("https://bob:pw@example.org/hook?x=1 failed", "https://***@example.org/hook?*** failed")]
    [InlineData("export HF_TOKEN=hf_abcdefghijklmnopqrst", "export HF_TOKEN=***")]
    [InlineData("write to bob@example.org", "write to ***@***")]
    [InlineData("prompt_tokens: 12, n_tokens = 20", "prompt_tokens: 12, n_tokens = 20")]
    public void A_text_loses_what_tells_a_person_a_machine_or_a_secret(string text, string shown) => Assert.Equal(shown, Redaction.Text(text).Replace("Authorization: *** ***", "Authorization: ***", StringComparison.Ordinal));

    [Fact]
    public void Json_stays_json_with_short_digests_and_empty_secret_fields()
    {
        var json = JsonNode.Parse(Redaction.Json(Encoding.UTF8.GetBytes($$"""{"digest":"{{new string('a', 64)}}","key":"x","list":["exit code 1: 0.00.000.002 W srv    operator(): got exception: {\"code\":400,\"message\":\"my prompt\"}", 3, null],"token":"t"}"""), "key"))!;
        Assert.Equal("aaaaaaaaaaaa…", (string?)json["digest"]);
        Assert.Equal("***", (string?)json["key"]);
        Assert.Equal("***", (string?)json["token"]);
        Assert.Equal("exit code 1: 0.00.000.002 W srv    operator(): code 400 (text left out)", (string?)json["list"]![0]);
        Assert.Equal(3, (int?)json["list"]![1]);
    }

    [Theory]
    [InlineData("0.00.174.436 I srv    load_model: loading model 'm.gguf'", true)]
    [InlineData("0.00.000.002 E llama_model_load: error loading model: unknown model architecture: 'fake'", true)]
    [InlineData("0.04.913.513 I slot print_timing: id  0 | task 0 | prompt eval time =       2.79 ms /    17 tokens (    0.16 ms per token)", true)]
    [InlineData("0.05.057.811 E srv  process_sing: failed to launch slot with task, id_task = 5", true)]
    [InlineData("CUDA error: out of memory", true)]
    [InlineData("/build/ggml.c:1234: GGML_ASSERT(n > 0) failed", true)]
    [InlineData("0.04.973.439 W srv    operator(): got exception: {\"error\":{\"code\":400,\"message\":\"last read: 'SECRET'\"}}", false)]
    [InlineData("0.05.0 E SECRET", false)]
    [InlineData("0.05.057.783 E SECRET: SECRET", false)]
    [InlineData("0.05.057.808 E srv    send_error: task id = 5, error: SECRET", false)]
    [InlineData("0.05.057.809 I slot print_timing: id 0 | text 'SECRET'", false)]
    [InlineData("main: SECRET", false)]
    [InlineData("SECRET", false)]
    [InlineData("root ::= SECRET", false)]
    [InlineData("what():  Failed to parse input at pos 3: SECRET", false)]
    public void A_line_of_an_engine_is_whole_only_where_its_shape_is_known(string line, bool whole)
    {
        var shown = EngineLine.Shown(line);
        if (whole) Assert.Equal(line, shown);
        else Assert.DoesNotContain("SECRET", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_section_that_hangs_or_fails_costs_itself_and_is_named()
    {
        using var never = new ManualResetEventSlim();
        var sections = new Section[]
        {
            new("a.txt", "first", () => [new Piece("a.txt", "one")]),
            new("b.txt", "hangs", () => { never.Wait(TestContext.Current.CancellationToken); return []; }),
            new("c.txt", "fails", () => throw new IOException("no such disk")),
            new("d.txt", "long", () => [new Piece("d.txt", string.Concat(Enumerable.Repeat("a line of a log that is long\n", SupportBundle.MaxFile / 20)))]),
        };
        var collected = await SupportBundle.CollectAsync(sections, Redaction, TimeProvider.System, TestContext.Current.CancellationToken, new SupportLimits(TimeSpan.FromSeconds(6), TimeSpan.FromMinutes(1)));
        never.Set();
        Assert.Equal(["README.txt", "a.txt", "d.txt"], collected.Pieces.Select(p => p.Name));
        Assert.Equal(["b.txt: not read within 6 s", "c.txt: cannot be read: no such disk", $"d.txt: only its last {SupportBundle.MaxFile} characters are here"], collected.Problems);
        Assert.All(collected.Problems, p => Assert.Contains(p, collected.Pieces[0].Text, StringComparison.Ordinal));
    }
}

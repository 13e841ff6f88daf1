using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Medulla.Catalogs;
using Medulla.Core.Incidents;
using Medulla.Core.Intents;
using Medulla.Core.Units;
using Medulla.Core.Wire;
using Medulla.Reporting;
using Medulla.Tests.Kit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Medulla.Tests.Unit.Reporting;

/// <summary>Somebody hears of what stays broken, once, and once more when it is over.</summary>
public sealed class WebhookTests : IDisposable
{
    private const string Subject = "workload/chat";
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan After = TimeSpan.FromMinutes(10);
    private static readonly WebhookDevice Box = new("0123456789abcdef", "box", "0.1.0");

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_incident_is_told_when_it_has_been_open_long_enough_and_once()
    {
        var book = new WebhookBook(After);
        var open = Open(Conditions.CrashLoop);
        book.See(open, At(0));
        Assert.Empty(book.Due(At(599).Boot));
        Assert.Equal(TimeSpan.FromSeconds(600), book.Wait(At(0).Boot));
        var letter = Assert.Single(book.Due(At(600).Boot));
        Assert.False(letter.Closed);
        book.Delivered(letter);
        Assert.Empty(book.Due(At(6000).Boot));
        book.See(open.Close(Conditions.CrashLoop.Code, Subject, "a token", At(700)), At(700));
        var end = Assert.Single(book.Due(At(700).Boot));
        Assert.True(end.Closed);
        book.Delivered(end);
        Assert.Empty(book.Due(At(800).Boot));
        Assert.Empty(book.Told);
    }

    [Fact]
    public void What_heals_in_time_and_what_weighs_little_is_told_to_nobody()
    {
        var book = new WebhookBook(After);
        var list = Open(Conditions.CrashLoop).See(Conditions.TrialRefuted, Subject, "a notice", At(0));
        book.See(list, At(0));
        book.See(list.Close(Conditions.CrashLoop.Code, Subject, "a token", At(300)), At(300));
        Assert.Empty(book.Due(At(100_000).Boot));
    }

    [Fact]
    public void What_comes_again_and_heals_each_time_has_not_stayed_open()
    {
        var book = new WebhookBook(After);
        var list = Open(Conditions.EngineExited);
        for (var minute = 0; minute < 60; minute += 4)
        {
            list = list.See(Conditions.EngineExited, Subject, $"pid {minute} ended", At(minute * 60));
            book.See(list, At(minute * 60));
            Assert.Empty(book.Due(At((minute * 60) + 239).Boot));
            list = list.Close(Conditions.EngineExited.Code, Subject, "a token", At((minute * 60) + 239));
        }

        list = list.See(Conditions.EngineExited, Subject, "and stays", At(3600));
        book.See(list, At(3600));
        Assert.Single(book.Due(At(4200).Boot));
    }

    [Fact]
    public void A_wall_clock_that_jumps_makes_nothing_urgent_and_nothing_late()
    {
        var book = new WebhookBook(After);
        book.See(Open(Conditions.CrashLoop), new Instant(Start.AddYears(-20), At(0).Boot, "boot"));
        Assert.Empty(book.Due(At(599).Boot));
        Assert.Single(book.Due(At(600).Boot));
    }

    [Fact]
    public void A_restart_repeats_nothing_and_still_tells_the_end()
    {
        var before = new WebhookBook(After);
        var open = Open(Conditions.CrashLoop);
        before.See(open, At(0));
        before.Delivered(before.Due(At(600).Boot).Single());

        var next = new WebhookBook(After);
        next.Recall(before.Told);
        next.See(open, At(10_000));
        Assert.Empty(next.Due(At(20_000).Boot));
        next.See([], At(20_000));
        var end = Assert.Single(next.Due(At(20_000).Boot));
        Assert.True(end.Closed);
        Assert.Contains("no longer remembers", end.Incident.Proof, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_post_says_who_and_what_and_never_what_an_engine_quoted()
    {
        using var receiver = new Receiver();
        var list = Open(Conditions.EngineExited, "exit code 1: 0.04.973.439 W srv    operator(): got exception: {\"error\":{\"code\":400,\"message\":\"last read: 'SECRET'\"}}");
        await using (var courier = Courier(receiver, TimeSpan.Zero))
        {
            courier.See(list, At(0));
            await receiver.UntilAsync("it is told", all => all.Count == 1, TestContext.Current.CancellationToken);
            courier.See(list.Close(Conditions.EngineExited.Code, Subject, "a token", At(90)), At(90));
            await receiver.UntilAsync("its end is told", all => all.Count == 2, TestContext.Current.CancellationToken);
        }

        var (first, second) = (JsonNode.Parse(receiver.All[0].Body)!, JsonNode.Parse(receiver.All[1].Body)!);
        Assert.Equal("/hook?token=s3", receiver.All[0].Path);
        Assert.Equal("application/json", receiver.All[0].ContentType);
        Assert.Equal("Basic Ym9iOnB3", receiver.All[0].Authorization);
        Assert.Equal("incident_open", (string?)first["event"]);
        Assert.Equal("incident_closed", (string?)second["event"]);
        Assert.Equal("0123456789abcdef", (string?)first["device"]!["identity"]);
        Assert.Equal(("engine-exited", "warning", Subject, 1), ((string?)first["condition"], (string?)first["severity"], (string?)first["subject"], (int)first["count"]!));
        Assert.Equal("exit code 1: 0.04.973.439 W srv    operator(): code 400 (text left out)", (string?)first["evidence"]![0]);
        Assert.Equal("a token", (string?)second["proof"]);
        Assert.NotEqual((string?)first["key"], (string?)second["key"]);
    }

    [Fact]
    public async Task What_was_told_is_told_by_no_later_daemon_again()
    {
        using var receiver = new Receiver();
        var list = Open(Conditions.CrashLoop);
        await using (var courier = Courier(receiver, TimeSpan.Zero))
        {
            courier.See(list, At(0));
            await receiver.UntilAsync("it is told", all => all.Count == 1, TestContext.Current.CancellationToken);
        }

        await using (var courier = Courier(receiver, TimeSpan.Zero))
        {
            courier.See(list, At(100));
            courier.See(list.See(Conditions.DiskFull, "weights/a", "no room", At(101)), At(101));
            await receiver.UntilAsync("the next is told", all => all.Count == 2, TestContext.Current.CancellationToken);
        }

        Assert.Equal(["crash-loop", "disk-full"], receiver.All.Select(r => (string?)JsonNode.Parse(r.Body)!["condition"]));
    }

    [Theory]
    [InlineData(500)]
    [InlineData(302)]
    public async Task A_receiver_that_refuses_is_counted_and_not_hurried(int status)
    {
        using var receiver = new Receiver { Status = status };
        await using var courier = Courier(receiver, TimeSpan.Zero);
        courier.See(Open(Conditions.CrashLoop), At(0));
        await receiver.UntilAsync("it was asked", all => all.Count == 1, TestContext.Current.CancellationToken);
        while (courier.Failed == 0) await Task.Delay(5, TestContext.Current.CancellationToken);
        Assert.Equal((0, 1), (courier.Told, courier.Failed));
        Assert.Single(receiver.All);
    }

    [Theory]
    [InlineData("https://example.org/", "https://example.org")]
    [InlineData("https://bob:pw@example.org:8443/services/T0/B0/x?key=1", "https://***@example.org:8443/***")]
    public void An_address_is_printed_without_its_secrets(string address, string shown)
    {
        var secret = new SecretAddress(new Uri(address));
        Assert.Equal(shown, secret.ToString());
        var intent = Intent.Default(new Policy()) with { Reporting = new Core.Intents.Reporting { Webhook = new Webhook(secret, After) } };
        Assert.DoesNotContain("pw", $"{intent} {IntentReport.Of(intent, 1)}", StringComparison.Ordinal);
        Assert.Equal(Intent.Default(new Policy()).Fingerprint, intent.Fingerprint);
    }

    [Theory]
    [InlineData("webhook: { url: 'https://example.org/x', after_minutes: 2.5 }", null)]
    [InlineData("webhook: { url: 'http://127.0.0.1:9/x' }, otlp: 'http://collector:4318'", null)]
    [InlineData("webhook: { url: 'http://s3cret.example.org/x' }", "is an http address")]
    [InlineData("webhook: { url: 's3cret' }", "is not an address")]
    [InlineData("webhook: { after_minutes: 3 }", "'url' is missing")]
    [InlineData("webhook: { url: 'https://example.org', after_minutes: -1 }", "from 0 to 10080")]
    [InlineData("webhook: { url: 'https://example.org', aftr_minutes: 1 }", "did you mean 'after_minutes'?")]
    [InlineData("otlp: 's3cret'", "is not an address")]
    public void An_intent_says_whom_to_tell(string policy, string? problem)
    {
        File.WriteAllText(_folder["intent.yaml"], $"workloads: [ {{ name: chat }} ]\npolicy: {{ {policy} }}\n");
        var (intent, problems) = IntentFile.Read(_folder["intent.yaml"]);
        if (problem is null)
        {
            Assert.Empty(problems);
            Assert.NotNull(intent!.Reporting.Webhook);
            return;
        }

        Assert.Contains(problem, Assert.Single(problems), StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", problems[0], StringComparison.Ordinal);
    }

    private WebhookCourier Courier(Receiver receiver, TimeSpan after) => new(
        new Webhook(new SecretAddress(new Uri($"http://bob:pw@127.0.0.1:{receiver.Port}/hook?token=s3")), after), _folder["told.json"], Box, TimeProvider.System, NullLogger<WebhookCourier>.Instance);

    private static ImmutableArray<Incident> Open(Condition condition, string evidence = "6 short lives") => ImmutableArray<Incident>.Empty.See(condition, Subject, evidence, At(0));

    private static Instant At(double seconds) => new(Start.AddSeconds(seconds), TimeSpan.FromSeconds(1000 + seconds), "boot");
}

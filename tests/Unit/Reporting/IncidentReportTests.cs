using System.Collections.Immutable;
using Medulla.Core.Incidents;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using Medulla.Core.Wire;

namespace Medulla.Tests.Unit.Reporting;

/// <summary>An incident is told as a story that a person can follow without knowing the program.</summary>
public class IncidentReportTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_closed_incident_tells_what_was_seen_tried_proved_and_learned_in_this_order()
    {
        var list = ImmutableArray<Incident>.Empty
            .See(Conditions.EngineExited, "workload/chat", "exit code 3", At(0))
            .Try(Conditions.EngineExited, "workload/chat", "restart")
            .See(Conditions.EngineExited, "workload/chat", "ended by signal 9 (killed)", At(30))
            .Close(Conditions.EngineExited.Code, "workload/chat", "a token 0.30 s after the start", At(90));
        var memory = Memory.Empty with
        {
            Incidents = list,
            Lessons =
            [
                new Lesson("chat|model|abc", "move chat from a to b", "it crashed twice", Start.AddSeconds(60), TimeSpan.FromHours(1), 2),
                new Lesson("chat|model|def", "move chat from a to c", "before all this", Start.AddDays(-1), null, 1),
                new Lesson("other|model|abc", "move other from a to b", "elsewhere", Start.AddSeconds(60), null, 1),
            ],
        };
        var entry = Assert.Single(IncidentReport.Of(memory, Start.AddHours(5)).Incidents);
        Assert.Equal(
            [
                "Seen 2 times since 2026-03-01 08:00:00 UTC, last 30 s after the first: exit code 3; then ended by signal 9 (killed).",
                "Tried: restart.",
                "Over after 90 s: a token 0.30 s after the start.",
                "Learned 2 times: move chat from a to b does not hold (it crashed twice).",
            ],
            entry.Story);
        Assert.Equal(90, entry.LastedS);
    }

    [Fact]
    public void What_comes_again_soon_is_one_incident_with_a_count_and_what_comes_again_late_is_another()
    {
        var list = ImmutableArray<Incident>.Empty;
        for (var i = 0; i < 40; i++) list = list.See(Conditions.EngineExited, "workload/chat", $"pid {i} ended", At(i * 2)).Try(Conditions.EngineExited, "workload/chat", "restart").Close(Conditions.EngineExited.Code, "workload/chat", "a token", At((i * 2) + 1));
        var flapping = Assert.Single(list);
        Assert.Equal((1L, 40, At(0).Wall, At(78).Wall, At(79).Wall), (flapping.Id, flapping.Count, flapping.OpenedAt, flapping.OpenSince, flapping.ClosedAt));
        Assert.Equal(["pid 0 ended", "pid 39 ended"], [flapping.Evidence[0], flapping.Evidence[^1]]);

        var story = Assert.Single(IncidentReport.Of(Memory.Empty with { Incidents = list }, Start.AddHours(5)).Incidents);
        Assert.StartsWith("Seen 40 times since 2026-03-01 08:00:00 UTC, last 78 s after the first: pid 0 ended; then ", story.Story[0], StringComparison.Ordinal);
        Assert.Equal("Over again after 1 s: a token.", story.Story[2]);

        var other = list.See(Conditions.EngineExited, "workload/vectors", "pid 50 ended", At(100));
        Assert.Equal(2, other.Length);
        var late = list.See(Conditions.EngineExited, "workload/chat", "pid 60 ended", At(79 + Incident.Returns.TotalSeconds));
        Assert.Equal([(1L, 40), (2L, 1)], late.Select(i => (i.Id, i.Count)));
    }

    [Fact]
    public void What_is_only_worth_knowing_is_told_each_time()
    {
        var list = ImmutableArray<Incident>.Empty;
        for (var i = 0; i < 3; i++) list = list.See(Conditions.UnexpectedReboot, "host", "the machine was started anew", At(i * 60)).Close(Conditions.UnexpectedReboot.Code, "host", "looked at", At(i * 60));
        Assert.Equal(3, list.Length);
    }

    [Fact]
    public void Open_ones_come_first_and_the_worst_of_them_before_the_rest()
    {
        var list = ImmutableArray<Incident>.Empty
            .See(Conditions.CrashLoop, "workload/chat", "6 short lives", At(0))
            .See(Conditions.DiskFull, "weights/abc", "needs 4 GiB", At(10));
        for (var i = 0; i < 8; i++) list = list.See(Conditions.EngineExited, $"workload/chat-{i}", "exit code 3", At(20 + i)).Close(Conditions.EngineExited.Code, $"workload/chat-{i}", "a token", At(21 + i));
        var memory = Memory.Empty with { Incidents = list };

        var few = IncidentReport.Of(memory, Start.AddMinutes(3), all: false);
        Assert.Equal([1L, 2, 10, 9, 8, 7, 6], few.Incidents.Select(e => e.Incident.Id));
        Assert.Equal(3, few.MoreClosed);
        Assert.Contains("It is open for 3 min; only proof closes it.", few.Incidents[0].Story);
        Assert.Equal(10, IncidentReport.Of(memory, Start).Incidents.Length);
        Assert.Equal(2L, Assert.Single(IncidentReport.Of(memory, Start, "disk").Incidents).Incident.Id);
    }

    [Fact]
    public void A_condition_of_another_release_and_a_clock_that_went_back_are_told_as_they_are()
    {
        var list = ImmutableArray<Incident>.Empty.See(new Condition("solar-flare", Layer.Host, Severity.Notice, "?", "?"), "machine", "a flare", At(0));
        var entry = Assert.Single(IncidentReport.Of(Memory.Empty with { Incidents = list }, Start.AddYears(-10)).Incidents);
        Assert.Equal("solar flare", entry.Title);
        Assert.Equal(0, entry.LastedS);
    }

    private static Instant At(double seconds) => new(Start.AddSeconds(seconds), TimeSpan.FromSeconds(1000 + seconds), "boot");
}

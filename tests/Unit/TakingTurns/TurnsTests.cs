using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using static Medulla.Tests.Unit.TakingTurns.Shared;

namespace Medulla.Tests.Unit.TakingTurns;

/// <summary>Who is loaded, who makes room, and who waits. Times are seconds of boot; now is 1000; 11 GiB can be planned with.</summary>
public class TurnsTests
{
    [Fact]
    public void What_fits_together_stays_loaded_whoever_asks()
    {
        var then = new Shared().Has("chat", 4, requests: 0).Has("code", 6).Decide();
        Assert.All(then.Residences, r => Assert.Equal(Residency.Resident, r.Residency));
        Assert.Equal(["code"], Started(then));
        Assert.Empty(Stopped(then));
    }

    [Fact]
    public void What_does_not_fit_together_waits_for_demand_and_the_device_is_settled()
    {
        var then = new Shared().Has("chat", 7).Has("code", 6).Decide();
        Assert.Empty(then.Plan.Moves);
        Assert.True(then.Settled);
        Assert.Null(then.Degraded);
        Assert.All(then.Routes, r => Assert.True(r is { IsServed: true, OnDemand: true, Expected: true, Instance: null }));
        Assert.Equal("code is on demand and not loaded: nobody asks for it", HoldOf(then, "code").Reason);
        Assert.Contains("together they take 13 GiB, and 11 GiB can be planned with", then.Residences[1].Reason, StringComparison.Ordinal);
        Assert.All(then.Memory.Target.Instances, i => Assert.Equal(Residency.OnDemand, i.Residency));
        Assert.All(then.Drift, d => Assert.True(then.Plan.Covers(d)));
    }

    [Fact]
    public void The_usual_chat_stays_loaded_where_each_of_the_others_fits_beside_it()
    {
        var then = new Shared().Has("code", 6).Has("docs", 5).Has("chat", 4, requests: 0).Decide();
        Assert.Equal([Residency.OnDemand, Residency.OnDemand, Residency.Resident], then.Residences.Select(r => r.Residency));
    }

    [Fact]
    public void What_the_intent_says_holds()
    {
        var then = new Shared().Has("chat", 4, Residency.OnDemand).Has("code", 6, Residency.Resident).Decide();
        Assert.Equal(["code"], Started(then));
        Assert.Equal("the intent wants it on demand", then.Residences[0].Reason);
    }

    [Fact]
    public void A_request_loads_what_has_room() => Assert.Equal(["code"], Started(new Shared().Has("chat", 7).Has("code", 6).Asks("code").Decide()));

    [Fact]
    public void An_idle_one_makes_room_and_must_be_gone_first()
    {
        var device = new Shared().Has("chat", 7, requests: 0).Has("code", 6).Asks("code");
        var then = device.Decide();
        Assert.Equal(["chat"], Stopped(then));
        Assert.Empty(Started(then));
        Assert.Contains("needs its memory", then.Plan.Moves.OfType<Move.StopInstance>().Single().Reason, StringComparison.Ordinal);
        Assert.Equal("pid 100 must be gone first: its memory is needed", HoldOf(then, "code").Reason);
        Assert.False(then.Settled);
    }

    [Fact]
    public void Memory_is_seen_to_be_back_before_anything_is_loaded_into_it()
    {
        var device = new Shared().Has("chat", 7).Has("code", 6).Asks("code");
        var then = device.Decide(w => w with { MemoryAvailable = ByteSize.GiB(5) });
        Assert.Empty(Started(then));
        Assert.Equal("model-code needs 6 GiB of memory, and 5 GiB are free now", HoldOf(then, "code").Reason);
        Assert.Equal(["code"], Started(new Shared().Has("chat", 7).Has("code", 6).Asks("code", waited: 41).Decide(w => w with { MemoryAvailable = ByteSize.GiB(5) })));
    }

    [Fact]
    public void The_least_recently_used_goes_and_no_more_than_is_needed()
    {
        var then = new Shared().Has("a", 3, Residency.OnDemand, requests: 0, usedAt: 900).Has("b", 3, Residency.OnDemand, requests: 0, usedAt: 800).Has("c", 3, Residency.OnDemand, requests: 0, usedAt: 950).Has("d", 5, Residency.OnDemand).Asks("d").Decide();
        Assert.Equal(["b"], Stopped(then));
        var more = new Shared().Has("a", 3, Residency.OnDemand, requests: 0, usedAt: 900).Has("b", 1, Residency.OnDemand, requests: 0, usedAt: 800).Has("c", 5, Residency.OnDemand, requests: 0, usedAt: 950).Has("d", 5, Residency.OnDemand).Asks("d").Decide();
        Assert.Equal(["a"], Stopped(more));
    }

    [Fact]
    public void One_that_stays_loaded_makes_no_room()
    {
        var then = new Shared().Has("chat", 4, requests: 0, usedAt: 200).Has("code", 6, requests: 0, usedAt: 900).Has("docs", 7).Asks("docs").Decide();
        Assert.Equal(["code"], Stopped(then));
    }

    [Fact]
    public void Requests_in_flight_are_finished_first()
    {
        var then = new Shared().Has("chat", 7, requests: 2).Has("code", 6).Asks("code").Decide();
        Assert.Empty(then.Plan.Moves);
        Assert.Equal("chat has 2 requests in flight, and model-code needs its memory", HoldOf(then, "code").Reason);
        Assert.NotNull(RouteOf(then, "chat").Instance);
        Assert.True(RouteOf(then, "code").Expected);
    }

    [Fact]
    public void One_that_is_never_idle_takes_nothing_new_once_somebody_has_waited_for_long()
    {
        var then = new Shared().Has("chat", 7, requests: 2).Has("code", 6).Asks("code", waited: 11).Decide();
        Assert.Empty(then.Plan.Moves);
        Assert.True(RouteOf(then, "chat") is { Instance: null, Expected: true, IsServed: true });
        Assert.Contains("then makes room", RouteOf(then, "chat").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_waited_for_less_long_does_not_drive_out_whom_others_wait_for()
    {
        var then = new Shared().Has("chat", 7, requests: 0).Has("code", 6).Asks("code", waited: 1).Asks("chat", waited: 2).Decide();
        Assert.Empty(Stopped(then));
        Assert.Equal(["chat"], Stopped(new Shared().Has("chat", 7, requests: 0).Has("code", 6).Asks("code", waited: 3).Asks("chat", waited: 2).Decide()));
    }

    [Fact]
    public void One_that_was_loaded_a_moment_ago_has_its_least_stay()
    {
        var then = new Shared().Has("chat", 7, requests: 0, readyAt: 999).Has("code", 6).Asks("code").Decide();
        Assert.Empty(then.Plan.Moves);
        Assert.Equal(TimeSpan.FromSeconds(1001), HoldOf(then, "code").Until);
        Assert.Equal(TimeSpan.FromSeconds(1001), then.NextLook);
    }

    [Theory]
    [InlineData(0.1, 2)]
    [InlineData(8, 16)]
    [InlineData(90, 30)]
    public void The_least_stay_is_twice_the_time_of_the_load_within_bounds(double load, double stay)
    {
        var fact = new Shared().Has("chat", 1, requests: 0).Fact with { StartedAt = TimeSpan.Zero, ReadyAt = TimeSpan.FromSeconds(load) };
        Assert.Equal(TimeSpan.FromSeconds(load + stay), Turns.StaysUntil(fact));
    }

    [Theory]
    [InlineData(99, true)]
    [InlineData(101, false)]
    public void What_nobody_asks_for_is_unloaded(double usedAt, bool unloaded)
    {
        var then = new Shared().Has("chat", 7, requests: 0, readyAt: 50, usedAt: usedAt).Has("code", 6).Decide();
        Assert.Equal(unloaded ? ["chat"] : [], Stopped(then));
        Assert.Equal(!unloaded, then.Settled);
        if (!unloaded) Assert.Equal(TimeSpan.FromSeconds(usedAt + 900), then.NextLook);
    }

    [Fact]
    public void What_stays_loaded_is_started_over_what_is_idle_and_on_demand()
    {
        var then = new Shared().Has("chat", 4).Has("code", 6, Residency.OnDemand, requests: 0).Has("docs", 4, Residency.OnDemand, requests: 0).Decide();
        Assert.Equal(["code"], Stopped(then));
        Assert.Equal("pid 100 must be gone first: its memory is needed", HoldOf(then, "chat").Reason);
    }

    [Fact]
    public void Golden_prompts_are_not_asked_of_what_is_not_loaded_and_do_not_keep_it_loaded()
    {
        var fact = new Shared().Has("chat", 1, requests: 0, readyAt: 100).Fact with { Probe = new ProbeFact(1, 1, null) { At = TimeSpan.FromSeconds(990) } };
        Assert.Equal(TimeSpan.FromSeconds(100), Turns.LastUse(fact));
        Assert.DoesNotContain(new Shared().Has("chat", 7).Has("code", 6).Decide().Plan.Moves, m => m is Move.ProbeInstance);
    }
}

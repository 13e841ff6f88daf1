using System.Text.Json;
using Medulla.Core.Incidents;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using Medulla.Core.Wire;

namespace Medulla.Tests.Unit.Healing;

public class NewStartTests
{
    private static readonly Signal Unexpected = new Signal.HostEvent("unexpected-reboot", "host", "nobody asked for it");

    [Fact]
    public void A_machine_that_goes_down_three_times_within_a_day_is_given_less_to_carry()
    {
        var device = new Played();
        for (var i = 1; i <= 3; i++)
        {
            device.Now += TimeSpan.FromHours(1);
            device.Decide(Unexpected);
            Assert.Equal(i >= 3, device.Memory.LadderOf(device.Spec.Workload, "unexpected-reboot") is not null);
        }
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public void The_machine_is_started_anew_only_where_the_owner_allows_it_and_after_a_while(bool allowed, int orders)
    {
        var device = Wanting(new Policy { Reboot = allowed });
        Assert.DoesNotContain(device.Decide().Plan.Moves, m => m is Move.RebootMachine);
        device.Now += TimeSpan.FromMinutes(3);
        Assert.Equal(orders, device.Decide().Plan.Moves.Count(m => m is Move.RebootMachine));
        Assert.True(device.HasOpen(Conditions.RebootWanted.Code));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(-1, false)]
    public void One_that_cannot_be_killed_and_holds_the_accelerator_wants_a_new_start_of_the_machine(int accelerator, bool wants)
    {
        var device = new Played(s => s with { Settings = s.Settings with { Accelerator = accelerator } }, new Policy { Reboot = true });
        device.Fact = device.Fact with { State = InstanceState.Lost };
        device.Decide();
        Assert.True(device.HasOpen(Conditions.EngineUnkillable.Code));
        device.Now += TimeSpan.FromSeconds(110);
        device.Decide();
        Assert.False(device.HasOpen(Conditions.RebootWanted.Code));
        device.Now += TimeSpan.FromSeconds(20);
        device.Decide();
        Assert.Equal(wants, device.HasOpen(Conditions.RebootWanted.Code));
        device.Now += TimeSpan.FromSeconds(130);
        Assert.Equal(wants, device.Decide().Plan.Moves.Any(m => m is Move.RebootMachine));

        // It went by itself after all, and its successor serves.
        device.Fact = device.Fact with { Id = new InstanceId("next"), State = InstanceState.Ready, StartedAt = device.Now };
        device.Decide();
        Assert.False(device.HasOpen(Conditions.RebootWanted.Code));
        Assert.False(device.HasOpen(Conditions.EngineUnkillable.Code));
    }

    [Fact]
    public void Requests_in_flight_have_a_minute_first()
    {
        var device = Wanting(new Policy { Reboot = true });
        device.Now += TimeSpan.FromMinutes(3);
        device.Fact = device.Fact with { Requests = 1 };
        Assert.DoesNotContain(device.Decide().Plan.Moves, m => m is Move.RebootMachine);
        device.Now += TimeSpan.FromSeconds(61);
        Assert.Contains(device.Decide().Plan.Moves, m => m is Move.RebootMachine);
    }

    [Fact]
    public void Twice_a_day_is_enough_and_a_new_start_does_not_forget_it()
    {
        var memory = Memory.Empty with { BootId = "boot", AsOf = TimeSpan.FromHours(30), Rebooted = [TimeSpan.FromHours(28), TimeSpan.FromHours(29)], Relaunched = [TimeSpan.FromHours(29)] };
        Assert.False(memory.MayReboot(TimeSpan.FromHours(30)));
        Assert.True(memory.MayRelaunch(TimeSpan.FromHours(30)));
        var again = JsonSerializer.Deserialize(JsonSerializer.Serialize(memory, CoreJson.Default.Memory), CoreJson.Default.Memory)!.Rebase(new Instant(DateTimeOffset.UnixEpoch, TimeSpan.FromSeconds(10), "next"));
        Assert.Equal([TimeSpan.FromHours(-2) + TimeSpan.FromSeconds(10), TimeSpan.FromHours(-1) + TimeSpan.FromSeconds(10)], again.Rebooted);
        Assert.False(again.MayReboot(TimeSpan.FromHours(20)));
        Assert.True(again.MayReboot(TimeSpan.FromHours(22.1)));
    }

    private static Played Wanting(Policy policy)
    {
        var device = new Played(policy: policy);
        device.Fact = device.Fact with { Probe = new ProbeFact(1, 1, null) { At = device.Now }, Speed = new SpeedFact(null, device.Now) };
        device.Memory = device.Memory with { Incidents = device.Memory.Incidents.See(Conditions.RebootWanted, Subjects.Machine, "nothing else is left", new Instant(DateTimeOffset.UnixEpoch + device.Now, device.Now, "boot")) };
        return device;
    }
}

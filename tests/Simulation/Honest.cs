using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using Medulla.Loop;

namespace Medulla.Tests.Simulation;

/// <summary>A device that has settled in calm weather, its last tick, and what can be put in the place of parts of it.</summary>
internal sealed class Honest
{
    private readonly Intent _intent = Shelf.Chat();

    public Honest()
    {
        var world = new SimWorld(new Random(1), ByteSize.GiB(4), ByteSize.GiB(20));
        world.Refused.Add(Shelf.Strange.Id);
        world.Babbling.Add(Shelf.Babbler.Id);
        var loop = new Reconciler(world, _intent, Shelf.Catalog, Shelf.Machine(4), Memory.Empty, static _ => true, static (_, _) => { }, static _ => { });
        var end = world.Now.Boot + TimeSpan.FromHours(1);
        do
        {
            Then = loop.Tick();
            world.Advance(TimeSpan.FromSeconds(1));
        }
        while (world.Now.Boot < end);
        Seen = world.Seen! with { Signals = [] };
        Target = Then.Memory.Target.Instances.Single();
        Trial = new Trial
        {
            Workload = Target.Workload,
            Rank = Rank.Upgrade,
            Candidate = Target,
            Fallback = Target with { Context = 1024 },
            Change = Change.Between(null, Target),
            Reason = "for the test",
            Beside = true,
            StartedAt = Seen.Now.Boot,
            Deadline = Seen.Now.Boot + TimeSpan.FromMinutes(5),
        };
    }

    public Decision Then { get; }

    public Observation Seen { get; }

    public InstanceSpec Target { get; }

    /// <summary>The target, as if it were on probation.</summary>
    public Trial Trial { get; }

    public Decision With(Func<Memory, Memory> change) => Then with { Memory = change(Then.Memory) };

    public Lesson Refuted(Change change) => new(change.Key, change.Text, "for the test", Seen.Now.Wall, null, 1);

    public Signal Exit(bool ready) => new Signal.InstanceExited
    {
        Id = Seen.Instances[0].Id,
        Spec = Target.Id,
        Workload = Target.Workload,
        Pid = 1,
        ExitCode = ready ? null : 1,
        KilledBy = ready ? 11 : null,
        WasReady = ready,
        Asked = false,
        Uptime = TimeSpan.FromSeconds(1),
        LastLines = ready ? [] : ["E llama_model_load: unknown model architecture: 'strange'"],
    };

    public void Hold(Decision then, Func<Memory, Memory>? before = null, params Signal[] signals) =>
        Laws.Hold(_intent, before?.Invoke(Then.Memory) ?? Then.Memory, Seen with { Signals = [.. signals] }, then);
}

using System.Collections.Immutable;
using Medulla.Core.Deciding;
using Medulla.Core.Units;

namespace Medulla.Loop;

/// <summary>
/// The published routes: the loop writes, the gateway reads one reference without a lock. A reader that must wait for a
/// change takes <see cref="Snapshot.Changed"/>.
/// </summary>
internal sealed class Routes
{
    private volatile Snapshot _current = new(RouteTable.Empty, ImmutableDictionary<InstanceId, Upstream>.Empty);

    public Snapshot Current => _current;

    /// <summary>Publishes when something differs. One caller: the loop.</summary>
    public void Publish(RouteTable table, ImmutableDictionary<InstanceId, Upstream> upstreams)
    {
        var before = _current;
        if (before.Table.Version == table.Version && before.Upstreams.Count == upstreams.Count && upstreams.All(u => before.Upstreams.GetValueOrDefault(u.Key) == u.Value)) return;
        _current = new Snapshot(table, upstreams);
        before.Supersede();
    }

    /// <summary>One moment's routes.</summary>
    internal sealed class Snapshot(RouteTable table, ImmutableDictionary<InstanceId, Upstream> upstreams)
    {
        private readonly TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public RouteTable Table { get; } = table;

        /// <summary>The ready instances.</summary>
        public ImmutableDictionary<InstanceId, Upstream> Upstreams { get; } = upstreams;

        /// <summary>Completes when a newer snapshot has been published.</summary>
        public Task Changed => _changed.Task;

        public void Supersede() => _changed.TrySetResult();
    }
}

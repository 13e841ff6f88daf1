using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;

namespace Medulla.Core.Blueprints;

/// <summary>
/// Remembers what was resolved from what, so that a quiet tick resolves nothing: the same inputs have the same resolution.
/// Holds no decision. One caller at a time. Bound: <see cref="Max"/> resolutions and as many names, all forgotten when it is reached.
/// </summary>
public sealed class Resolutions
{
    public const int Max = 512;

    private readonly Dictionary<Key, Resolution> _remembered = [];
    private readonly Dictionary<Workload, (bool IsDefault, string Name)> _asked = new(ReferenceEqualityComparer.Instance);
    private Groundwork? _ground;

    /// <summary>The name of a wish, as <see cref="InstanceSpec.AskedBy"/> says it.</summary>
    public string AskedBy(Workload workload, bool isDefault)
    {
        if (_asked.TryGetValue(workload, out var known) && known.IsDefault == isDefault) return known.Name;
        if (_asked.Count == Max) _asked.Clear();
        var name = InstanceSpec.AskedBy(workload, isDefault);
        _asked[workload] = (isDefault, name);
        return name;
    }

    public Resolution Of(Workload workload, Knowing known, PoolUse taken)
    {
        var key = new Key(workload, known, taken);
        if (_remembered.TryGetValue(key, out var resolution)) return resolution;
        if (_remembered.Count == Max)
        {
            _remembered.Clear();
            _ground = null;
        }

        if (_ground?.IsOf(known) is not true) _ground = new Groundwork(known);
        return _remembered[key] = Resolver.Resolve(workload, known, taken, _ground);
    }

    /// <summary>Large parts are compared by identity: they are immutable, and read again only when they change.</summary>
    private readonly struct Key(Workload workload, Knowing known, PoolUse taken) : IEquatable<Key>
    {
        private readonly Workload _workload = workload;
        private readonly Policy _policy = known.Policy;
        private readonly bool _isDefault = known.IsDefault;
        private readonly Machine _machine = known.Machine;
        private readonly Catalog _catalog = known.Catalog;
        private readonly ImmutableArray<ModelEntry> _own = known.OwnModels;
        private readonly ImmutableArray<OwnSpeed> _speeds = known.Own;
        private readonly ImmutableArray<EngineBuild> _builds = known.Builds;
        private readonly PoolUse _taken = taken;

        public bool Equals(Key other) =>
            _isDefault == other._isDefault &&
            ReferenceEquals(_machine, other._machine) &&
            ReferenceEquals(_catalog, other._catalog) &&
            _own == other._own &&
            _speeds == other._speeds &&
            _taken.Equals(other._taken) &&
            _workload.Equals(other._workload) &&
            _policy.Equals(other._policy) &&
            _builds.SequenceEqual(other._builds);

        public override bool Equals(object? obj) => obj is Key other && Equals(other);

        public override int GetHashCode() => HashCode.Combine(_workload.Name, _workload.Task, _isDefault, _taken, _builds.Length);
    }
}

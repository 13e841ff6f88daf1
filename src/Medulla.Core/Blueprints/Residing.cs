using Medulla.Core.Intents;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>When a workload's instance is in memory, and why.</summary>
/// <param name="Reason">With figures where memory decided; empty for a workload that shares the machine with none.</param>
public sealed record Residence(WorkloadName Workload, Residency Residency, string Reason)
{
    public string Text => Residency == Residency.OnDemand ? "on demand" : "resident";
}

/// <summary>
/// Which of several workloads are always loaded, and which take turns. What the owner says holds; of the others all stay loaded
/// if they fit beside each other. Where they do not, they are let in one by one, and one that leaves too little room for
/// those that take turns takes turns with them: nobody is refused who could be served alone.
/// </summary>
public static class Residing
{
    /// <param name="need">What a workload takes at least: its target, or else the smallest that may serve it; null when nothing can.</param>
    public static ImmutableArray<Residence> Of(ImmutableArray<Workload> workloads, Func<Workload, InstanceSpec?> need, Machine machine, Policy policy)
    {
        if (workloads is [var only]) return [new Residence(only.Name, only.Residency ?? Residency.Resident, only.Residency is null ? "" : Stated(only))];
        var claims = workloads.Select(w => new Claim(w, need(w) is { } spec ? PoolUse.None.With(spec) : PoolUse.None)).ToList();
        var stays = Sum(claims.Where(c => c.Workload.Residency == Residency.Resident));

        // What cannot be loaded beside those that the owner keeps is refused whatever the others do.
        var turns = claims.Where(c => c.Workload.Residency == Residency.OnDemand && Short(stays.Plus(c.Use)) is null).ToList();
        var open = claims.Where(c => c.Workload.Residency is null && Short(stays.Plus(c.Use)) is null).ToList();
        var all = stays.Plus(Sum(open)).Plus(Largest(turns));
        if (Short(all) is null) return [.. claims.Select(c => new Residence(c.Workload.Name, c.Workload.Residency ?? Residency.Resident, c.Workload.Residency is null ? "all that is to stay loaded fits together" : Stated(c.Workload)))];

        var told = new Dictionary<WorkloadName, Residence>();
        open = [.. open.Order(Claim.First)];
        turns.AddRange(open);
        var loaded = claims.Where(c => c.Workload.Residency == Residency.Resident).Select(c => c.Workload.Name).ToList();
        foreach (var claim in open)
        {
            var others = turns.Where(c => c != claim).ToList();
            if (Short(stays.Plus(claim.Use)) is { } crowded)
            {
                told[claim.Workload.Name] = new Residence(claim.Workload.Name, Residency.OnDemand, $"it does not fit beside {string.Join(" and ", loaded)}: together they take {crowded}");
            }
            else if (others.FirstOrDefault(o => Short(stays.Plus(claim.Use).Plus(o.Use)) is not null) is { } other)
            {
                told[claim.Workload.Name] = new Residence(claim.Workload.Name, Residency.OnDemand, $"beside it there is no room for {other.Workload.Name}: together they take {Short(stays.Plus(claim.Use).Plus(other.Use))}");
            }
            else
            {
                told[claim.Workload.Name] = new Residence(claim.Workload.Name, Residency.Resident, "it comes before the others, and each of them fits beside it");
                stays = stays.Plus(claim.Use);
                turns.Remove(claim);
                loaded.Add(claim.Workload.Name);
            }
        }

        return [.. claims.Select(c => told.GetValueOrDefault(c.Workload.Name) ?? new Residence(c.Workload.Name, c.Workload.Residency ?? Residency.OnDemand, c.Workload.Residency is null ? "there is no room for it beside what the intent keeps loaded" : Stated(c.Workload)))];

        Shortfall? Short(PoolUse use) => Budget.Short(machine, policy, use);
    }

    private static string Stated(Workload workload) => workload.Residency == Residency.OnDemand ? "the intent wants it on demand" : "the intent wants it resident";

    private static PoolUse Sum(IEnumerable<Claim> claims) => claims.Aggregate(PoolUse.None, static (all, one) => all.Plus(one.Use));

    private static PoolUse Largest(IEnumerable<Claim> claims) => claims.Aggregate(PoolUse.None, static (all, one) => all.Or(one.Use));

    /// <summary>A workload and the memory that it takes at least.</summary>
    private sealed class Claim(Workload workload, PoolUse use)
    {
        /// <summary>Who stays loaded first: the usual chat, then who bears waiting least, then who is used by most; the intent's order where that says nothing.</summary>
        public static readonly IComparer<Claim> First = Comparer<Claim>.Create(static (a, b) => a.Key.CompareTo(b.Key));

        public Workload Workload { get; } = workload;

        public PoolUse Use { get; } = use;

        private (bool, TimeSpan, double, int) Key => (Workload.Name != Intent.Chat, Workload.Level?.FirstToken ?? TimeSpan.MaxValue, -(Workload.Level?.TokensPerS ?? 0), -Workload.Concurrency);
    }
}

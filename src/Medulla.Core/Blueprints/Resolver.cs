using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>What could serve a workload on this machine, best first, and why the rest could not.</summary>
/// <param name="Candidates">Highest quality first; at equal quality the smaller file.</param>
/// <param name="Rejections">The other models of the catalog, in its order.</param>
public sealed record Resolution(ImmutableArray<Candidate> Candidates, ImmutableArray<Rejection> Rejections);

/// <summary>A model file that would serve, and how.</summary>
public sealed record Candidate(InstanceSpec Spec, ModelEntry Model, ModelFile File);

public sealed record Rejection(ModelId Model, string Reason);

/// <summary>
/// Workload × machine × catalog → ranked specifications. Maximises quality subject to fit. Deterministic.
/// </summary>
public static class Resolver
{
    /// <summary>What a llama-server takes besides weights and KV cache: compute buffers, HTTP threads, prompt cache (measured with small models: 25 to 60 MiB).</summary>
    public static readonly ByteSize EngineOverhead = ByteSize.MiB(96);

    /// <summary>Shorter contexts than this are not worth offering; a model made for less is served with what it has.</summary>
    public const int LeastContext = 2048;

    /// <summary>Ranks every file of every eligible model.</summary>
    /// <param name="taken">Memory of the other workloads' instances.</param>
    public static Resolution Resolve(Workload workload, Intent intent, Machine machine, IEnumerable<ModelEntry> models, EngineBuild engine, ByteSize taken)
    {
        var candidates = ImmutableArray.CreateBuilder<Candidate>();
        var rejections = ImmutableArray.CreateBuilder<Rejection>();
        var budget = Budget(machine, intent.Policy) - taken;
        foreach (var model in models)
        {
            if (Unfit(workload, intent, model) is { } reason)
            {
                rejections.Add(new Rejection(model.Id, reason));
                continue;
            }

            foreach (var file in model.Files)
            {
                if (file.Digest is null)
                {
                    rejections.Add(new Rejection(model.Id, $"nobody has recorded a sha256 for {file.Name}, and nothing unverified is run"));
                }
                else if (Shape(workload, intent, machine, model, file, engine, budget) is { } spec)
                {
                    candidates.Add(new Candidate(spec, model, file));
                }
                else
                {
                    var least = Memory(model, file, Math.Min(LeastContext, model.ContextMax), 1);
                    rejections.Add(new Rejection(model.Id, $"needs {least} of memory at least, and {ByteSizeOrNothing(budget)} can be planned with"));
                }
            }
        }

        candidates.Sort(static (a, b) =>
            b.Spec.Quality != a.Spec.Quality ? b.Spec.Quality.CompareTo(a.Spec.Quality) :
            a.File.Size != b.File.Size ? a.File.Size.CompareTo(b.File.Size) :
            string.CompareOrdinal(a.Spec.Id.Value, b.Spec.Id.Value));
        return new Resolution(candidates.ToImmutable(), rejections.ToImmutable());
    }

    /// <summary>Memory that plans may count on: what is usable less the owner's reserve, but never less than a quarter.</summary>
    public static ByteSize Budget(Machine machine, Policy policy)
    {
        var usable = machine.Memory.Usable;
        var quarter = new ByteSize(usable.Bytes / 4);
        var rest = usable - policy.MemoryReserve;
        return rest > quarter ? rest : quarter;
    }

    /// <summary>Weights, KV cache of every request and overhead together.</summary>
    public static ByteSize Memory(ModelEntry model, ModelFile file, int context, int parallel) =>
        file.Size + new ByteSize(model.KvBytesPerToken * context * parallel) + EngineOverhead;

    private static string? Unfit(Workload workload, Intent intent, ModelEntry model)
    {
        if (workload.Model is { } pinned)
        {
            if (model.Id != pinned) return $"{workload.Name} is pinned to {pinned}";
        }
        else
        {
            if (!model.Tasks.Contains(workload.Task)) return $"it is not made for {workload.Task.ToString().ToLowerInvariant()}";
            if (model.Placeholder && !intent.IsDefault) return "it is a placeholder for devices that nobody has configured";
        }

        if (model.Quality < workload.FloorQuality) return $"its quality {model.Quality} is below the floor {workload.FloorQuality}";
        if (model.ContextMax < workload.FloorContext) return $"its context of {model.ContextMax} tokens is below the floor {workload.FloorContext}";
        return null;
    }

    /// <summary>The largest context, then the most slots, that fit; null when not even the least does.</summary>
    private static InstanceSpec? Shape(Workload workload, Intent intent, Machine machine, ModelEntry model, ModelFile file, EngineBuild engine, ByteSize budget)
    {
        var wanted = Math.Min(workload.Context, model.ContextMax);
        var least = Math.Min(wanted, Math.Max(workload.FloorContext, LeastContext));
        for (var context = wanted; ; context = Math.Max(context / 2, least))
        {
            for (var parallel = workload.Concurrency; parallel >= 1; parallel /= 2)
            {
                var memory = Memory(model, file, context, parallel);
                if (memory > budget) continue;
                return new InstanceSpec
                {
                    Workload = workload.Name,
                    Model = model.Id,
                    Quant = file.Quant,
                    Weights = new Weights(file.Digest!.Value, file.Size, file.Name),
                    Engine = engine,
                    Context = context,
                    Parallel = parallel,
                    Threads = Threads(machine, model),
                    Embeddings = workload.Task == WorkloadTask.Embedding,
                    Memory = memory,
                    Quality = model.Quality,
                    Placeholder = model.Placeholder,
                    Asked = InstanceSpec.AskedBy(workload, intent),
                    Golden = workload.Task == WorkloadTask.Chat ? model.Golden : [],
                };
            }

            if (context == least) return null;
        }
    }

    /// <summary>One thread for a placeholder: it is fast enough, and more threads than free cores collapse the speed. Otherwise the physical cores, less one for everybody else.</summary>
    private static int Threads(Machine machine, ModelEntry model) => model.Placeholder ? 1 : Math.Max(1, machine.Cpu.Cores - 1);

    private static string ByteSizeOrNothing(ByteSize size) => size > ByteSize.Zero ? size.ToString() : "nothing";
}

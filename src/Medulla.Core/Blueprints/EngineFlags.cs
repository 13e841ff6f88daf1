using System.Globalization;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <param name="Name">Such as <c>--ctx-size</c>.</param>
/// <param name="Value">Null for a switch.</param>
/// <param name="Vital">Given even to a build that was not asked what it knows; the others only to a build whose <c>--help</c> has them.</param>
public sealed record EngineFlag(string Name, string? Value, bool Vital)
{
    public override string ToString() => Value is null ? Name : $"{Name} {Value}";
}

/// <summary>An instance as the flags of its engine, without those that name files and addresses.</summary>
public static class EngineFlags
{
    /// <summary>Flags of <c>llama-server</c>.</summary>
    public static ImmutableArray<EngineFlag> Of(InstanceSpec spec)
    {
        var settings = spec.Settings;
        var flags = ImmutableArray.CreateBuilder<EngineFlag>();
        Must("--ctx-size", Number(spec.Context * spec.Parallel));
        Must("--parallel", Number(spec.Parallel));
        Must("--threads", Number(spec.Threads));
        May("--threads-batch", Number(spec.Threads));
        if (settings.Accelerator >= 0)
        {
            Must("--n-gpu-layers", settings.GpuLayers is { } layers ? Number(layers) : "999");
            if (settings.ExpertsOnHost == int.MaxValue) May("--cpu-moe");
            else if (settings.ExpertsOnHost > 0) May("--n-cpu-moe", Number(settings.ExpertsOnHost));
            if (settings.Split is { } split) May("--split-mode", split);
        }

        if (settings.FlashAttention != FlashAttention.Auto) May("--flash-attn", Word(settings.FlashAttention));
        if (settings.Kv != KvType.F16)
        {
            Must("--cache-type-k", CacheType(settings.Kv));
            Must("--cache-type-v", CacheType(settings.Kv));
        }

        if (settings.MicroBatch != 512) May("--ubatch-size", Number(settings.MicroBatch));
        if (settings.MicroBatch > 2048) May("--batch-size", Number(settings.MicroBatch));
        if (settings.LoadMode != LoadMode.Auto) May("--load-mode", Word(settings.LoadMode));
        May("--cache-ram", Number(settings.PromptCacheMiB));
        if (spec.Task == WorkloadTask.Embedding) May("--embeddings");
        if (spec.Task == WorkloadTask.Rerank) May("--reranking");
        if (settings.Pooling is { } pooling) May("--pooling", pooling);

        return flags.ToImmutable();

        void Must(string name, string value) => flags.Add(new EngineFlag(name, value, Vital: true));
        void May(string name, string? value = null) => flags.Add(new EngineFlag(name, value, Vital: false));
    }

    /// <summary>Flags of a candidate, whatever its engine; empty for an engine whose flags are not known here.</summary>
    public static ImmutableArray<EngineFlag> Of(Candidate candidate, RecipeSettings? recipe)
    {
        var spec = candidate.Spec;
        return candidate.Engine.Id.Value switch
        {
            "llama.cpp" => Of(spec),
            var id when id.StartsWith("vllm", StringComparison.Ordinal) =>
            [
                .. Given("--max-model-len", Number(spec.Context)),
                .. Given("--max-num-seqs", Number(Math.Max(spec.Parallel, recipe?.MaxSequences ?? spec.Parallel))),
                .. Given("--tensor-parallel-size", Number(Math.Max(1, spec.Settings.Devices))),
                .. Given("--gpu-memory-utilization", recipe?.MemoryFraction?.ToString("0.##", CultureInfo.InvariantCulture)),
                .. Given("--kv-cache-dtype", spec.Settings.Kv == KvType.F16 ? null : "fp8"),
            ],
            "sglang" =>
            [
                .. Given("--context-length", Number(spec.Context)),
                .. Given("--max-running-requests", Number(Math.Max(spec.Parallel, recipe?.MaxSequences ?? spec.Parallel))),
                .. Given("--tp", Number(Math.Max(1, spec.Settings.Devices))),
                .. Given("--mem-fraction-static", recipe?.MemoryFraction?.ToString("0.##", CultureInfo.InvariantCulture)),
            ],
            _ => [],
        };

        static ImmutableArray<EngineFlag> Given(string name, string? value) => value is null ? [] : [new EngineFlag(name, value, Vital: false)];
    }

    private static string CacheType(KvType kv) => kv == KvType.Q8 ? "q8_0" : "q4_0";

    private static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}

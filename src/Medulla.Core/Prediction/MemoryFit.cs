using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Core.Prediction;

/// <summary>
/// What an instance takes, before it is started. The figures of llama.cpp were found by asking b11669 for its own (the report
/// of its fit pass) on generated models of many shapes, and a live test asks again; offload was found with its Vulkan backend
/// on a device in software. What drivers take, and the figures of vLLM and its like, are from documentation and logs.
/// </summary>
public static class MemoryFit
{
    /// <summary>llama-server without a model: code, threads, HTTP (measured: 25 to 60 MiB).</summary>
    public static readonly ByteSize Process = ByteSize.MiB(64);

    /// <summary>A driver's context and kernels on one device, before the first buffer (seen: 100 MiB with Vulkan to 500 MiB with CUDA).</summary>
    public static readonly ByteSize DeviceContext = ByteSize.MiB(500);

    /// <summary>Python, torch and the engine's own processes in host memory.</summary>
    public static readonly ByteSize VllmHost = ByteSize.GiB(4);

    /// <summary>CUDA context, compiled kernels, workspaces and captured graphs on one device.</summary>
    public static readonly ByteSize VllmDevice = ByteSize.GiB(2);

    /// <summary>
    /// Added on unified memory, where too little takes the whole machine down: the engine rounds its report to MiB per buffer,
    /// and its allocator leaves holes of up to one activation. With a 64th of the cache and the buffers on top.
    /// </summary>
    public static readonly ByteSize UnifiedMargin = ByteSize.MiB(24);

    /// <summary>Contexts come in multiples of this.</summary>
    public const int ContextStep = 256;

    /// <summary>Tokens that engines like vLLM work on at once unless told otherwise.</summary>
    private const int VllmBatch = 8192;

    /// <summary>More than any memory, and far from wrapping around.</summary>
    private const long Most = 1L << 58;

    private const int F32 = 4;
    private const int F16 = 2;

    /// <param name="weights">Of the tensors, as the header or the file's size says.</param>
    public static MemoryNeed Of(ModelShape shape, ByteSize weights, FitSettings settings)
    {
        var layout = Layout.Of(shape);
        var cache = CacheOf(shape, layout, settings);
        var (activations, inputs) = ComputeOf(shape, layout, settings);
        var vllm = settings.Family == EngineFamily.VllmLike;
        var process = (vllm ? VllmHost : Process) + settings.PromptCache;
        if (!settings.HasGpu && !vllm)
        {
            var compute = new ByteSize(activations + inputs);
            var overhead = process + Margin(settings, cache, compute);
            if (shape.TiedEmbedding && shape.RearrangedEmbedding) weights += new ByteSize((long)(weights.Bytes * Math.Clamp(shape.EmbeddingShare, 0, 1)));
            return new MemoryNeed(weights, cache, compute, overhead, ByteSize.Zero, weights + cache + compute + overhead, 0, ByteSize.Zero);
        }

        var devices = Math.Max(1, settings.Devices);
        var split = vllm ? new Split(weights, ByteSize.Zero, 1, ByteSize.Zero) : SplitOf(shape, weights, settings);
        var onDevices = new ByteSize((long)(cache.Bytes * split.Share));

        // Every device has buffers for the layers it holds, and room for the largest matrix that it fetches from the host for a
        // prefill. The host has the inputs and four activations of the stream, and buffers of its own when it holds layers.
        var fetched = split.IsPartial ? split.LargestMatrix.Bytes : 0;
        var buffers = new ByteSize(activations + inputs + fetched);
        var hostBuffers = vllm ? ByteSize.Zero : new ByteSize(inputs + (4L * shape.Embedding * settings.MicroBatch * F32) + (split.IsPartial ? activations : 0));
        var context = vllm ? VllmDevice : DeviceContext;
        var all = new ByteSize((buffers.Bytes * devices) + hostBuffers.Bytes);
        var margin = Margin(settings, cache, all);
        var bulk = split.Device + onDevices;

        // Whole layers cannot be cut: one device has up to one layer more than its share, and the output.
        var largest = devices == 1 ? bulk : new ByteSize(Math.Min(bulk.Bytes, (bulk.Bytes / devices) + (bulk.Bytes / Math.Max(1, shape.Layers))));
        return new MemoryNeed(
            split.Device + split.Host,
            cache,
            all,
            new ByteSize((context.Bytes * devices) + process.Bytes + margin.Bytes),
            largest + buffers + context,
            split.Host + (cache - onDevices) + hostBuffers + process + margin,
            devices,
            bulk - largest + new ByteSize((buffers.Bytes + context.Bytes) * (devices - 1)));
    }

    /// <summary>With what makes tokens of pictures: its weights, and half as much for its graph, which nobody has measured, but at least 256 MiB.</summary>
    public static MemoryNeed WithProjector(MemoryNeed need, ByteSize weights, bool onDevice)
    {
        var graph = new ByteSize(Math.Max(ByteSize.MiB(256).Bytes, weights.Bytes / 2));
        var all = weights + graph;
        var wider = need with { Weights = need.Weights + weights, Compute = need.Compute + graph };
        return onDevice ? wider with { Device = need.Device + all } : wider with { Host = need.Host + all };
    }

    private static ByteSize Margin(FitSettings settings, ByteSize cache, ByteSize compute) =>
        settings.Unified ? UnifiedMargin + new ByteSize((cache.Bytes + compute.Bytes) / 64) : ByteSize.Zero;

    private static ByteSize CacheOf(ModelShape shape, Layout layout, FitSettings settings)
    {
        // Floating point, exact up to 8 PiB: absurd shapes and contexts must not wrap around.
        var elements = ((double)layout.Seeing * Padded(settings.Context)) + ((double)layout.Windowed * WindowCells(shape, settings));
        var bytes = settings.KvType switch
        {
            KvType.F16 => elements * F16,
            _ when settings.Family == EngineFamily.VllmLike => elements,
            KvType.Q8 => elements * 34 / 32,
            _ => elements * 18 / 32,
        };
        return new ByteSize((long)Math.Min((bytes + ((double)shape.RecurrentLayers * shape.RecurrentState * F32)) * settings.Parallel, Most));
    }

    /// <summary>
    /// The widest moment of the graph. Five activations of the stream are alive in it, and besides them the widest of attention,
    /// feed-forward, experts and logits; masks are inputs, one of each kind.
    /// </summary>
    private static (long Activations, long Inputs) ComputeOf(ModelShape shape, Layout layout, FitSettings settings)
    {
        long tokens = settings.Family == EngineFamily.VllmLike ? VllmBatch : settings.MicroBatch;
        long query = shape.QueryWidth;
        var attention = layout.Latent ? 5 * query / 2 : Math.Max(2 * query, query + layout.Key + (2L * Math.Max(layout.Key, layout.Value)));
        var scores = 0L;
        if (!settings.FlashAttention && shape.KeyWidths.Length > 0)
        {
            attention = Math.Max(attention, (2 * query) + layout.Key + layout.Value);
            scores = (long)shape.Heads * Padded(settings.Context) * tokens * F32;

            // V as a view of the latent has to be turned over first; any other V is kept that way.
            if (layout.Latent) scores += Padded(settings.Context) * layout.Key * F16;
        }

        // The output of the experts fits where two of their activations were, unless they are narrow.
        long expert = shape.ExpertFeedForward;
        var experts = shape.ExpertsUsed * ((3 * expert) + (shape.Embedding > 2 * expert ? shape.Embedding : 0));
        var recurrent = shape.RecurrentLayers == 0 ? 0 : 5L * shape.RecurrentWidth;
        var state = shape.RecurrentLayers == 0 ? 0 : shape.RecurrentState * F32 * (settings.Parallel + 1);
        var logits = (long)shape.Vocabulary * settings.Parallel * F32;
        var widest = Math.Max(Math.Max(3L * shape.FeedForward, experts), recurrent) * tokens * F32;
        widest = Math.Max(Math.Max(widest + state, (attention * tokens * F32) + scores), logits);
        var stream = 5L * shape.Embedding * tokens * F32;
        if (settings.Family == EngineFamily.VllmLike) return (stream + widest + logits, 0);
        if (shape.KeyWidths.Length == 0) return (stream + widest + logits, 0);
        var cells = Padded(settings.Context) + (shape.Window > 0 ? WindowCells(shape, settings) : 0);
        return (stream + widest + logits, cells * tokens * (settings.FlashAttention ? F16 : F32));
    }

    /// <summary>What lies where, when some of it is on devices.</summary>
    private static Split SplitOf(ModelShape shape, ByteSize weights, FitSettings settings)
    {
        var embedding = weights.Bytes * Math.Clamp(shape.EmbeddingShare, 0, 1);
        var output = shape.TiedEmbedding ? embedding : Math.Min(embedding, weights.Bytes - embedding);
        var blocks = Math.Max(0, weights.Bytes - embedding - (shape.TiedEmbedding ? 0 : output));
        var experts = Math.Min(blocks, weights.Bytes * Math.Clamp(shape.ExpertShare, 0, 1));
        var layers = Math.Max(1, shape.Layers);
        var asked = Math.Clamp(settings.GpuLayers ?? layers + 1, 0, layers + 1);

        // The output goes to the device first, then the layers from the last to the first.
        var moved = Math.Max(0, asked - 1);
        var share = (double)moved / layers;
        var first = layers - moved;
        var back = experts * Math.Clamp(Math.Min(settings.ExpertsOnHost, layers) - first, 0, moved) / layers;
        var device = (blocks * share) - back + (asked > 0 ? output : 0);
        var all = weights.Bytes + (shape.TiedEmbedding && asked > 0 ? embedding : 0);

        // Experts are three matrices; of a dense layer the largest matrix is about a quarter.
        var largest = experts > 0 ? experts / layers / 3 : blocks / layers / 4;
        return new Split(new ByteSize((long)device), new ByteSize((long)(all - device)), share, new ByteSize((long)largest)) { IsPartial = moved < layers || back > 0 };
    }

    private static long WindowCells(ModelShape shape, FitSettings settings) => Padded((int)Math.Min(settings.Context, (long)shape.Window + settings.MicroBatch));

    private static long Padded(int cells) => ((long)cells + ContextStep - 1) / ContextStep * ContextStep;

    /// <param name="Device">Weights on all devices together.</param>
    /// <param name="Host">Weights in host memory.</param>
    /// <param name="Share">Of the layers that are on devices.</param>
    /// <param name="LargestMatrix">Of those in host memory.</param>
    private sealed record Split(ByteSize Device, ByteSize Host, double Share, ByteSize LargestMatrix)
    {
        /// <summary>The host computes too.</summary>
        public bool IsPartial { get; init; }
    }

    /// <summary>Sums over the layers, made once.</summary>
    /// <param name="Seeing">Elements per token of the layers that see everything.</param>
    /// <param name="Windowed">Elements per token of the windowed layers.</param>
    /// <param name="Key">Widest K.</param>
    /// <param name="Value">Widest V.</param>
    private readonly record struct Layout(long Seeing, long Windowed, int Key, int Value)
    {
        public bool Latent => Key > 0 && Value == 0;

        public static Layout Of(ModelShape shape)
        {
            var (seeing, windowed, key, value) = (0L, 0L, 0, 0);
            for (var i = 0; i < shape.KeyWidths.Length; i++)
            {
                var elements = (long)shape.KeyWidths[i] + shape.ValueWidths[i];
                if (shape.IsWindowed(i)) windowed += elements;
                else seeing += elements;
                key = Math.Max(key, shape.KeyWidths[i]);
                value = Math.Max(value, shape.ValueWidths[i]);
            }

            return new Layout(seeing, windowed, key, value);
        }
    }
}

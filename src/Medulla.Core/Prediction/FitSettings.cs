using Medulla.Core.Units;

namespace Medulla.Core.Prediction;

/// <summary>Types of the KV cache's elements.</summary>
public enum KvType
{
    F16,

    /// <summary>8.5 bits (<c>q8_0</c>); 8 bits in engines that have fp8.</summary>
    Q8,

    /// <summary>4.5 bits (<c>q4_0</c>); as <see cref="Q8"/> in engines that have nothing smaller than fp8.</summary>
    Q4,
}

/// <summary>How an engine spends memory.</summary>
public enum EngineFamily
{
    /// <summary>Takes what it needs: weights, a cache for the context it is given, buffers of one micro-batch.</summary>
    LlamaCpp,

    /// <summary>vLLM, SGLang and their like: a CUDA context, compiled graphs, a paged cache, activations of thousands of tokens at once.</summary>
    VllmLike,
}

/// <summary>What decides, besides the model, how much memory an instance takes.</summary>
public sealed record FitSettings
{
    /// <summary>Tokens of one slot; 1 or more.</summary>
    public required int Context { get; init; }

    /// <summary>Slots; each has a cache for its own context.</summary>
    public int Parallel { get; init; } = 1;

    public KvType KvType { get; init; }

    /// <summary>Tokens worked on at once in a prefill (<c>--ubatch-size</c>).</summary>
    public int MicroBatch { get; init; } = 512;

    /// <summary>Without it the scores of all heads against the whole context are held at once, and V cannot be quantised.</summary>
    public bool FlashAttention { get; init; } = true;

    public EngineFamily Family { get; init; }

    /// <summary>Some layers may be on an accelerator. False: everything is in host memory.</summary>
    public bool HasGpu { get; init; }

    /// <summary>Devices that the layers are split over; 1 or more.</summary>
    public int Devices { get; init; } = 1;

    /// <summary>Layers on the devices, as <c>--n-gpu-layers</c> counts them: the output counts as one more layer; null for all.</summary>
    public int? GpuLayers { get; init; }

    /// <summary>Layers whose experts stay in host memory (<c>--n-cpu-moe</c>), from the first; <see cref="int.MaxValue"/> for all.</summary>
    public int ExpertsOnHost { get; init; }

    /// <summary>Device and host memory are one pool: then the need is never stated below what the engine reports.</summary>
    public bool Unified { get; init; }

    /// <summary>What the engine may keep in host memory of prompts that could come again (<c>--cache-ram</c>).</summary>
    public ByteSize PromptCache { get; init; }
}

using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>
/// What a device would be asked to do: a model in a quantisation, on an engine, on hardware, in one phase. Everything that is unknown is
/// null or empty; what is missing is assumed from the class and widens the interval.
/// </summary>
public sealed record Work
{
    /// <summary>Id of the hardware as the catalog's evidence names it, <c>rtx-3090</c> or <c>4x-rtx-3090</c>; null when it is none that anybody has measured.</summary>
    public string? Hardware { get; init; }

    /// <summary>One of nvidia-dgpu, nvidia-dc, nvidia-soc, amd-dgpu, amd-apu, apple, intel-gpu, npu, accel-cn, cpu; another is taken for a discrete GPU.</summary>
    public required string HardwareClass { get; init; }

    /// <summary>Identical devices that the model is split over.</summary>
    public int Devices { get; init; } = 1;

    /// <summary>Memory bandwidth of one device in GB/s (1e9), from its vendor.</summary>
    public double? BandwidthGBs { get; init; }

    /// <summary>Dense FP16 matrix throughput of one device in TFLOPS with FP32 accumulation, from its vendor.</summary>
    public double? Fp16Tflops { get; init; }

    /// <summary>FP32 vector throughput of one device in TFLOPS, without dual issue, from its vendor.</summary>
    public double? Fp32Tflops { get; init; }

    /// <summary>Such as <c>llama.cpp</c> or <c>vllm</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>Such as <c>cuda</c>, <c>rocm</c>, <c>vulkan-radv</c>, <c>metal</c>, <c>cpu</c>; empty when unknown.</summary>
    public string Backend { get; init; } = "";

    /// <summary>As the engine prints it, <c>b6077</c>; empty when unknown.</summary>
    public string EngineVersion { get; init; } = "";

    /// <summary>Options that change speed, as text: <c>fa=1 hipblaslt</c>.</summary>
    public string Options { get; init; } = "";

    /// <summary>The model's name in any spelling; a size in it (<c>8b</c>, <c>a3b</c>) is used when no other is known.</summary>
    public string Model { get; init; } = "";

    /// <summary>Id in the catalog, null when unknown.</summary>
    public string? ModelId { get; init; }

    /// <summary>All parameters, in 1e9.</summary>
    public double? ParametersB { get; init; }

    /// <summary>Parameters used for one token, in 1e9; null means all of them, unless the name says otherwise.</summary>
    public double? ActiveB { get; init; }

    /// <summary>Such as <c>Q4_K_M</c>, <c>MXFP4</c>, <c>FP8</c>.</summary>
    public string Quant { get; init; } = "";

    /// <summary>Size of the weights in GiB.</summary>
    public double? WeightsGiB { get; init; }

    /// <summary>Bytes of KV cache that one token of context takes.</summary>
    public double? KvBytesPerToken { get; init; }

    public required Phase Phase { get; init; }

    /// <summary>Tokens read or written.</summary>
    public int Tokens { get; init; } = 128;

    /// <summary>Tokens in the context before the first of <see cref="Tokens"/>.</summary>
    public int Depth { get; init; }

    /// <summary>Streams at the same time; speeds are the sum over them.</summary>
    public int Concurrency { get; init; } = 1;
}

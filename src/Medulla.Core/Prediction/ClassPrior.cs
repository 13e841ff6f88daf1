namespace Medulla.Core.Prediction;

/// <summary>
/// What a class of hardware is taken to do before anybody has measured it: shares of the vendor's figures, set by hand once and rounded.
/// The fit moves them where there is evidence.
/// </summary>
internal sealed record ClassPrior
{
    /// <summary>gpu, igpu, cpu or npu.</summary>
    public required string Kind { get; init; }

    public required string Vendor { get; init; }

    /// <summary>GB/s assumed when nobody says.</summary>
    public required double BandwidthGBs { get; init; }

    /// <summary>Share of the bandwidth at which weights are read.</summary>
    public required double Read { get; init; }

    /// <summary>The same for the experts of an MoE, as a share of <see cref="Read"/>.</summary>
    public double ReadExperts { get; init; } = 1;

    /// <summary>Share of the bandwidth at which the KV cache is read.</summary>
    public required double ReadContext { get; init; }

    /// <summary>Milliseconds per token of a 1B model that are neither reading nor arithmetic.</summary>
    public required double OverheadMs { get; init; }

    /// <summary>Operations per parameter of a 4-bit weight in decode, most of them unpacking.</summary>
    public required double Unpack { get; init; }

    /// <summary>FP32 vector TFLOPS per GB/s, when nobody says.</summary>
    public required double VectorPerGBs { get; init; }

    /// <summary>FP16 matrix TFLOPS per GB/s, when nobody says.</summary>
    public required double MatrixPerGBs { get; init; }

    /// <summary>FP16 matrix over FP32 vector TFLOPS, to know one from the other.</summary>
    public required double MatrixPerVector { get; init; }

    /// <summary>Share of the matrix TFLOPS that prefill reaches.</summary>
    public required double Compute { get; init; }

    /// <summary>Milliseconds per batch of prefill.</summary>
    public required double BatchMs { get; init; }

    /// <param name="bandwidthGBs">Of one device; null when unknown.</param>
    public static ClassPrior Of(string hardwareClass, double? bandwidthGBs = null) => hardwareClass switch
    {
        "nvidia-dc" when bandwidthGBs > 1400 => NvidiaHbm,
        "nvidia-dc" => NvidiaDc,
        "nvidia-soc" => NvidiaSoc,
        "amd-dgpu" => AmdDgpu,
        "amd-apu" => AmdApu,
        "apple" => Apple,
        "intel-gpu" => IntelGpu,
        "npu" => Npu,
        "accel-cn" => AccelCn,
        "cpu" => Cpu,
        _ => NvidiaDgpu,
    };

    private static readonly ClassPrior NvidiaDgpu = new()
    {
        Kind = "gpu",
        Vendor = "nvidia",
        BandwidthGBs = 500,
        Read = 0.95,
        ReadExperts = 0.82,
        ReadContext = 0.8,
        OverheadMs = 1,
        Unpack = 11,
        VectorPerGBs = 0.04,
        MatrixPerGBs = 0.08,
        MatrixPerVector = 2,
        Compute = 0.95,
        BatchMs = 4,
    };

    private static readonly ClassPrior NvidiaDc = NvidiaDgpu with { BandwidthGBs = 1500, VectorPerGBs = 0.02, MatrixPerGBs = 0.2, MatrixPerVector = 8, Compute = 0.7 };

    /// <summary>Stacked memory is faster than the kernels of one stream can ask for.</summary>
    private static readonly ClassPrior NvidiaHbm = NvidiaDc with { Read = 0.65 };

    private static readonly ClassPrior NvidiaSoc = NvidiaDgpu with { BandwidthGBs = 250, VectorPerGBs = 0.1, MatrixPerGBs = 0.22 };

    private static readonly ClassPrior AmdDgpu = NvidiaDgpu with { Vendor = "amd", ReadExperts = 1, OverheadMs = 2, VectorPerGBs = 0.032, MatrixPerGBs = 0.12, MatrixPerVector = 4, Compute = 0.45 };

    private static readonly ClassPrior AmdApu = AmdDgpu with { BandwidthGBs = 110, Unpack = 7, VectorPerGBs = 0.055, MatrixPerGBs = 0.23, Compute = 0.22 };

    private static readonly ClassPrior Apple = AmdDgpu with { Vendor = "apple", BandwidthGBs = 250, ReadContext = 0.5, OverheadMs = 3, Unpack = 7, VectorPerGBs = 0.03, MatrixPerGBs = 0.06, MatrixPerVector = 2, Compute = 0.42, BatchMs = 16 };

    private static readonly ClassPrior IntelGpu = AmdDgpu with { Kind = "igpu", Vendor = "intel", BandwidthGBs = 200, Read = 0.7, ReadContext = 0.5, OverheadMs = 6, VectorPerGBs = 0.03, MatrixPerGBs = 0.15, MatrixPerVector = 4, Compute = 0.2, BatchMs = 20 };

    private static readonly ClassPrior Npu = AmdDgpu with { Kind = "npu", Vendor = "npu", BandwidthGBs = 25, Read = 0.8, ReadContext = 0.3, OverheadMs = 9, Unpack = 6, VectorPerGBs = 0.03, MatrixPerGBs = 0.1, Compute = 0.3, BatchMs = 80 };

    private static readonly ClassPrior AccelCn = Npu with { BandwidthGBs = 60, VectorPerGBs = 0.02, BatchMs = 20 };

    private static readonly ClassPrior Cpu = AmdDgpu with { Kind = "cpu", Vendor = "cpu", BandwidthGBs = 90, Read = 0.7, ReadContext = 0.3, OverheadMs = 1, Unpack = 1.6, VectorPerGBs = 0.012, MatrixPerGBs = 0.015, MatrixPerVector = 1.25, Compute = 0.65, BatchMs = 20 };
}

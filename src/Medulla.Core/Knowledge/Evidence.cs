namespace Medulla.Core.Knowledge;

/// <summary>What is known of the speed of one hardware: a file of <c>catalog/evidence</c>.</summary>
public sealed record Evidence
{
    /// <summary>Such as <c>rtx-3090</c>, or <c>4x-rtx-3090</c> for four of them in one machine.</summary>
    public required string Hardware { get; init; }

    /// <summary>Such as <c>nvidia-dgpu</c> or <c>cpu</c>.</summary>
    public required string Class { get; init; }

    /// <summary>Identical devices, 1 or more.</summary>
    public required int Devices { get; init; }

    /// <summary>GB/s (1e9) of one device, from its vendor; null when unknown.</summary>
    public double? BandwidthGBs { get; init; }

    /// <summary>Dense FP16 matrix TFLOPS of one device, from its vendor; null when unknown.</summary>
    public double? Fp16Tflops { get; init; }

    /// <summary>FP32 vector TFLOPS of one device without dual issue, from its vendor; null when unknown.</summary>
    public double? Fp32Tflops { get; init; }

    public required ImmutableArray<EvidenceRun> Runs { get; init; }
}

/// <summary>Speeds of one model on one engine, and who says so: a closed family. A claim never counts as a measurement.</summary>
public abstract record EvidenceRun
{
    private EvidenceRun()
    {
    }

    /// <summary>Who published it.</summary>
    public required string By { get; init; }

    /// <summary>Where in that source; empty when it has one place only.</summary>
    public string Where { get; init; } = "";

    public required string Engine { get; init; }

    /// <summary>Such as <c>cuda</c>; empty when the source does not say.</summary>
    public string Backend { get; init; } = "";

    /// <summary>The engine's version as the source names it; empty when it does not.</summary>
    public string Version { get; init; } = "";

    public required EvidenceModel Model { get; init; }

    /// <summary>The source's label; empty when it has none.</summary>
    public string Quant { get; init; } = "";

    /// <summary>GiB of weights as reported; null when they are not.</summary>
    public double? WeightsGiB { get; init; }

    /// <summary>True when a draft or MTP head guessed ahead: such speeds are not those of decode.</summary>
    public bool Speculative { get; init; }

    /// <summary>Why it is in quarantine: kept, and used for nothing. Empty when it is not.</summary>
    public string Suspect { get; init; } = "";

    /// <summary>Options and remarks of the source.</summary>
    public string Notes { get; init; } = "";

    public required ImmutableArray<EvidencePoint> Points { get; init; }

    /// <summary>Somebody ran it.</summary>
    public sealed record Measured : EvidenceRun
    {
        /// <summary>How often each point was repeated; null when the source does not say.</summary>
        public int? Repetitions { get; init; }

        /// <summary>Standard deviation over the repetitions as a share of the speed; null when the source does not say.</summary>
        public double? Spread { get; init; }
    }

    /// <summary>A vendor or author says so, and nobody showed the run.</summary>
    public sealed record Claimed : EvidenceRun;
}

/// <summary>A model as a source of evidence names it.</summary>
/// <param name="Name">The source's name.</param>
/// <param name="Id">Id in the catalog; null when it is not there.</param>
/// <param name="ParametersB">All parameters in 1e9; null when unknown.</param>
/// <param name="ActiveB">Parameters used for one token in 1e9; null when that is all of them, or unknown.</param>
/// <param name="KvBytesPerToken">Bytes of f16 KV cache per token of context; null when unknown.</param>
public sealed record EvidenceModel(string Name, string? Id, double? ParametersB, double? ActiveB, double? KvBytesPerToken);

/// <summary>One speed.</summary>
/// <param name="IsDecode">True for tokens written (<c>tg</c>), false for tokens read (<c>pp</c>).</param>
/// <param name="Tokens">Tokens read or written; null when the source does not say.</param>
/// <param name="Depth">Tokens in the context before.</param>
/// <param name="Concurrency">Streams at the same time.</param>
/// <param name="TokensPerSecond">Sum over all streams, above 0.</param>
public sealed record EvidencePoint(bool IsDecode, int? Tokens, int Depth, int Concurrency, double TokensPerSecond);

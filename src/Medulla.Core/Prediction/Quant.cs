namespace Medulla.Core.Prediction;

/// <summary>A quantisation as its label tells it.</summary>
/// <param name="Family">Labels that behave alike share one.</param>
/// <param name="Bits">Bits per weight, scales included.</param>
/// <param name="Unpack">Work to unpack one weight, that of Q4_K being 1.</param>
internal sealed record Quant(string Family, double Bits, double Unpack)
{
    private static readonly Quant Unknown = new("other", 5, 1);

    /// <summary>The first whose label is in the text; longer labels come before those they contain.</summary>
    private static readonly (string Label, Quant Quant)[] Known =
    [
        ("BF16", new("bf16", 16, 0.4)),
        ("F16", new("f16", 16, 0.4)),
        ("FP16", new("f16", 16, 0.4)),
        ("NVFP4", new("nvfp4", 4.5, 0.6)),
        ("MXFP4", new("mxfp4", 4.25, 0.8)),
        ("FP8", new("fp8", 8, 0.5)),
        ("Q8_K", new("q8xl", 9, 0.6)),
        ("Q8", new("q8", 8.5, 0.7)),
        ("INT8", new("q8", 8, 0.7)),
        ("W8", new("q8", 8, 0.7)),
        ("8BIT", new("q8", 8.5, 0.7)),
        ("8-BIT", new("q8", 8.5, 0.7)),
        ("IQ4_NL", new("iq4", 4.5, 1.1)),
        ("IQ4", new("iq4", 4.3, 1.1)),
        ("IQ3", new("iq3", 3.06, 1.6)),
        ("IQ2_M", new("iq2", 2.7, 1.8)),
        ("IQ2", new("iq2", 2.1, 1.8)),
        ("IQ1_M", new("iq1", 1.85, 1.8)),
        ("IQ1", new("iq1", 1.7, 1.8)),
        ("Q6_K_XL", new("q6", 6.9, 1.1)),
        ("Q6", new("q6", 6.56, 1.1)),
        ("Q5", new("q5", 5.7, 1.1)),
        ("Q4_0", new("q4_0", 4.55, 0.8)),
        ("Q4_1", new("q4_0", 5, 0.8)),
        ("MQ4", new("w4", 4.25, 0.7)),
        ("Q4_K_XL", new("q4k", 4.9, 1)),
        ("Q4_K_L", new("q4k", 4.95, 1)),
        ("Q4_K_S", new("q4k", 4.58, 1)),
        ("Q4", new("q4k", 4.85, 1)),
        ("Q3_K_S", new("q3", 3.5, 1.2)),
        ("Q3_K_XL", new("q3", 4, 1.2)),
        ("Q3", new("q3", 3.9, 1.2)),
        ("Q2_0", new("q2", 2.1, 1.3)),
        ("Q2", new("q2", 3, 1.3)),
        ("Q1", new("q1", 1.1, 1)),
        ("W4A16_G128", new("w4", 4.13, 0.7)),
        ("W4A16", new("w4", 4, 0.7)),
        ("GPTQ", new("w4", 4.25, 0.7)),
        ("AWQ", new("w4", 4.25, 0.7)),
        ("INT4", new("w4", 4.25, 0.7)),
        ("4", new("w4", 4.5, 0.7)),
    ];

    public static Quant Of(string label)
    {
        var upper = label.ToUpperInvariant();
        foreach (var (known, quant) in Known)
        {
            if (upper.Contains(known, StringComparison.Ordinal)) return quant;
        }

        return Unknown;
    }
}

namespace Medulla.Artifacts.Headers;

/// <param name="Elements">Of one block.</param>
/// <param name="Bytes">Of one block.</param>
internal readonly record struct GgufType(string Name, int Elements, int Bytes);

/// <summary>Numbers of GGUF and what they mean. Source: ggml.h and llama.h of ggml-org/llama.cpp.</summary>
internal static class GgufTypes
{
    /// <summary>A tensor's type; null for one that is not known here.</summary>
    public static GgufType? Of(uint number) => number switch
    {
        0 => new("F32", 1, 4),
        1 => new("F16", 1, 2),
        2 => new("Q4_0", 32, 18),
        3 => new("Q4_1", 32, 20),
        6 => new("Q5_0", 32, 22),
        7 => new("Q5_1", 32, 24),
        8 => new("Q8_0", 32, 34),
        9 => new("Q8_1", 32, 36),
        10 => new("Q2_K", 256, 84),
        11 => new("Q3_K", 256, 110),
        12 => new("Q4_K", 256, 144),
        13 => new("Q5_K", 256, 176),
        14 => new("Q6_K", 256, 210),
        15 => new("Q8_K", 256, 292),
        16 => new("IQ2_XXS", 256, 66),
        17 => new("IQ2_XS", 256, 74),
        18 => new("IQ3_XXS", 256, 98),
        19 => new("IQ1_S", 256, 50),
        20 => new("IQ4_NL", 32, 18),
        21 => new("IQ3_S", 256, 110),
        22 => new("IQ2_S", 256, 82),
        23 => new("IQ4_XS", 256, 136),
        24 => new("I8", 1, 1),
        25 => new("I16", 1, 2),
        26 => new("I32", 1, 4),
        27 => new("I64", 1, 8),
        28 => new("F64", 1, 8),
        29 => new("IQ1_M", 256, 56),
        30 => new("BF16", 1, 2),
        34 => new("TQ1_0", 256, 54),
        35 => new("TQ2_0", 256, 66),
        39 => new("MXFP4", 32, 17),
        40 => new("NVFP4", 64, 36),
        _ => null,
    };

    /// <summary>Name of a <c>general.file_type</c>; null for one that is not known here.</summary>
    public static string? FileType(long number) => number switch
    {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4",
        _ => null,
    };

    /// <summary>Every how many layers one sees everything, where the architecture decides it and not the file; 0 where all do.</summary>
    public static int FullEvery(string architecture) => architecture switch
    {
        "gemma2" or "gpt-oss" => 2,
        "cohere2" or "exaone4" or "exaone-moe" or "olmo2" or "llama4" or "afmoe" or "smallthinker" => 4,
        "gemma3n" => 5,
        "gemma3" => 6,
        _ => 0,
    };
}

namespace Medulla.Core.Prediction;

/// <summary>Makers' generations as the ids of hardware tell them; empty when they do not.</summary>
internal static class Generation
{
    private static readonly (string Prefix, string Generation)[] Prefixes =
    [
        ("gb", "blackwell"), ("rtx-50", "blackwell"), ("b200", "blackwell"), ("b300", "blackwell"),
        ("rtx-40", "ada"), ("l40", "ada"), ("l4", "ada"), ("rtx-30", "ampere"), ("rtx-a", "ampere"), ("a100", "ampere"), ("a40", "ampere"), ("a30", "ampere"), ("a10", "ampere"),
        ("h100", "hopper"), ("h200", "hopper"), ("h20", "hopper"), ("h800", "hopper"), ("rtx-20", "turing"), ("gtx-16", "turing"), ("t4", "turing"), ("gtx", "pascal"), ("tesla-p", "pascal"),
        ("rx-4", "gcn"), ("rx-5", "gcn"), ("mi50", "gcn"), ("rx-6", "rdna2"), ("w6", "rdna2"), ("rx-7", "rdna3"), ("w7", "rdna3"), ("pro-w7", "rdna3"), ("strix", "rdna3.5"), ("radeon-8", "rdna3.5"),
        ("rx-9", "rdna4"), ("ai-pro-r9", "rdna4"), ("m1", "m1"), ("m2", "m2"), ("m3", "m3"), ("m4", "m4"), ("m5", "m5"),
    ];

    /// <param name="hardware">Id of one device, without a count.</param>
    public static string Of(string hardware)
    {
        if (hardware.Contains("blackwell", StringComparison.Ordinal)) return "blackwell";
        if (hardware.EndsWith("-ada", StringComparison.Ordinal)) return "ada";
        foreach (var (prefix, generation) in Prefixes)
        {
            if (hardware.StartsWith(prefix, StringComparison.Ordinal)) return generation;
        }

        return "";
    }
}

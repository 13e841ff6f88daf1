namespace Medulla.Core.Prediction;

/// <summary>
/// Bytes of f16 cache per token of context of families whose name tells it, from their published configurations: latent attention, hybrids and
/// sliding windows keep a tenth of what a dense model of their size keeps. Only layers that see everything count.
/// </summary>
internal static class KnownCache
{
    /// <summary>The first whose every part is in the name; narrower ones come before those they contain.</summary>
    private static readonly (string[] Parts, double Bytes)[] Known =
    [
        (["lfm2", "2.6b"], 16_384), (["lfm2"], 12_288),
        (["nemotron-3-super"], 8_192), (["nemotron-3-nano-4b"], 16_384), (["nemotron-3-nano"], 6_144), (["nemotron-cascade-2"], 6_144),
        (["trinity-mini"], 16_384),
        (["minimax-m2"], 253_952),
        (["glm-4.7-flash"], 54_144), (["glm-4.5-air"], 188_416), (["glm-4.6v-flash"], 163_840), (["glm-4.6"], 376_832), (["glm-4.7"], 376_832),
        (["deepseek", "v4-flash"], 6_000), (["deepseek", "v2-lite"], 31_104), (["deepseek-r1-671b"], 70_272), (["deepseek-v3"], 70_272),
        (["hunyuan-a13b"], 131_072), (["dots.llm1"], 1_015_808),
        (["llama-2-7b"], 524_288), (["llama-3-8b"], 131_072), (["llama-3-70b"], 327_680), (["llama-3.1-8b"], 131_072), (["llama-3.2-1b"], 32_768), (["llama-3.2-3b"], 114_688),
        (["qwen2.5", "0.5b"], 12_288), (["qwen2.5", "1.5b"], 28_672), (["qwen2.5", "14b"], 196_608), (["qwen2.5", "32b"], 262_144), (["qwen2.5", "3b"], 36_864), (["qwen2.5", "7b"], 57_344),
        (["qwen3.5-0.8b"], 12_288), (["qwen3.5-2b"], 12_288), (["qwen3.5-4b"], 32_768), (["qwen3.5-9b"], 32_768), (["qwen3.6-27b"], 65_536), (["qwen3.5-27b"], 65_536), (["qwen3.8-27b"], 65_536),
        (["qwen3.6-35b"], 20_480), (["qwen3.5-35b"], 20_480), (["qwen3-next"], 24_576), (["qwen3-coder-next"], 24_576),
        (["qwen3-14b"], 163_840), (["qwen3-8b"], 147_456), (["qwen3-4b"], 147_456), (["qwen3-0.6b"], 114_688), (["qwen3-1.7b"], 114_688),
        (["gemma-3-27b"], 81_920), (["gemma-3-12b"], 65_536), (["gemma-3-4b"], 20_480), (["gemma-3-1b"], 4_096), (["gemma-3-270m"], 3_072),
        (["gemma", "4-26b"], 20_480), (["gemma-4-31b"], 81_920), (["gemma", "e2b"], 6_144), (["gemma", "e4b"], 16_384),
        (["phi-4-mini"], 131_072), (["phi-4"], 204_800), (["phi-3.5-mini"], 393_216),
        (["ministral-3-14b"], 163_840), (["ministral-3-8b"], 139_264), (["ministral-3-3b"], 106_496), (["mistral-small"], 163_840), (["devstral"], 163_840), (["mistral-7b"], 131_072),
        (["smollm2-135m"], 23_040), (["smollm2-360m"], 40_960), (["smollm2-1.7b"], 196_608), (["smollm3"], 73_728),
    ];

    /// <summary>Null when the name tells nothing.</summary>
    public static double? Of(string name)
    {
        if (name.Length == 0) return null;
        var lower = name.ToLowerInvariant();
        foreach (var (parts, bytes) in Known)
        {
            if (Array.TrueForAll(parts, p => lower.Contains(p, StringComparison.Ordinal))) return bytes;
        }

        return null;
    }
}

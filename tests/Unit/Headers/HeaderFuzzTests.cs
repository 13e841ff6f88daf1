using System.Diagnostics;
using System.Globalization;
using Medulla.Artifacts.Headers;
using Medulla.Core.Prediction;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Unit.Headers;

/// <summary>
/// Headers that were changed at random: each is read, or refused with <see cref="HeaderException"/>, in little memory and
/// time; and what is read can be asked what it needs. <c>MEDULLA_SEED=N</c> replays one, <c>MEDULLA_LONG=1</c> plays 50 times as many.
/// </summary>
public sealed class HeaderFuzzTests
{
    private const long MostAllocated = 4 << 20;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(2);
    private static readonly int Rounds = Environment.GetEnvironmentVariable("MEDULLA_LONG") == "1" ? 500_000 : 10_000;

    /// <summary>Values at which readers break.</summary>
    private static readonly ulong[] Edges = [0, 1, 8, 9, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1UL << 46, 1UL << 60, long.MaxValue, 1UL << 63, ulong.MaxValue, ulong.MaxValue - 31];

    [Fact]
    public void Changed_gguf_headers_are_read_or_refused()
    {
        var real = File.ReadAllBytes(Path.Combine(Repository.Root, "models", "tinychat-s.q8_0.gguf"));
        byte[][] seeds =
        [
            real[..24_000], // the header and the beginning of the tensors
            SmallOf("latent"),
            SmallOf("hybrid"),
            SmallOf("window-sinks"),
            Hostile.Model(2).Tensor("blk.0.attn_k.weight", 99, 0, 32, 64).Tensor("output_norm.weight", 0, 4096, 32).Raw(new byte[64]).ToArray(),
        ];
        Fuzz(seeds, bytes => ModelHeader.Read(new MemoryStream(bytes), null));
    }

    [Fact]
    public void Changed_safetensors_headers_are_read_or_refused()
    {
        var tensors = Enumerable.Range(0, 40).Select(i => string.Create(CultureInfo.InvariantCulture, $$""" "model.layers.{{i}}.mlp.experts.{{i}}.up_proj.weight":{"dtype":"BF16","shape":[4,{{i + 1}}],"data_offsets":[{{4 * i * (i + 1)}},{{4 * (i + 1) * (i + 2)}}]} """));
        var json = $$"""{"__metadata__":{"format":"pt","a":"b"},{{string.Join(',', tensors)}}}""";
        byte[][] seeds = [Hostile.Safetensors(json, 4 * 40 * 41), Hostile.Safetensors("{}"), Hostile.Safetensors("""{"t":{"dtype":"F4","shape":[],"data_offsets":[0,1]}}""", 1)];
        Fuzz(seeds, bytes => ModelHeader.Read(new MemoryStream(bytes), bytes.Length));
    }

    [Fact]
    public void Changed_configurations_are_read_or_refused()
    {
        var seed = """{"model_type":"x","num_hidden_layers":8,"hidden_size":64,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":16,"kv_lora_rank":32,"qk_rope_head_dim":16,"intermediate_size":128,"sliding_window":64,"sliding_window_pattern":4,"layer_types":["full_attention","mamba","conv"],"mamba_n_heads":4,"mamba_d_state":16,"num_experts":8,"num_experts_per_tok":2,"n_shared_experts":1,"vocab_size":100,"max_position_embeddings":4096,"text_config":{}}"""u8.ToArray();
        Fuzz([seed], bytes => ModelConfig.Read(bytes) is { } shape ? Empty with { Shape = shape } : Empty);
    }

    private static ModelHeader Empty { get; } = new() { Shape = null, Name = null, Quant = "", Parameters = 0, ActiveParameters = 0, Weights = default, ExpertWeights = default, BytesByType = new Dictionary<string, long>(StringComparer.Ordinal) };

    private static byte[] SmallOf(string name) => (SyntheticGguf.Shapes.Single(s => s.Name == name) with { Vocabulary = 300 }).Header();

    private static void Fuzz(byte[][] seeds, Func<byte[], ModelHeader> read)
    {
        var one = Environment.GetEnvironmentVariable("MEDULLA_SEED") is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : (int?)null;
        var (whole, refused) = (0, 0);
        foreach (var seed in seeds) _ = read(seed);
        for (var round = one ?? 0; round < (one + 1 ?? Rounds); round++)
        {
            var bytes = Changed(seeds[round % seeds.Length], new Random(round));
            var (before, clock) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.GetTimestamp());
            try
            {
                var header = read(bytes);
                whole++;
                if (header.Shape is { } shape) Ask(shape, header);
            }
            catch (HeaderException e)
            {
                refused++;
                Assert.False(string.IsNullOrWhiteSpace(e.Message));
            }
            catch (Exception e)
            {
                Assert.Fail($"MEDULLA_SEED={round}: {e}");
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MostAllocated + (16L * bytes.Length), $"MEDULLA_SEED={round}: {allocated} bytes were allocated for a header of {bytes.Length}");
            Assert.True(Stopwatch.GetElapsedTime(clock) < MostTime, $"MEDULLA_SEED={round}: it took {Stopwatch.GetElapsedTime(clock)}");
        }

        // A fuzzer whose every input is refused at the door finds nothing.
        if (one is null) Assert.True(whole > Rounds / 50 && refused > Rounds / 50, $"{whole} were read and {refused} refused");
    }

    /// <summary>Whatever a header says, its needs are positive and do not wrap around.</summary>
    private static void Ask(Medulla.Core.Knowledge.ModelShape shape, ModelHeader header)
    {
        var need = MemoryFit.Of(shape, header.Weights, new FitSettings { Context = shape.ContextMax, Parallel = 4, FlashAttention = false });
        Assert.True(need.Cache.Bytes >= 0 && need.Compute.Bytes >= 0 && need.Total.Bytes > 0, $"{need}");
    }

    private static byte[] Changed(byte[] seed, Random random)
    {
        var bytes = (byte[])seed.Clone();
        var changes = random.Next(1, 5);
        for (var i = 0; i < changes; i++)
        {
            if (bytes.Length < 9) return bytes;

            // Most of the structure is at the beginning.
            var at = random.Next(2) == 0 ? random.Next(Math.Min(bytes.Length - 8, 600)) : random.Next(bytes.Length - 8);
            switch (random.Next(7))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), Edges[random.Next(Edges.Length)]);
                    break;
                case 3:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), (uint)Edges[random.Next(Edges.Length)]);
                    break;
                case 4:
                    bytes = bytes[..at];
                    break;
                case 5:
                    var length = random.Next(1, Math.Min(64, bytes.Length - at));
                    bytes = [.. bytes[..(at + length)], .. bytes[at..]]; // a piece twice
                    break;
                default:
                    var gone = random.Next(1, Math.Min(64, bytes.Length - at));
                    bytes = [.. bytes[..at], .. bytes[(at + gone)..]];
                    break;
            }
        }

        return bytes;
    }
}

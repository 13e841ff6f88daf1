using Medulla.Artifacts.Headers;
using Medulla.Core.Units;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Unit.Headers;

public sealed class GgufHeaderTests
{
    [Fact]
    public void A_real_model_says_what_it_is()
    {
        var header = ModelHeader.Read(Path.Combine(Repository.Root, "models", "tinychat-s.q8_0.gguf"));
        Assert.Equal("tinychat-S", header.Name);
        Assert.Equal("Q8_0", header.Quant);
        Assert.True(header.HasTemplate);
        Assert.InRange(header.Parameters, 500_000, 510_000);
        Assert.Equal(header.Parameters, header.ActiveParameters);
        var shape = header.Shape!;
        Assert.Equal(("llama", 96, 4, 512, 1024), (shape.Architecture, shape.Embedding, shape.Layers, shape.Vocabulary, shape.ContextMax));
        Assert.Equal([48, 48, 48, 48], shape.KeyWidths);
        Assert.Equal(4 * 96 * 2, shape.KvBytesPerToken);
        Assert.Equal(256, shape.FeedForward);
    }

    [Fact]
    public void Grouped_queries_keep_less_than_they_ask()
    {
        var shape = Shape("gqa-8b");
        Assert.Equal(128 << 10, shape.KvBytesPerToken);
        Assert.Equal((4096, 14336, 128256), (shape.QueryWidth, shape.FeedForward, shape.Vocabulary));
    }

    [Fact]
    public void Experts_are_told_from_the_rest()
    {
        var header = Header("moe");
        var shape = header.Shape!;
        Assert.Equal((128, 8, 768, 0), (shape.Experts, shape.ExpertsUsed, shape.ExpertFeedForward, shape.FeedForward));
        Assert.InRange(shape.ExpertShare, 0.9, 0.99);
        Assert.Equal(12L * 3 * 2048 * 768 * 128 / 256 * 144, header.ExpertWeights.Bytes);
        Assert.Equal(header.Parameters - (12L * 3 * 2048 * 768 * 120), header.ActiveParameters);
    }

    [Fact]
    public void One_layer_in_six_sees_everything_and_the_others_a_window()
    {
        var shape = Shape("window");
        Assert.Equal(1024, shape.Window);
        Assert.Equal([5, 11, 17, 23, 29], Enumerable.Range(0, 34).Where(l => !shape.IsWindowed(l)));
        Assert.True(shape.TiedEmbedding);
    }

    [Fact]
    public void A_latent_is_kept_once_for_all_heads()
    {
        var shape = Shape("latent");
        Assert.Equal(Enumerable.Repeat(576, 12), shape.KeyWidths);
        Assert.Equal(0, shape.ValueWidths.Sum());
        Assert.Equal((11264, 1536), (shape.FeedForward, shape.ExpertFeedForward));
    }

    [Theory]
    [InlineData("hybrid", 4, 36)]
    [InlineData("linear", 3, 9)]
    [InlineData("state", 0, 24)]
    public void Layers_with_a_state_keep_no_context(string name, int attending, int recurrent)
    {
        var shape = Shape(name);
        Assert.Equal((attending, recurrent), (shape.KeyWidths.Length, shape.RecurrentLayers));
        Assert.True(shape.RecurrentState > 128 * 4096);
    }

    [Fact]
    public void A_model_in_parts_is_read_as_one()
    {
        using var folder = new Folder();
        Split(folder, "m-00001-of-00002.gguf", 2, withKeys: true);
        Split(folder, "m-00002-of-00002.gguf", 2, withKeys: false);
        var header = ModelHeader.Read(folder["m-00001-of-00002.gguf"]);
        Assert.Equal((2, 2 * 32 * 64L), (header.Files, header.Parameters));
        Assert.Equal(new ByteSize(2 * 32 * 64 * 4), header.Weights);
    }

    [Fact]
    public void The_first_part_of_a_model_must_be_named_as_one()
    {
        using var folder = new Folder();
        Split(folder, "m.gguf", 2, withKeys: true);
        Assert.Contains("not named as the first", Assert.Throws<HeaderException>(() => ModelHeader.Read(folder["m.gguf"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_type_from_the_future_takes_what_lies_between_it_and_the_next()
    {
        var bytes = Hostile.Model(2).Tensor("blk.0.attn_k.weight", 99, 0, 32, 64).Tensor("output_norm.weight", 0, 4096, 32).Raw(new byte[32]).ToArray();
        var header = ModelHeader.Read(new MemoryStream(bytes), null);
        Assert.Equal(4096, header.BytesByType["type 99"]);
        Assert.Equal("type 99", header.Quant);
    }

    [Fact]
    public void A_file_whose_tensors_are_not_all_there_is_cut_off()
    {
        var bytes = Hostile.Model(1).Tensor("output.weight", 0, 0, 32, 64).Raw(new byte[64]).ToArray();
        Assert.Contains("cut off", Refused(bytes), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_claim_that_cannot_be_true_is_refused_at_once(string what, byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = Refused(bytes);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20, $"{what}: it cost {GC.GetAllocatedBytesForCurrentThread() - before} bytes");
        Assert.False(string.IsNullOrEmpty(message), what);
    }

    public static TheoryData<string, byte[]> Lies() => new()
    {
        { "2^60 tensors", Hostile.Gguf(1UL << 60, 0).ToArray() },
        { "all the tensors there can be", Hostile.Gguf(1UL << 17, 0).ToArray() },
        { "2^60 keys", Hostile.Gguf(0, 1UL << 60).ToArray() },
        { "all the keys there can be", Hostile.Gguf(0, 1UL << 16).ToArray() },
        { "version 9", Hostile.Gguf(0, 0, version: 9).ToArray() },
        { "no architecture", Hostile.Gguf(0, 0).ToArray() },
        { "a key of 2^63 bytes", Hostile.Gguf(0, 1).U64(1UL << 63).ToArray() },
        { "a key of 64 MiB", Hostile.Gguf(0, 1).U64(64 << 20).ToArray() },
        { "a text of 2^62 bytes", Hostile.Gguf(0, 1).Text("k").U32(8).U64(1UL << 62).ToArray() },
        { "an array of 2^61 numbers", Hostile.Gguf(0, 1).Text("k").U32(9).U32(4).U64(1UL << 61).ToArray() },
        { "an array of 2^24 numbers", Hostile.Gguf(0, 1).Text("k").U32(9).U32(4).U64(1UL << 24).ToArray() },
        { "an array of 2^24 texts", Hostile.Gguf(0, 1).Text("k").U32(9).U32(8).U64(1UL << 24).ToArray() },
        { "an array of arrays", Hostile.Gguf(0, 1).Text("k").U32(9).U32(9).U64(2).U32(9).U64(2).ToArray() },
        { "a value of no type", Hostile.Gguf(0, 1).Text("k").U32(77).ToArray() },
        { "no dimensions", Hostile.Model(1).Tensor("t", 0, 0).ToArray() },
        { "nine dimensions", Hostile.Model(1).Tensor("t", 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1).ToArray() },
        { "dimensions whose product is 0 after wrapping", Hostile.Model(1).Tensor("t", 0, 0, 1UL << 32, 1UL << 32).ToArray() },
        { "a dimension of 2^64 - 1", Hostile.Model(1).Tensor("t", 0, 0, ulong.MaxValue).ToArray() },
        { "an empty tensor", Hostile.Model(1).Tensor("t", 0, 0, 0).ToArray() },
        { "an offset that wraps", Hostile.Model(1).Tensor("t", 0, ulong.MaxValue - 16, 32).ToArray() },
        { "a type that is unknown, and last", Hostile.Model(1).Tensor("t", 99, 1 << 20, 32).ToArray() },
        { "2^31 layers", Hostile.Gguf(0, 3).Text("general.architecture").U32(8).Text("llama").Text("llama.block_count").U32(4).U32(1U << 31).Text("llama.embedding_length").U32(4).U32(32).ToArray() },
        { "a split into 2^16 files", Hostile.Gguf(0, 2).Text("general.architecture").U32(8).Text("llama").Text("split.count").U32(2).Raw([0xFF, 0xFF]).ToArray() },
        { "nothing", [] },
        { "three bytes", [1, 2, 3] },
        { "a web page", "<!DOCTYPE html><html><body>404</body></html>"u8.ToArray() },
    };

    private static ModelHeader Header(string name) => ModelHeader.Read(new MemoryStream(SyntheticGguf.Shapes.Single(s => s.Name == name).Header()), null);

    private static Medulla.Core.Knowledge.ModelShape Shape(string name) => Header(name).Shape!;

    private static string Refused(byte[] bytes) => Assert.Throws<HeaderException>(() => ModelHeader.Read(new MemoryStream(bytes), bytes.Length)).Message;

    private static void Split(Folder folder, string name, ushort count, bool withKeys)
    {
        var gguf = withKeys
            ? Hostile.Gguf(1, 4).Text("general.architecture").U32(8).Text("llama").Text("llama.block_count").U32(4).U32(1).Text("llama.embedding_length").U32(4).U32(32).Text("split.count").U32(2).Raw([(byte)count, 0])
            : Hostile.Gguf(1, 1).Text("split.count").U32(2).Raw([(byte)count, 0]);
        File.WriteAllBytes(folder[name], gguf.Tensor("blk.0.ffn_up.weight", 0, 0, 32, 64).Raw(new byte[(32 * 64 * 4) + 32]).ToArray());
    }
}

using System.Text;
using Medulla.Artifacts.Headers;
using Medulla.Core.Units;

namespace Medulla.Tests.Unit.Headers;

public sealed class SafetensorsHeaderTests
{
    private const string Two = """{"__metadata__":{"format":"pt"},"model.embed_tokens.weight":{"dtype":"BF16","shape":[100,8],"data_offsets":[0,1600]},"model.layers.0.mlp.experts.3.up_proj.weight":{"dtype":"F8_E4M3","shape":[8,50],"data_offsets":[1600,2000]}}""";

    [Fact]
    public void Tensors_are_summed_by_type()
    {
        var header = Read(Hostile.Safetensors(Two, 2000));
        Assert.Equal((1200, new ByteSize(2000), new ByteSize(400), "BF16"), (header.Parameters, header.Weights, header.ExpertWeights, header.Quant));
        Assert.Null(header.Shape);
    }

    [Fact]
    public void Config_and_index_beside_it_are_read_too()
    {
        using var folder = new Folder();
        File.WriteAllBytes(folder["model-00001-of-00004.safetensors"], Hostile.Safetensors(Two, 2000));
        File.WriteAllText(folder["model.safetensors.index.json"], """{"metadata":{"total_size":8000},"weight_map":{}}""");
        File.WriteAllText(folder["config.json"], """{"model_type":"qwen3_moe","num_hidden_layers":2,"hidden_size":8,"num_attention_heads":2,"num_key_value_heads":1,"head_dim":16,"num_experts":8,"num_experts_per_tok":2,"moe_intermediate_size":50,"intermediate_size":64,"vocab_size":100,"max_position_embeddings":4096}""");
        var header = ModelHeader.Read(folder["model-00001-of-00004.safetensors"]);
        Assert.Equal(new ByteSize(8000), header.Weights);
        Assert.Equal([16, 16], header.Shape!.KeyWidths);
        Assert.Equal((0, 50, 0.2), (header.Shape.FeedForward, header.Shape.ExpertFeedForward, header.Shape.ExpertShare));
        Assert.Equal(4800 - (4800 * 0.2 * 0.75), header.ActiveParameters, 1.0);
    }

    [Theory]
    [InlineData("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "in 4 bytes")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,4]}}""", "more elements")]
    [InlineData("""{"t":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "not believed")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}""", "not believed")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "from where to where")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", "from where to where")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[40,44]}}""", "cut off")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"u":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", "both claim")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1]}}""", "no type, shape or place")]
    [InlineData("""{"t":{"dtype":7,"shape":[1],"data_offsets":[0,4]}}""", "not what safetensors have")]
    [InlineData("""{"t":[[[[[[[[[[[[1]]]]]]]]]]]]}""", "not an object")]
    [InlineData("""{"t":{"x":[[[[[[[[[[[[1]]]]]]]]]]]]}}""", "not JSON")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_off""", "not JSON")]
    [InlineData("[]", "neither")]
    public void What_cannot_be_true_is_refused(string json, string why) =>
        Assert.Contains(why, Refused(Hostile.Safetensors(json, 16)), StringComparison.Ordinal);

    [Fact]
    public void A_header_that_claims_more_than_there_is_costs_nothing()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("ends after", Refused(Hostile.Safetensors("{}", 0, claimed: 30 << 20)), StringComparison.Ordinal);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20);
        Assert.Contains("neither", Refused(Hostile.Safetensors("{}", 0, claimed: 1UL << 60)), StringComparison.Ordinal);
    }

    private static ModelHeader Read(byte[] bytes) => ModelHeader.Read(new MemoryStream(bytes), bytes.Length);

    private static string Refused(byte[] bytes) => Assert.Throws<HeaderException>(() => Read(bytes)).Message;
}

public sealed class ModelConfigHeaderTests
{
    [Fact]
    public void Grouped_queries_as_llama_and_qwen_write_them()
    {
        var shape = Read("""{"model_type":"qwen3","num_hidden_layers":36,"hidden_size":4096,"num_attention_heads":32,"num_key_value_heads":8,"head_dim":128,"intermediate_size":12288,"vocab_size":151936,"max_position_embeddings":40960,"tie_word_embeddings":false,"sliding_window":null,"use_sliding_window":false}""");
        Assert.Equal(36 * 2 * 1024 * 2, shape.KvBytesPerToken);
        Assert.Equal((12288, 0, 40960), (shape.FeedForward, shape.Window, shape.ContextMax));
    }

    [Fact]
    public void A_window_that_is_named_and_not_used_is_none()
    {
        Assert.Equal(0, Read("""{"num_hidden_layers":2,"hidden_size":64,"num_attention_heads":2,"sliding_window":4096,"use_sliding_window":false}""").Window);
        Assert.Equal(4096, Read("""{"num_hidden_layers":2,"hidden_size":64,"num_attention_heads":2,"sliding_window":4096}""").Window);
    }

    [Fact]
    public void Experts_as_mixtral_writes_them()
    {
        var shape = Read("""{"model_type":"mixtral","num_hidden_layers":32,"hidden_size":4096,"num_attention_heads":32,"num_key_value_heads":8,"intermediate_size":14336,"num_local_experts":8,"num_experts_per_tok":2,"vocab_size":32000,"max_position_embeddings":32768,"sliding_window":null}""");
        Assert.Equal((8, 2, 14336, 0), (shape.Experts, shape.ExpertsUsed, shape.ExpertFeedForward, shape.FeedForward));
    }

    [Fact]
    public void Windows_as_gemma_writes_them_inside_a_model_that_sees_pictures()
    {
        var shape = Read("""{"model_type":"gemma3","text_config":{"model_type":"gemma3_text","num_hidden_layers":12,"hidden_size":2560,"num_attention_heads":8,"num_key_value_heads":4,"head_dim":256,"intermediate_size":10240,"sliding_window":1024,"sliding_window_pattern":6,"vocab_size":262208}}""");
        Assert.Equal([5, 11], Enumerable.Range(0, 12).Where(l => !shape.IsWindowed(l)));
    }

    [Fact]
    public void Windows_as_gpt_oss_writes_them_layer_by_layer()
    {
        var shape = Read("""{"num_hidden_layers":4,"hidden_size":2880,"num_attention_heads":64,"num_key_value_heads":8,"head_dim":64,"intermediate_size":2880,"num_local_experts":32,"num_experts_per_tok":4,"sliding_window":128,"layer_types":["sliding_attention","full_attention","sliding_attention","full_attention"]}""");
        Assert.Equal([true, false, true, false], shape.Windowed);
    }

    [Fact]
    public void A_latent_as_deepseek_writes_it()
    {
        var shape = Read("""{"model_type":"deepseek_v3","num_hidden_layers":61,"hidden_size":7168,"num_attention_heads":128,"num_key_value_heads":128,"kv_lora_rank":512,"qk_rope_head_dim":64,"qk_nope_head_dim":128,"v_head_dim":128,"n_routed_experts":256,"num_experts_per_tok":8,"n_shared_experts":1,"moe_intermediate_size":2048,"intermediate_size":18432,"first_k_dense_replace":3,"vocab_size":129280}""");
        Assert.Equal(61 * 576 * 2, shape.KvBytesPerToken);
        Assert.Equal((18432, 2048, 256), (shape.FeedForward, shape.ExpertFeedForward, shape.Experts));
    }

    [Fact]
    public void Linear_attention_as_qwen_writes_it()
    {
        var shape = Read("""{"model_type":"qwen3_next","num_hidden_layers":48,"hidden_size":2048,"num_attention_heads":16,"num_key_value_heads":2,"head_dim":256,"full_attention_interval":4,"linear_conv_kernel_dim":4,"linear_key_head_dim":128,"linear_value_head_dim":128,"linear_num_key_heads":16,"linear_num_value_heads":32,"num_experts":512,"num_experts_per_tok":10,"moe_intermediate_size":512,"shared_expert_intermediate_size":512,"intermediate_size":5120}""");
        Assert.Equal((12, 36, (3L * 8192) + (128 * 4096)), (shape.KeyWidths.Length, shape.RecurrentLayers, shape.RecurrentState));
    }

    [Fact]
    public void State_space_as_granite_writes_it()
    {
        var shape = Read("""{"model_type":"granitemoehybrid","num_hidden_layers":4,"hidden_size":2048,"num_attention_heads":32,"num_key_value_heads":8,"layer_types":["mamba","mamba","attention","mamba"],"mamba_n_heads":64,"mamba_d_head":64,"mamba_d_state":128,"mamba_n_groups":1,"mamba_d_conv":4,"intermediate_size":8192}""");
        Assert.Equal((1, 3, (3L * 4352) + (128 * 4096)), (shape.KeyWidths.Length, shape.RecurrentLayers, shape.RecurrentState));
    }

    [Theory]
    [InlineData("""{"num_hidden_layers":1e9,"hidden_size":4096}""")]
    [InlineData("""{"num_hidden_layers":-1,"hidden_size":4096}""")]
    [InlineData("""{"num_hidden_layers":32,"hidden_size":4096,"num_attention_heads":99999999999999999999999}""")]
    [InlineData("[1]")]
    [InlineData("nonsense")]
    [InlineData("")]
    public void What_cannot_be_true_is_refused(string json) => Assert.Throws<HeaderException>(() => ModelConfig.Read(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_configuration_without_layers_gives_no_shape() => Assert.Null(ModelConfig.Read("{}"u8));

    private static Medulla.Core.Knowledge.ModelShape Read(string json) => ModelConfig.Read(Encoding.UTF8.GetBytes(json))!;
}

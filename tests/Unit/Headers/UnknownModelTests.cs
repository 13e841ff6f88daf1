using Medulla.Admin;
using Medulla.Artifacts;
using Medulla.Artifacts.Headers;
using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.State;
using Medulla.Tests.Kit;
using Medulla.Tests.Unit.Artifacts;
using Microsoft.AspNetCore.Http;

namespace Medulla.Tests.Unit.Headers;

/// <summary>A model that the catalog does not know is planned with from its header alone.</summary>
public sealed class UnknownModelTests : IDisposable
{
    private static readonly SyntheticGguf Shape = SyntheticGguf.Shapes.Single(s => s.Name == "moe");

    private static readonly Uri Hub = new("https://hub.invalid");

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_is_far_is_the_same_model_as_what_is_here()
    {
        var path = _folder["moe 30b.gguf"];
        Shape.WriteSparse(path);
        var asked = 0;
        await using var mirror = await Mirror.StartAsync([], async (context, _, _) =>
        {
            if (context.Request.Path.Value != "/owner/name/resolve/main/moe 30b.gguf") return false;
            asked++;
            await context.Response.Body.WriteAsync(Shape.Header());
            return true;
        });
        var here = await UnknownModel.ReadAsync(path, Hub, TestContext.Current.CancellationToken);
        var far = await UnknownModel.ReadAsync("https://huggingface.co/owner/name/blob/main/moe%2030b.gguf", mirror.Address, TestContext.Current.CancellationToken);
        Assert.True(asked > 0);
        Assert.Equal(("moe-30b", "moe"), (far.Id.Value, far.Title));
        Assert.Equal((here.ParametersB, here.ActiveB, here.KvBytesPerToken, here.ContextMax), (far.ParametersB, far.ActiveB, far.KvBytesPerToken, far.ContextMax));
        Assert.Equal(here.Files[0].Size, far.Files[0].Size);

        var catalog = EmbeddedCatalog.Read();
        var known = new Knowing { Policy = new Policy(), IsDefault = false, Machine = PlanCommand.Typical("rtx-4090", catalog).Machine!, Catalog = catalog, OwnModels = [far] };
        var best = Resolver.Resolve(Intent.Default(new Policy()).Workloads[0] with { Model = far.Id }, known, PoolUse.None).Best!;
        Assert.Equal((far.Id, null), (best.Spec.Model, best.Blocked));
        Assert.NotNull(best.Forecast);
    }

    [Fact]
    public async Task Safetensors_are_as_large_as_their_index_says_and_shaped_as_their_config()
    {
        // One tensor of 1024 x 1024 in BF16.
        var header = """{"model.layers.0.mlp.up_proj.weight":{"dtype":"BF16","shape":[1024,1024],"data_offsets":[0,2097152]}}"""u8.ToArray();
        byte[] file = [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. new byte[2097152]];
        await using var mirror = await Mirror.StartAsync(file, async (context, _, _) =>
        {
            var body = context.Request.Path.Value switch
            {
                "/m/config.json" => """{"model_type":"qwen3","num_hidden_layers":4,"hidden_size":1024,"num_attention_heads":16,"num_key_value_heads":8,"head_dim":64,"intermediate_size":3072,"vocab_size":1000,"max_position_embeddings":4096}""",
                "/m/model.safetensors.index.json" => """{"metadata":{"total_size":20971520}}""",
                _ => null,
            };
            if (body is null) return false;
            await context.Response.WriteAsync(body);
            return true;
        });
        var model = await UnknownModel.ReadAsync($"{mirror.Address}m/model-00001-of-00010.safetensors", Hub, TestContext.Current.CancellationToken);
        Assert.Equal((ModelFormat.Safetensors, 20971520L), (model.Files[0].Format, model.Files[0].Size.Bytes));
        Assert.Equal((4, 4096), (model.Shape!.Layers, model.ContextMax));
    }

    [Theory]
    [InlineData("nothing.gguf", "cannot read")]
    [InlineData("http://127.0.0.1:1/x.gguf", "cannot read the header of http://127.0.0.1:1/x.gguf")]
    public async Task What_cannot_be_read_is_named(string where, string words)
    {
        var error = await Assert.ThrowsAsync<HeaderException>(() => UnknownModel.ReadAsync(where, Hub, TestContext.Current.CancellationToken));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Contains(where, error.Message, StringComparison.Ordinal);
    }
}

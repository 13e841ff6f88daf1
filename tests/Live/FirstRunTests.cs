using System.Text.Json.Nodes;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Live;

/// <summary>What a new user meets: the built program, a real engine, real models.</summary>
public class FirstRunTests
{
    [Fact]
    public async Task From_nothing_it_serves_a_real_answer_and_climbs_to_the_larger_model()
    {
        await Engine.NeededAsync();
        await using var device = new Device("first").Start();
        await device.ServesAsync();
        Assert.Contains("Paris", await device.AskAsync("What is the capital of France?"), StringComparison.Ordinal);
        await device.ServesModelAsync("tinychat-m");
        Assert.Contains("Tuesday", await device.AskAsync("What day comes after Monday?"), StringComparison.Ordinal);

        var status = (await device.StatusAsync())!;
        var instance = status["instances"]!.AsArray().Single()!;
        Assert.Equal("chat", (string?)instance["workload"]);
        Assert.Equal("ready", (string?)instance["state"]);
        Assert.EndsWith("tinychat-m.q8_0.gguf", (string?)instance["model_path"], StringComparison.Ordinal);
        var command = await File.ReadAllTextAsync($"/proc/{(int)instance["pid"]!}/cmdline", TestContext.Current.CancellationToken);
        Assert.Contains($"--model\0{(string?)instance["model_path"]}", command, StringComparison.Ordinal);
        Assert.Contains("endpoint", device.Output, StringComparison.Ordinal);
        Assert.Contains("GitHub release", device.Output + (await device.RunAsync("logs")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_any_network_and_without_an_engine_it_says_which_sources_failed_and_keeps_trying()
    {
        await using var device = new Device("alone") { Under = ["unshare", "-n", "sh", "-c", "ip link set lo up; exec \"$0\" \"$@\""] };
        device.Environment["MEDULLA_ENGINE_CACHE"] = Path.Combine(device.Folder, "none");
        device.Start();
        await device.UntilAsync("the sources are named", () => Task.FromResult(device.Output.Contains("engine-unavailable", StringComparison.Ordinal)));
        Assert.Contains("no folder was given", device.Output, StringComparison.Ordinal);
        Assert.Contains("GitHub release ggml-org/llama.cpp", device.Output, StringComparison.Ordinal);
        Assert.Contains("Debian sid", device.Output, StringComparison.Ordinal);
        await device.UntilAsync("it tries again", () => Task.FromResult(device.Output.Split("engine-unavailable").Length > 2), TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task With_an_engine_on_the_disk_it_serves_and_climbs_without_any_network()
    {
        await Engine.NeededAsync();
        await using var device = new Device("offline") { Under = ["unshare", "-n", "sh", "-c", "ip link set lo up; exec \"$0\" \"$@\""] };
        var engines = Directory.EnumerateDirectories(Places.EngineCache).First();
        device.Start("--engines", engines);
        await device.UntilAsync("it has climbed", () => Task.FromResult(device.Output.Contains("proven: move chat from tinychat-s to tinychat-m", StringComparison.Ordinal)));
        Assert.Contains("ready", device.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_embedding_workload_is_served_by_a_real_vector()
    {
        await Engine.NeededAsync();
        await using var device = new Device("embed");
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads:\n  - { name: chat, task: chat, model: tinychat-s }\n  - { name: embed, task: embedding, model: tinychat-s, context: 512 }\n", TestContext.Current.CancellationToken);
        await (await device.Start("--intent", intent).ServesAsync()).ServesAsync("embed");
        using var answer = await device.PostAsync("/v1/embeddings", new JsonObject { ["model"] = "embed", ["input"] = "hello" });
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal(96, body["data"]![0]!["embedding"]!.AsArray().Count);
        Assert.Equal(2, (await device.StatusAsync())!["instances"]!.AsArray().Count);
    }

    [Fact]
    public async Task Texts_are_ranked_and_long_ones_are_embedded_in_one_piece()
    {
        await Engine.NeededAsync();
        await using var device = new Device("rank");
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads:\n  - { name: rank, task: rerank, model: tinychat-s, context: 1024, concurrency: 2 }\n  - { name: embed, task: embedding, model: tinychat-s, context: 2048, concurrency: 2 }\n", TestContext.Current.CancellationToken);
        await (await device.Start("--intent", intent).ServesAsync("rank")).ServesAsync("embed");
        using var ranked = await device.PostAsync("/v1/rerank", new JsonObject { ["model"] = "rank", ["query"] = "What is the capital of France?", ["documents"] = new JsonArray("Paris is the capital.", "Bananas are yellow.") });
        var results = JsonNode.Parse(await ranked.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["results"]!.AsArray();
        Assert.Equal([0, 1], results.Select(r => (int)r!["index"]!).Order());

        // More than the 512 tokens of the engine's usual micro-batch, and then more than the workload's context.
        using var embedded = await EmbedAsync(60);
        Assert.Equal(96, JsonNode.Parse(await embedded.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["data"]![0]!["embedding"]!.AsArray().Count);
        using var refused = await EmbedAsync(1000);
        Assert.Equal(400, (int)refused.StatusCode);
        Assert.Contains("context", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        Task<HttpResponseMessage> EmbedAsync(int times) => device.PostAsync("/v1/embeddings", new JsonObject { ["model"] = "embed", ["input"] = string.Concat(Enumerable.Repeat("the quick brown fox ", times)) });
    }

    [Fact]
    public async Task A_model_of_the_owners_serves_a_workload_that_names_it_without_being_copied()
    {
        await Engine.NeededAsync();
        await using var device = new Device("own");
        var models = Directory.CreateDirectory(Path.Combine(device.Folder, "models")).FullName;
        var own = Path.Combine(models, "my model.gguf");
        var bytes = await File.ReadAllBytesAsync(Path.Combine(Places.Root, "models", "tinychat-s.q8_0.gguf"), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(own, [.. bytes, 0], TestContext.Current.CancellationToken);
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads: [ { name: mine, model: my-model, context: 1024 } ]\n", TestContext.Current.CancellationToken);
        await device.Start("--intent", intent, "--models", models).ServesAsync("mine");
        Assert.Contains("Paris", await device.AskAsync("What is the capital of France?", "mine"), StringComparison.Ordinal);
        Assert.Equal(own, (string?)(await device.InstanceAsync())["model_path"]);
    }

    [Fact]
    public async Task A_model_in_several_files_is_one_model()
    {
        await Engine.NeededAsync();
        await using var device = new Device("split");
        var models = Directory.CreateDirectory(Path.Combine(device.Folder, "models")).FullName;
        var parts = SplitGguf.Write(Path.Combine(Places.Root, "models", "tinychat-s.q8_0.gguf"), models, "cut", 3);
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads: [ { name: mine, model: cut, context: 1024 } ]\n", TestContext.Current.CancellationToken);
        await device.Start("--intent", intent, "--models", models).ServesAsync("mine");
        Assert.Contains("Paris", await device.AskAsync("What is the capital of France?", "mine"), StringComparison.Ordinal);
        Assert.Equal(parts[0], (string?)(await device.InstanceAsync())["model_path"]);
    }

    [Fact]
    public async Task A_picture_is_looked_at_by_a_workload_that_needs_it_and_refused_by_one_that_does_not()
    {
        await Engine.NeededAsync();
        await using var device = new Device("see");
        var models = Directory.CreateDirectory(Path.Combine(device.Folder, "models")).FullName;
        var bytes = await File.ReadAllBytesAsync(Path.Combine(Places.Root, "models", "tinychat-s.q8_0.gguf"), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(Path.Combine(models, "eye.gguf"), [.. bytes, 0], TestContext.Current.CancellationToken);
        var projector = Path.Combine(models, "mmproj-eye.gguf");
        SyntheticProjector.Write(projector, 96);
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads:\n  - { name: see, model: eye, context: 1024, needs: [vision] }\n  - { name: read, model: eye, context: 512 }\n", TestContext.Current.CancellationToken);
        await (await device.Start("--intent", intent, "--models", models).ServesAsync("see")).ServesAsync("read");
        var instance = (await device.StatusAsync())!["instances"]!.AsArray().Single(i => (string?)i!["workload"] == "see")!;
        Assert.Contains($"--mmproj\0{projector}", await File.ReadAllTextAsync($"/proc/{(int)instance["pid"]!}/cmdline", TestContext.Current.CancellationToken), StringComparison.Ordinal);

        using var seen = await ShowAsync("see");
        Assert.Equal(200, (int)seen.StatusCode);
        using var refused = await ShowAsync("read");
        Assert.Equal(400, (int)refused.StatusCode);
        Assert.Contains("needs: [vision]", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        Task<HttpResponseMessage> ShowAsync(string workload) => device.PostAsync("/v1/chat/completions", JsonNode.Parse($$$"""
            {"model":"{{{workload}}}","max_tokens":8,"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}}]}]}
            """)!.AsObject());
    }
}

using System.ClientModel;
using System.Diagnostics;
using System.Text.Json;
using Medulla.Tests.Kit;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Embeddings;

namespace Medulla.Tests.Live;

/// <summary>The official clients, unmodified, as applications use them.</summary>
public class ClientTests
{
    [Fact]
    public async Task The_official_client_chats_streams_embeds_and_lists_on_the_real_engine()
    {
        await Engine.NeededAsync();
        await using var device = new Device("openai");
        var intent = Path.Combine(device.Folder, "intent.yaml");
        await File.WriteAllTextAsync(intent, "workloads:\n  - { name: chat, model: tinychat-m }\n  - { name: embed, task: embedding, model: tinychat-s }\n", TestContext.Current.CancellationToken);
        await (await device.Start("--intent", intent).ServesAsync()).ServesAsync("embed");
        var client = Client(device);

        var chat = client.GetChatClient("chat");
        var exact = new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 64 };
        ChatCompletion answer = await chat.CompleteChatAsync([new UserChatMessage("What is the plural of mouse?")], exact, TestContext.Current.CancellationToken);
        Assert.Contains("mice", answer.Content[0].Text, StringComparison.Ordinal);
        Assert.Equal("tinychat-m", answer.Model);
        Assert.True(answer.Usage.OutputTokenCount > 0);

        var streamed = "";
        await foreach (var part in chat.CompleteChatStreamingAsync([new UserChatMessage("What day comes after Monday?")], exact, TestContext.Current.CancellationToken)) streamed += string.Concat(part.ContentUpdate.Select(c => c.Text));
        Assert.Contains("Tuesday", streamed, StringComparison.Ordinal);

        var schema = BinaryData.FromString("""{"type":"object","properties":{"city":{"type":"string","maxLength":12}},"required":["city"],"additionalProperties":false}""");
        ChatCompletion shaped = await chat.CompleteChatAsync(
            [new UserChatMessage("What is the capital of France?")],
            new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 128, ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat("answer", schema, jsonSchemaIsStrict: true) },
            TestContext.Current.CancellationToken);
        Assert.Equal(JsonValueKind.String, JsonDocument.Parse(shaped.Content[0].Text).RootElement.GetProperty("city").ValueKind);

        OpenAIEmbedding vector = await client.GetEmbeddingClient("embed").GenerateEmbeddingAsync("hello", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(96, vector.ToFloats().Length);
        var models = await client.GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);
        Assert.Contains("chat", models.Value.Select(m => m.Id));
        Assert.Contains("tinychat-m", models.Value.Select(m => m.Id));

        var unknown = await Assert.ThrowsAsync<ClientResultException>(async () => await client.GetChatClient("gpt-4").CompleteChatAsync([new UserChatMessage("x")], cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(404, unknown.Status);
        Assert.Contains("there are chat", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tool_call_passes_through()
    {
        await using var device = new Device("tools");
        await device.Start("--engines", SurvivalTests.CopyOfFake(device, ""), "--no-climb").ServesAsync();
        var tool = ChatTool.CreateFunctionTool("weather", "The weather of a city", BinaryData.FromString("""{"type":"object","properties":{"city":{"type":"string"}}}"""));
        ChatCompletion answer = await Client(device).GetChatClient("chat").CompleteChatAsync([new UserChatMessage("weather in Paris?")], new ChatCompletionOptions { Tools = { tool } }, TestContext.Current.CancellationToken);
        Assert.Equal(ChatFinishReason.ToolCalls, answer.FinishReason);
        Assert.Equal("weather", answer.ToolCalls.Single().FunctionName);
    }

    [Fact]
    public async Task The_official_javascript_client_works_too()
    {
        await Engine.NeededAsync();
        var client = Path.Combine(Places.Root, ".cache", "npm-client");
        Directory.CreateDirectory(client);
        foreach (var file in new[] { "package.json", "package-lock.json", "client.mjs" }) File.Copy(Path.Combine(Places.Root, "tests", "Live", "js", file), Path.Combine(client, file), overwrite: true);
        if (!Directory.Exists(Path.Combine(client, "node_modules", "openai")))
        {
            var (installed, why) = await RunAsync(client, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts");
            if (installed != 0) Assert.Skip($"the npm package openai cannot be installed here: {why.Trim().Split('\n')[^1]}");
        }

        await using var device = new Device("js").Start();
        await device.ServesAsync();
        await device.ServesModelAsync("tinychat-m");
        var (code, output) = await RunAsync(client, "node", "client.mjs", device.Address + "/v1");
        Assert.True(code == 0, output);
        Assert.Contains("all well", output, StringComparison.Ordinal);
    }

    private static OpenAIClient Client(Device device) =>
        new(new ApiKeyCredential("any"), new OpenAIClientOptions { Endpoint = new Uri(device.Address + "/v1"), NetworkTimeout = TimeSpan.FromSeconds(60) });

    private static async Task<(int Code, string Output)> RunAsync(string folder, string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
            foreach (var argument in arguments) start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            return (process.ExitCode, await output + await error);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (-1, e.Message);
        }
    }
}

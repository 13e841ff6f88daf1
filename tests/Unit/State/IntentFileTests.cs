using Medulla.Catalogs;
using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Tests.Unit.State;

public sealed class IntentFileTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_whole_intent_is_read()
    {
        var (intent, problems) = Read("""
            workloads:
              - name: chat
                task: chat
                context: 4096
                concurrency: 2
                model: tinychat-m
                floor: { quality: 2, context: 512 }
              - name: embed
                task: embedding
                residency: on-demand
            policy: { climb: false, disk_cap: 40GiB, memory_reserve: 2GiB, unload_after_minutes: 2 }
            """);
        Assert.Empty(problems);
        Assert.Equal(new Workload { Name = new("chat"), Task = WorkloadTask.Chat, Context = 4096, Concurrency = 2, Model = new ModelId("tinychat-m"), FloorQuality = 2, FloorContext = 512 }, intent!.Workloads[0]);
        Assert.Equal(WorkloadTask.Embedding, intent.Workloads[1].Task);
        Assert.Equal((null, Residency.OnDemand), (intent.Workloads[0].Residency, intent.Workloads[1].Residency));
        Assert.Equal(TimeSpan.FromMinutes(2), intent.Policy.UnloadAfter);
        Assert.False(intent.Policy.Climb);
        Assert.Equal(ByteSize.GiB(40), intent.Policy.DiskCap);
    }

    [Fact]
    public void Everything_that_is_wrong_is_told_at_once_with_its_line()
    {
        var (intent, problems) = Read("""
            workloads:
              - name: chat
                contxt: 4096
                concurrency: many
              - name: chat
                context: 1024
                floor: { context: 2048 }
            policy: { disk_cap: lots }
            """);
        Assert.Null(intent);
        Assert.Contains(problems, p => p.Contains(":3: unknown key 'contxt'; did you mean 'context'?", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains(":4: 'concurrency' is 'many'", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("accepts no fewer than 2048", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("is there 2 times", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains(":8: 'disk_cap' is 'lots'", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("- a\n- b\n", "mapping")]
    [InlineData("workloads: [ { name: chat ", "not YAML")]
    [InlineData("workloads: []\n", "empty")]
    [InlineData("policy: {}\n", "'workloads' is missing")]
    [InlineData("a: &a [1]\nb: *a\n", "aliases")]
    [InlineData("workloads:\n  - name: chat\n    name: chat\n", "not YAML")]
    [InlineData("workloads:\n  - name: ../etc\n", "not a name")]
    public void A_file_that_is_none_is_refused_in_words(string text, string word)
    {
        var (intent, problems) = Read(text);
        Assert.Null(intent);
        Assert.Contains(problems, p => p.Contains(word, StringComparison.Ordinal));
    }

    [Fact]
    public void An_absent_file_is_refused_by_its_name()
    {
        var (intent, problems) = IntentFile.Read(_folder["none.yaml"]);
        Assert.Null(intent);
        Assert.Contains("none.yaml", problems.Single(), StringComparison.Ordinal);
    }

    private (Intent? Intent, IReadOnlyList<string> Problems) Read(string text)
    {
        File.WriteAllText(_folder["intent.yaml"], text);
        return IntentFile.Read(_folder["intent.yaml"]);
    }
}

using Medulla.Admin;

namespace Medulla.Tests.Unit.State;

/// <summary>The file of the intent changes while the daemon runs: looks at it two seconds apart.</summary>
public sealed class IntentWatchTests : IDisposable
{
    private const string Good = "workloads:\n  - { name: chat, context: 512 }\n";
    private const string Better = "workloads:\n  - { name: chat, context: 1024 }\n";
    private const string Bad = "workloads:\n  - { name: chat, modl: tinychat-s }\n";

    private readonly Folder _folder = new();
    private TimeSpan _now = TimeSpan.FromSeconds(100);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Another_intent_is_begun_with_once_it_stands_still()
    {
        var watch = Watch(Good);
        Assert.False(Looks(watch, null));
        Assert.False(Looks(watch, Bad + "#"));
        Assert.False(Looks(watch, Better));
        Assert.True(Looks(watch, null));
        Assert.Null(watch.Problem);
        Assert.False(Looks(watch, null));
    }

    [Fact]
    public void One_that_cannot_be_read_is_told_and_is_over_when_the_file_is_as_it_was()
    {
        var watch = Watch(Good);
        Assert.False(Looks(watch, Bad));
        Assert.Null(watch.Problem);
        Assert.False(Looks(watch, null));
        Assert.Contains("intent.yaml:2: unknown key 'modl'", watch.Problem, StringComparison.Ordinal);
        Assert.EndsWith("the intent in force stays", watch.Problem, StringComparison.Ordinal);
        Assert.False(Looks(watch, Good));
        Assert.False(Looks(watch, null));
        Assert.Null(watch.Problem);
    }

    [Fact]
    public void A_file_that_is_gone_is_a_problem_and_no_other_intent()
    {
        var watch = Watch(Good);
        File.Delete(_folder["intent.yaml"]);
        Assert.False(Looks(watch, null));
        Assert.False(Looks(watch, null));
        Assert.Contains("intent.yaml", watch.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_touched_is_no_other_intent()
    {
        var watch = Watch(Good);
        Assert.False(Looks(watch, Good));
        Assert.False(Looks(watch, null));
        Assert.Null(watch.Problem);
    }

    [Fact]
    public void Where_an_older_one_is_in_force_the_first_that_can_be_read_is_another()
    {
        var watch = Watch(Bad, problem: "it could not be read");
        Assert.False(Looks(watch, null));
        Assert.Equal("it could not be read", watch.Problem);
        Assert.False(Looks(watch, Good));
        Assert.True(Looks(watch, null));
    }

    [Fact]
    public void What_came_between_the_reading_and_the_watch_is_not_missed()
    {
        File.WriteAllText(_folder["intent.yaml"], Good);
        var content = IntentWatch.ContentOf(_folder["intent.yaml"]);
        File.WriteAllText(_folder["intent.yaml"], Better);
        Assert.True(Looks(new IntentWatch(_folder["intent.yaml"], content, null, _now - IntentWatch.Settled), null));
    }

    [Fact]
    public void Nothing_begins_anew_right_after_a_start()
    {
        var watch = Watch(Good, age: TimeSpan.Zero);
        Assert.False(Looks(watch, Better));
        for (var i = 0; i < 3; i++) Assert.False(Looks(watch, null));
        Assert.True(Looks(watch, null));
    }

    private IntentWatch Watch(string text, string? problem = null, TimeSpan? age = null)
    {
        File.WriteAllText(_folder["intent.yaml"], text);
        return new IntentWatch(_folder["intent.yaml"], IntentWatch.ContentOf(_folder["intent.yaml"]), problem, _now - (age ?? IntentWatch.Settled));
    }

    /// <summary>The file is written, if it is to be, and looked at two seconds later.</summary>
    private bool Looks(IntentWatch watch, string? text)
    {
        if (text is not null)
        {
            File.WriteAllText(_folder["intent.yaml"], text);
            File.SetLastWriteTimeUtc(_folder["intent.yaml"], DateTime.UnixEpoch + _now);
        }

        _now += TimeSpan.FromSeconds(2);
        return watch.Look(_now);
    }
}

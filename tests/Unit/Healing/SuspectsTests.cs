using System.Text;
using Medulla.Core.Units;
using Medulla.Engines;
using Medulla.Gateway;
using Medulla.Loop;

namespace Medulla.Tests.Unit.Healing;

public class SuspectsTests
{
    private static readonly WorkloadName Chat = new("chat");

    private static int _dead;

    private static readonly Digest Request = Suspects.Of("/v1/chat/completions", Encoding.UTF8.GetBytes("{}"));

    [Fact]
    public void A_request_that_was_there_at_two_crashes_is_refused()
    {
        var suspects = new Suspects(TimeProvider.System);
        Assert.Equal(0, suspects.Witness(Request, Chat, Dead(crashed: true)));
        Assert.Equal(0, suspects.DeathsOf(Request));
        Assert.Equal(2, suspects.Witness(Request, Chat, Dead(crashed: true)));
        Assert.Equal(2, suspects.DeathsOf(Request));
        Assert.Equal(0, suspects.DeathsOf(Suspects.Of("/v1/chat/completions", Encoding.UTF8.GetBytes("{ }"))));
    }

    [Fact]
    public void An_engine_that_somebody_killed_proves_nothing()
    {
        var suspects = new Suspects(TimeProvider.System);
        for (var i = 0; i < 5; i++) suspects.Witness(Request, Chat, Dead(crashed: false));
        Assert.True(suspects.IsEmpty);
    }

    [Fact]
    public void An_engine_that_ends_by_itself_clears_whom_it_accused_and_accuses_nobody_for_a_while()
    {
        var suspects = new Suspects(TimeProvider.System);
        for (var i = 0; i < 2; i++) suspects.Witness(Request, Chat, Dead(crashed: true));
        Assert.Equal(2, suspects.DeathsOf(Request));
        suspects.Clear(new WorkloadName("search"));
        Assert.Equal(2, suspects.DeathsOf(Request));
        suspects.Clear(Chat);
        Assert.Equal(0, suspects.DeathsOf(Request));
        for (var i = 0; i < 2; i++) Assert.Equal(0, suspects.Witness(Request, Chat, Dead(crashed: true)));
        Assert.Equal(0, suspects.DeathsOf(Request));
    }

    [Fact]
    public void A_request_that_is_answered_between_crashes_is_never_refused()
    {
        var suspects = new Suspects(TimeProvider.System);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(0, suspects.Witness(Request, Chat, Dead(crashed: true)));
            suspects.Acquit(Request);
        }

        Assert.True(suspects.IsEmpty);
    }

    [Fact]
    public void One_crash_counts_once_however_many_sent_the_same()
    {
        var suspects = new Suspects(TimeProvider.System);
        for (var crash = 0; crash < 3; crash++)
        {
            var dead = Dead(crashed: true, atWork: 8);
            for (var client = 0; client < 8; client++) Assert.Equal(0, suspects.Witness(Request, Chat, dead));
        }

        Assert.Equal(4, suspects.Witness(Request, Chat, Dead(crashed: true, atWork: 8)));
    }

    [Fact]
    public void So_many_are_known_and_no_more()
    {
        var suspects = new Suspects(TimeProvider.System);
        for (var i = 0; i < Suspects.Most * 3; i++) suspects.Witness(Digest.Of($"{i}"), Chat, Dead(crashed: true));
        suspects.Witness(Digest.Of($"{(Suspects.Most * 3) - 1}"), Chat, Dead(crashed: true));
        Assert.Equal(2, suspects.DeathsOf(Digest.Of($"{(Suspects.Most * 3) - 1}")));
        Assert.Equal(0, suspects.DeathsOf(Digest.Of("0")));
    }

    [Fact]
    public void Counters_of_several_engines_are_read()
    {
        Assert.Equal(new EngineCounters(12, 1), EngineCounters.Read("# HELP x\nllamacpp:n_decode_total 7\nllamacpp:prompt_tokens_total 5\nllamacpp:requests_processing 1\nllamacpp:requests_deferred 0\nllamacpp:kv_cache 0.5\n"));
        Assert.Equal(new EngineCounters(9, 3), EngineCounters.Read("vllm:generation_tokens_total{model_name=\"m\"} 9.0\nvllm:num_requests_running{model_name=\"m\"} 2.0\nvllm:num_requests_waiting{model_name=\"m\"} 1.0\n"));
        Assert.Null(EngineCounters.Read("<!DOCTYPE html>"));
        Assert.Null(EngineCounters.Read(""));
    }

    private static Upstream Dead(bool crashed, int atWork = 0) => new(new InstanceId($"i-{Interlocked.Increment(ref _dead)}"), "/none", new Secret("k"), 1) { Crashed = crashed, AtWork = atWork };
}

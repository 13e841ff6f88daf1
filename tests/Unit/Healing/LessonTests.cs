using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Trials;
using Medulla.Core.Units;

namespace Medulla.Tests.Unit.Healing;

public class LessonTests
{
    private static readonly InstanceSpec Spec = LivenessTests.Spec(100);

    [Fact]
    public void It_is_about_one_workload_and_one_file()
    {
        foreach (var change in (Change[])[Change.Between(null, Spec), Change.ShapeOf(Spec), Change.Between(Spec with { Engine = Spec.Engine with { Digest = Digest.Of("older") } }, Spec)])
        {
            var lesson = Learned(change, "");
            Assert.True(lesson.IsAbout(Spec.Workload));
            Assert.False(lesson.IsAbout(new WorkloadName("chatter")));
            Assert.False(lesson.IsAbout(new WorkloadName("cha")));
            Assert.True(lesson.IsAbout(Spec.Weights));
            Assert.False(lesson.IsAbout(Spec.Weights with { Digest = Digest.Of("another") }));
        }
    }

    [Theory]
    [InlineData("oom-load-host", 8, 9.9, false)]
    [InlineData("oom-load-host", 8, 10.1, true)]
    [InlineData("gibberish-template", 8, 16.0, false)]
    public void One_of_want_of_memory_is_overtaken_by_a_quarter_more(string code, double then, double now, bool overtaken)
    {
        var lesson = Learned(Change.ShapeOf(Spec), code) with { Room = ByteSize.MiB((long)(then * 1024)) };
        Assert.Equal(overtaken, lesson.IsOvertaken(ByteSize.MiB((long)(now * 1024))));
        Assert.False(lesson.IsOvertaken(null));
    }

    [Fact]
    public void Copies_have_names_of_their_own()
    {
        var (id, key) = (Spec.Id, Spec.Settings.Key);
        var other = Spec with { Context = Spec.Context / 2, Settings = Spec.Settings with { Kv = KvType.Q8 } };
        Assert.NotEqual(id, other.Id);
        Assert.NotEqual(key, other.Settings.Key);
        Assert.Equal(id, (other with { Context = Spec.Context, Settings = Spec.Settings }).Id);
        var named = Spec with { Quality = 51 };
        Assert.Equal(id, named.Id);
        Assert.Equal(Spec with { Quality = 51 }, named);
        var intent = Intent.Default(new Policy());
        Assert.NotEqual(intent.Fingerprint, (intent with { Policy = new Policy { Reboot = true } }).Fingerprint);
    }

    private static Lesson Learned(Change change, string code) => new(change.Key, change.Text, "seen", DateTimeOffset.UnixEpoch, TimeSpan.FromHours(1), 1) { Code = code };
}

using Medulla.Loop;

namespace Medulla.Tests.Unit.Gateway;

public class BacklogTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public void Before_anything_is_known_only_numbers_count()
    {
        var backlog = new Backlog(4);
        Assert.Null(backlog.TooLong(Backlog.Most - 1, Limit));
        Assert.NotNull(backlog.TooLong(Backlog.Most, Limit));
    }

    [Theory]
    [InlineData(1, 243, false)]
    [InlineData(1, 245, true)]
    [InlineData(30, 19, false)]
    [InlineData(30, 20, true)]
    [InlineData(0.01, 1000, false)]
    public void A_wait_is_too_long_when_it_is_longer_than_anybody_waits_and_than_four_answers(double seconds, int ahead, bool tooLong)
    {
        var backlog = new Backlog(4);
        for (var i = 0; i < 10; i++) backlog.Took(TimeSpan.FromSeconds(seconds), ahead: 0);
        Assert.Equal(tooLong, backlog.TooLong(ahead, Limit) is not null);
    }

    [Fact]
    public void A_time_in_a_queue_is_not_a_time_at_work()
    {
        var backlog = new Backlog(2);
        for (var i = 0; i < 10; i++) backlog.Took(TimeSpan.FromSeconds(10), ahead: 19);
        Assert.Null(backlog.TooLong(100, Limit));
        Assert.Equal(60.5, backlog.TooLong(122, Limit)!.Value.TotalSeconds, 3);
    }

    [Fact]
    public void A_free_slot_is_never_refused()
    {
        var backlog = new Backlog(2);
        for (var i = 0; i < 10; i++) backlog.Took(TimeSpan.FromHours(1), ahead: 0);
        Assert.Null(backlog.TooLong(1, Limit));
        Assert.Null(backlog.TooLong(9, Limit));
        Assert.NotNull(backlog.TooLong(10, Limit));
    }
}

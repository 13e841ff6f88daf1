using Medulla.State;

namespace Medulla.Tests.Unit.State;

public sealed class JournalTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Lines_come_back_in_order_and_a_torn_one_is_passed_over_and_counted()
    {
        var journal = new Journal(_folder.Path);
        journal.Append([Entry("one"), Entry("two")]);
        File.AppendAllText(_folder["journal.jsonl"], "0123abcd {\"at\":\"20");
        var (entries, damaged) = Journal.Read(_folder.Path, 10, null);
        Assert.Equal(["one", "two"], entries.Select(e => e.Text));
        Assert.Equal(1, damaged);
    }

    [Fact]
    public void It_is_bounded()
    {
        var journal = new Journal(_folder.Path);
        var text = new string('x', 1 << 20);
        for (var i = 0; i < 24; i++) journal.Append([Entry(text)]);
        Assert.True(Directory.EnumerateFiles(_folder.Path).Sum(f => new FileInfo(f).Length) <= Journal.MaxFiles * (Journal.MaxLength + (2L << 20)));
        Assert.Equal(0, journal.Lost);
    }

    [Fact]
    public void What_cannot_be_written_is_counted_and_stops_nobody()
    {
        var journal = new Journal(_folder["absent"]);
        journal.Append([Entry("one")]);
        Assert.Equal(1, journal.Lost);
    }

    [Fact]
    public void A_word_finds_its_lines()
    {
        new Journal(_folder.Path).Append([Entry("the chat model"), Entry("other")]);
        Assert.Single(Journal.Read(_folder.Path, 10, "CHAT").Entries);
    }

    private static JournalEntry Entry(string text) => new(DateTimeOffset.UnixEpoch, "test", "subject", text);
}

using System.Text;
using Medulla.State;

namespace Medulla.Tests.Unit.State;

public sealed class RecordFileTests : IDisposable
{
    private readonly Folder _folder = new();

    private string Record => _folder["memory"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_written_last_is_read_by_the_next_life()
    {
        var first = New();
        Assert.IsType<RecordRead.Absent>(first.Read());
        first.Write("one"u8);
        first.Write("two"u8);
        first.Write("three"u8);
        Assert.Equal("three", Payload(New().Read()));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(55)]
    [InlineData(58)]
    public void A_torn_newest_slot_is_set_aside_and_the_previous_record_is_read(int length)
    {
        var record = New();
        record.Write("one"u8);
        record.Write("two"u8);
        var newest = File.ReadAllText(Record + ".a").Contains("two", StringComparison.Ordinal) ? Record + ".a" : Record + ".b";
        File.WriteAllBytes(newest, File.ReadAllBytes(newest)[..length]);
        var read = Assert.IsType<RecordRead.Found>(New().Read());
        Assert.Equal("one", Payload(read));
        Assert.True(File.Exists(read.Damage!.SetAside));
        Assert.False(File.Exists(newest));
    }

    [Fact]
    public void A_flipped_bit_is_never_read()
    {
        var record = New();
        record.Write("one"u8);
        foreach (var slot in Directory.EnumerateFiles(_folder.Path, "memory.?"))
        {
            var bytes = File.ReadAllBytes(slot);
            bytes[^1] ^= 1;
            File.WriteAllBytes(slot, bytes);
        }

        var lost = Assert.IsType<RecordRead.Lost>(New().Read());
        Assert.Contains("checksum", lost.Damage.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_changed_is_nothing_written()
    {
        var record = New();
        record.Write("one"u8);
        var before = Directory.EnumerateFiles(_folder.Path).ToDictionary(f => f, File.GetLastWriteTimeUtc, StringComparer.Ordinal);
        record.Write("one"u8);
        Assert.All(before, f => Assert.Equal(f.Value, File.GetLastWriteTimeUtc(f.Key)));
        Assert.Equal(before.Count, Directory.EnumerateFiles(_folder.Path).Count());
    }

    [Fact]
    public void A_reader_beside_the_daemon_touches_nothing()
    {
        var record = New();
        record.Write("one"u8);
        File.WriteAllText(Record + ".b", "garbage");
        Assert.Equal("one", Encoding.UTF8.GetString(RecordFile.Peek(Record)!));
        Assert.Equal("garbage", File.ReadAllText(Record + ".b"));
    }

    [Fact]
    public void Set_aside_files_are_bounded()
    {
        for (var i = 0; i < 10; i++)
        {
            File.WriteAllText(_folder[$"f{i}"], "x");
            AtomicFile.SetAside(_folder[$"f{i}"], _folder["aside"], keep: 4);
        }

        Assert.Equal(4, Directory.EnumerateFiles(_folder["aside"]).Count());
    }

    private RecordFile New() => new(Record, _folder["aside"]);

    private static string Payload(RecordRead read) => Encoding.UTF8.GetString(Assert.IsType<RecordRead.Found>(read).Payload);
}

using Medulla.State;

namespace Medulla.Tests.Unit.State;

/// <summary>The data directory is one daemon's, and it may vanish under it.</summary>
public sealed class DirectoryLockTests : IDisposable
{
    private readonly Folder _folder = new();
    private readonly List<DirectoryLock> _held = [];

    private DataDirectory Data => new(_folder["data"]);

    public void Dispose()
    {
        foreach (var held in _held) held.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Nothing_is_to_be_done_while_it_is_the_one_that_was_taken()
    {
        var held = Take();
        Assert.Null(held.LookAgain());
        File.SetLastWriteTimeUtc(Data.Lock, DateTime.UtcNow.AddDays(-1));
        Assert.Null(held.LookAgain());
    }

    [Fact]
    public void One_that_was_removed_is_made_again_with_the_same_identity()
    {
        var held = Take();
        Directory.Delete(Data.Root, recursive: true);
        var again = Assert.IsType<LockOutcome.Taken>(held.LookAgain()).Lock;
        _held.Add(again);
        Assert.Equal(held.Identity, again.Identity);
        Assert.True(Directory.Exists(Data.Run));
        Assert.Null(again.LookAgain());
        Assert.IsType<LockOutcome.Held>(DirectoryLock.Take(Data));
    }

    [Fact]
    public void A_lock_file_that_alone_is_gone_is_made_again_and_held()
    {
        var held = Take();
        File.Delete(Data.Lock);
        Assert.Null(held.LookAgain());
        Assert.IsType<LockOutcome.Held>(DirectoryLock.Take(Data));
        Assert.Null(held.LookAgain());
    }

    [Fact]
    public void Another_in_its_place_keeps_its_own_identity()
    {
        var held = Take();
        Directory.Move(Data.Root, Data.Root + "-away");
        Directory.CreateDirectory(Data.Root);
        File.WriteAllText(Data.Identity, "0123456789abcdef");
        var again = Assert.IsType<LockOutcome.Taken>(held.LookAgain()).Lock;
        _held.Add(again);
        Assert.Equal("0123456789abcdef", again.Identity);
    }

    [Fact]
    public void A_lock_file_of_another_number_that_is_still_ours_is_no_change()
    {
        // As on file systems that give a file another number now and then: the lock tells whose it is.
        var held = Take();
        File.Move(Data.Lock, Data.Lock + "-away");
        using var other = Posix.OpenForLock(Data.Lock);
        Assert.True(Posix.TryLock(other));
        RandomAccess.Write(other, System.Text.Encoding.ASCII.GetBytes($"{Environment.ProcessId}"), 0);
        Assert.Null(held.LookAgain());
        Assert.Null(held.LookAgain());
    }

    [Fact]
    public void One_that_cannot_be_made_again_says_so_and_is_tried_again()
    {
        var held = Take();
        Directory.Delete(Data.Root, recursive: true);
        File.WriteAllText(Data.Root, "a file in its place");
        Assert.Contains(Data.Root, Assert.IsType<LockOutcome.Unusable>(held.LookAgain()).Reason, StringComparison.Ordinal);
        File.Delete(Data.Root);
        _held.Add(Assert.IsType<LockOutcome.Taken>(held.LookAgain()).Lock);
    }

    private DirectoryLock Take()
    {
        var held = Assert.IsType<LockOutcome.Taken>(DirectoryLock.Take(Data)).Lock;
        _held.Add(held);
        return held;
    }
}

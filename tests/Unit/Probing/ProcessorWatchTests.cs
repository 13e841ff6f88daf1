using System.Globalization;
using Medulla.Probing;

namespace Medulla.Tests.Unit.Probing;

/// <summary>Who has the processors, from a <c>/proc</c> that is written by hand: two processors, a look every five seconds.</summary>
public sealed class ProcessorWatchTests
{
    private const int Engine = 10;

    [Fact]
    public void Others_who_have_most_of_the_processors_for_a_minute_are_named()
    {
        using var box = new Box();
        for (var at = 0; at < 65; at += 5) Assert.Null(box.Look(at, engine: 20, miner: 70, cron: 5));
        Assert.Equal("others have 75 % of the processors, xmrig (old) (pid 20) most of it, and whoever wants one waits 80 % of the time", box.Look(65, engine: 20, miner: 70, cron: 5));
        Assert.NotNull(box.Look(70, engine: 20, miner: 30, cron: 0));
        Assert.Null(box.Look(75, engine: 20, miner: 10, cron: 0));
    }

    [Fact]
    public void A_spike_is_not_told()
    {
        using var box = new Box();
        for (var at = 0; at < 50; at += 5) Assert.Null(box.Look(at, engine: 20, miner: 75, cron: 0));
        Assert.Null(box.Look(50, engine: 20, miner: 0, cron: 0));
        for (var at = 55; at < 100; at += 5) Assert.Null(box.Look(at, engine: 20, miner: 75, cron: 0));
    }

    [Fact]
    public void Our_own_engines_are_no_others()
    {
        using var box = new Box();
        for (var at = 0; at < 200; at += 5) Assert.Null(box.Look(at, engine: 95, miner: 0, cron: 0));
    }

    [Fact]
    public void Others_who_leave_enough_for_all_are_not_told()
    {
        using var box = new Box();
        for (var at = 0; at < 200; at += 5) Assert.Null(box.Look(at, engine: 20, miner: 60, cron: 0, stall: 10));
    }

    [Fact]
    public void A_host_that_takes_its_processors_back_is_others_too_and_a_machine_without_these_files_tells_nothing()
    {
        using var box = new Box();
        for (var at = 0; at < 65; at += 5) Assert.Null(box.Look(at, engine: 20, miner: 0, cron: 0, stolen: 60));
        Assert.Equal("others have 60 % of the processors, and whoever wants one waits 80 % of the time", box.Look(65, engine: 20, miner: 0, cron: 0, stolen: 60));
        Assert.Equal(60, box.Watch.Stolen);
        using var empty = new Folder();
        var watch = new ProcessorWatch(() => new HashSet<int>(), empty.Path);
        watch.Look(TimeSpan.Zero, null);
        watch.Look(TimeSpan.FromSeconds(5), null);
        Assert.Null(watch.Crowded);
        Assert.Null(watch.Stolen);
    }

    /// <summary>Two processors: a thousand ticks in five seconds.</summary>
    private sealed class Box : IDisposable
    {
        private const int Ticks = 1000;

        private readonly Folder _root = new();
        private (long Engine, long Miner, long Cron, long Stolen, long All) _had;

        public Box() => Watch = new ProcessorWatch(() => new HashSet<int> { Engine }, _root.Path);

        public ProcessorWatch Watch { get; }

        public void Dispose() => _root.Dispose();

        /// <summary>Shares in percent of all processors.</summary>
        public string? Look(int at, int engine, int miner, int cron, int stolen = 0, double stall = 80)
        {
            _had = (_had.Engine + (engine * Ticks / 100), _had.Miner + (miner * Ticks / 100), _had.Cron + (cron * Ticks / 100), _had.Stolen + (stolen * Ticks / 100), _had.All + Ticks);
            var busy = _had.Engine + _had.Miner + _had.Cron;
            Write("stat", string.Create(CultureInfo.InvariantCulture, $"cpu  {busy} 0 0 {_had.All - busy - _had.Stolen} 0 0 0 {_had.Stolen} 0 0\ncpu0 1 2 3\n"));
            Process(Engine, "llama-server", _had.Engine);
            Process(20, "xmrig (old)", _had.Miner);
            Process(30, "cron", _had.Cron);
            Watch.Look(TimeSpan.FromSeconds(at), stall);
            return Watch.Crowded;
        }

        private void Process(int pid, string name, long ticks) => Write($"{pid}/stat", string.Create(CultureInfo.InvariantCulture, $"{pid} ({name}) S 1 1 1 0 -1 4194560 1 0 0 0 {ticks - 1} 1 0 0 20 0 1 0 5 6 7"));

        private void Write(string file, string text)
        {
            var path = Path.Combine(_root.Path, "proc", file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }
    }
}

using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Sockets;
using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Engines;
using Medulla.Loop;
using Medulla.Probing;
using Medulla.State;
using Medulla.Tests.Kit;
using Microsoft.Extensions.Logging.Abstractions;
using Device = Medulla.Tests.Kit.Device;

namespace Medulla.Tests.Live;

/// <summary>Supervision of real processes that misbehave.</summary>
public sealed class InstancesTests : IDisposable
{
    private readonly string _folder = Places.NewFolder("inst");
    private readonly Signals _signals = new(new Wake(TimeProvider.System));
    private readonly List<Instances> _rooms = [];

    public void Dispose()
    {
        foreach (var room in _rooms)
        {
            foreach (var fact in room.Read()) Device.Signal(fact.Pid, "KILL");
            room.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task An_exit_is_told_with_its_code_and_the_last_words()
    {
        Room().Start(Start("boot-says=arch-unknown"));
        var exit = await NextAsync<Signal.InstanceExited>();
        Assert.Equal(1, exit.ExitCode);
        Assert.False(exit.WasReady);
        Assert.Contains(exit.LastLines, l => l.Contains("unknown model architecture", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_kill_is_told_by_its_signal()
    {
        var room = Room();
        room.Start(Start(""));
        await NextAsync<Signal.InstanceReady>();
        Device.Signal(room.Read().Single().Pid, "KILL");
        var exit = await NextAsync<Signal.InstanceExited>();
        Assert.Equal((9, null), (exit.KilledBy, exit.ExitCode));
        Assert.True(exit.WasReady);
        Assert.Empty(room.Read());
    }

    [Fact]
    public async Task An_engine_that_ignores_a_polite_end_is_ended_with_its_group()
    {
        var room = Room();
        room.Start(Start("ignore-sigterm"));
        await NextAsync<Signal.InstanceReady>();
        var fact = room.Read().Single();
        await room.StopAsync(new Move.StopInstance(fact.Id, fact.Workload, fact.Pid, TimeSpan.Zero) { Reason = "test" });
        Assert.False(Directory.Exists($"/proc/{fact.Pid}"));
        Assert.True((await NextAsync<Signal.InstanceExited>()).Asked);
    }

    [Fact]
    public async Task A_later_daemon_adopts_by_mark_record_and_start_time()
    {
        var first = Room();
        first.Start(Start(""));
        await NextAsync<Signal.InstanceReady>();
        var pid = first.Read().Single().Pid;
        first.Dispose();
        _rooms.Remove(first);
        var second = Room();
        second.Adopt();
        await NextAsync<Signal.InstanceReady>();
        Assert.Equal((pid, true, InstanceState.Ready), (second.Read().Single().Pid, second.Read().Single().Adopted, second.Read().Single().State));
        Device.Signal(pid, "KILL");
        Assert.Null((await NextAsync<Signal.InstanceExited>()).ExitCode);
    }

    [Fact]
    public async Task An_engine_without_a_record_is_an_orphan_and_is_ended()
    {
        var first = Room();
        first.Start(Start(""));
        await NextAsync<Signal.InstanceReady>();
        var pid = first.Read().Single().Pid;
        first.Dispose();
        _rooms.Remove(first);
        // Its load time is written down after it is told ready: until then the record comes back.
        var record = Directory.EnumerateFiles(_folder, "instance.json", SearchOption.AllDirectories).Single();
        for (var clock = Stopwatch.StartNew(); RunRecord.Read(Path.GetDirectoryName(record)!)?.LoadTime is null && clock.Elapsed < TimeSpan.FromSeconds(10);) await Task.Delay(5, TestContext.Current.CancellationToken);
        File.Delete(record);
        var second = Room();
        second.Adopt();
        var orphan = second.Read().Single();
        Assert.Equal((pid, InstanceState.Orphan), (orphan.Pid, orphan.State));
        await second.StopAsync(new Move.StopInstance(orphan.Id, orphan.Workload, pid, TimeSpan.Zero) { Reason = "test" });
        Assert.Empty(second.Read());
        Assert.NotEqual('S', ProcTable.Find(pid)?.State ?? 'Z');
    }

    [Fact]
    public async Task A_stranger_that_answers_on_the_socket_is_never_ready()
    {
        var room = Room();
        room.Start(Start("never-ready"));
        var socket = Directory.EnumerateFiles(_folder, "engine.sock", SearchOption.AllDirectories);
        var clock = Stopwatch.StartNew();
        while (!socket.Any() && clock.Elapsed < TimeSpan.FromSeconds(5)) await Task.Delay(5, TestContext.Current.CancellationToken);
        var path = socket.Single();
        File.Delete(path);
        using var squatter = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        squatter.Bind(new UnixDomainSocketEndPoint(path));
        squatter.Listen();
        using var asked = await squatter.AcceptAsync(TestContext.Current.CancellationToken);
        var buffer = new byte[1024];
        Assert.Equal(0, await asked.ReceiveAsync(buffer, TestContext.Current.CancellationToken));
        Assert.Equal(InstanceState.Starting, room.Read().Single().State);
    }

    [Theory]
    [InlineData("gone", "No such file or directory")]
    [InlineData("mode", "Permission denied")]
    [InlineData("format", "Exec format error")]
    public async Task A_program_that_cannot_be_started_is_told_by_the_systems_word(string how, string words)
    {
        var move = Start("");
        var server = Path.Combine(move.Folder, "llama-server");
        File.Delete(server);
        if (how != "gone") await File.WriteAllBytesAsync(server, [0x7f, (byte)'E', (byte)'L', (byte)'F', 9, 9, 9], TestContext.Current.CancellationToken);
        if (how == "format" && !OperatingSystem.IsWindows()) File.SetUnixFileMode(server, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        if (how == "mode" && !OperatingSystem.IsWindows()) File.SetUnixFileMode(server, UnixFileMode.UserRead);
        var room = Room();
        room.Start(move);
        Assert.Contains(words, (await NextAsync<Signal.StartFailed>()).Reason, StringComparison.Ordinal);
        Assert.Empty(room.Read());
    }

    [Fact]
    public async Task A_deep_data_directory_and_a_hostile_environment_do_no_harm()
    {
        Environment.SetEnvironmentVariable("LLAMA_ARG_CTX_SIZE", "7");
        try
        {
            var room = Room(string.Concat(Enumerable.Repeat("a-rather-long-folder-name/", 6)));
            room.Start(Start(""));
            await NextAsync<Signal.InstanceReady>();
            var fact = room.Read().Single();
            var environment = await File.ReadAllTextAsync($"/proc/{fact.Pid}/environ", TestContext.Current.CancellationToken);
            Assert.DoesNotContain("LLAMA_ARG", environment, StringComparison.Ordinal);
            Assert.Contains("LLAMA_API_KEY=", environment, StringComparison.Ordinal);
            Assert.DoesNotContain("LLAMA_API_KEY", await File.ReadAllTextAsync($"/proc/{fact.Pid}/cmdline", TestContext.Current.CancellationToken), StringComparison.Ordinal);
            Assert.Equal("/dev/null", new FileInfo($"/proc/{fact.Pid}/fd/0").LinkTarget);
            Assert.EndsWith("engine.log", new FileInfo($"/proc/{fact.Pid}/fd/2").LinkTarget, StringComparison.Ordinal);
            Assert.DoesNotContain(Directory.EnumerateFiles($"/proc/{fact.Pid}/fd").Select(f => new FileInfo(f).LinkTarget ?? ""), t => t == Path.Combine(_folder, "lock"));
        }
        finally
        {
            Environment.SetEnvironmentVariable("LLAMA_ARG_CTX_SIZE", null);
        }
    }

    [Fact]
    public async Task A_probe_tells_right_answers_from_wrong_ones()
    {
        var room = Room();
        var golden = ImmutableArray.Create(new Core.Knowledge.GoldenPrompt("What is the capital of France?", "Paris"), new Core.Knowledge.GoldenPrompt("What color is the sky?", "green"));
        room.Start(Start(""));
        await NextAsync<Signal.InstanceReady>();
        await room.ProbeAsync(new Move.ProbeInstance(room.Read().Single().Id, new ModelId("m"), WorkloadTask.Chat, golden) { Reason = "test" }, TestContext.Current.CancellationToken);
        var probe = room.Read().Single().Probe!;
        Assert.Equal((1, 2), (probe.Passed, probe.Asked));
        Assert.Contains("expected 'green'", probe.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_specification_runs_once()
    {
        var room = Room();
        var move = Start("");
        room.Start(move);
        room.Start(move);
        await NextAsync<Signal.InstanceReady>();
        Assert.Single(room.Read());
    }

    private Instances Room(string below = "")
    {
        var data = new DataDirectory(Path.Combine(_folder, below + "data"));
        Directory.CreateDirectory(data.Run);
        var room = new Instances(data, "0123456789abcdef", new DeviceClock(TimeProvider.System).BootId, _signals, TimeProvider.System, NullLogger<Instances>.Instance);
        _rooms.Add(room);
        return room;
    }

    private Move.StartInstance Start(string faults)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "build")).FullName;
        foreach (var file in Directory.EnumerateFiles(Places.FakeEngine)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        File.WriteAllText(Path.Combine(folder, "faults"), faults);
        var build = new EngineBuild(new EngineId("llama.cpp"), Digest.Of("fake"), "b1");
        new BuildRecord { Build = build, Folder = folder, Binary = "llama-server", Loader = null, Flags = ["--metrics", "--offline"], Source = "test", Files = [] }.Write(folder);
        var spec = new InstanceSpec
        {
            Workload = new WorkloadName("chat"),
            Model = new ModelId("m"),
            Quant = "Q8_0",
            Weights = new Weights(Digest.Of("m"), ByteSize.MiB(1), "m.gguf"),
            Engine = build,
            Context = 1024,
            Parallel = 1,
            Threads = 1,
            Task = WorkloadTask.Chat,
            Memory = ByteSize.MiB(1),
            Quality = 1,
            Placeholder = true,
            Asked = "",
            Golden = [],
        };
        return new Move.StartInstance(spec, folder, "llama-server", "/models/m.gguf") { Reason = "test" };
    }

    private async Task<T> NextAsync<T>()
        where T : Signal
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(15))
        {
            if (_signals.Drain().OfType<T>().FirstOrDefault() is { } signal) return signal;
            await Task.Delay(5);
        }

        throw new TimeoutException($"no {typeof(T).Name} came");
    }
}

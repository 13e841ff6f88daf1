using System.Collections.Immutable;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Medulla.Artifacts;
using Medulla.Artifacts.Builds;
using Medulla.Core.Blueprints;
using Medulla.Core.Deciding;
using Medulla.Core.Incidents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Observing;
using Medulla.Core.Trials;
using Medulla.Core.Units;
using Medulla.Core.Wire;
using Medulla.Engines;
using Medulla.Gateway;
using Medulla.Loop;
using Medulla.Probing;
using Medulla.Reporting;
using Medulla.Service;
using Medulla.State;

namespace Medulla.Admin;

/// <summary>
/// The one place that says what the device is made of. Reads the state, opens the endpoint, adopts the engines, and ticks
/// the loop until it is told to stop: with its engines (Ctrl-C, <c>medulla stop</c>) or without (SIGTERM: they are adopted by
/// the next daemon).
/// </summary>
internal sealed class Daemon(UpOptions options, DirectoryLock held, Catalog catalog, UpScreen screen, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ThriftEvery = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan IntentEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan CheckEvery = TimeSpan.FromMinutes(1);

    /// <summary>Within which answers that are under way may end while nobody new is let in.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan SayEvery = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly FrontDoor _door = new();
    private bool _stopEngines;
    private volatile Told? _told;
    private RouteTable _table = RouteTable.Empty;
    private DirectoryLock? _again;
    private TimeSpan? _saidAt;

    /// <summary>Why it could not start; null when it ran.</summary>
    public string? Problem { get; private set; }

    /// <summary>True when its owner ended it with its engines, and a service manager is not to start it again.</summary>
    public bool StaysDown { get; private set; }

    /// <summary>True when it ended itself in order to begin anew.</summary>
    public bool BeginsAnew { get; private set; }

    /// <summary>Ends the daemon, from any thread.</summary>
    public void Stop(bool engines)
    {
        _stopEngines |= engines;
        _stop.Cancel();
    }

    public void Dispose()
    {
        _again?.Dispose();
        _stop.Dispose();
    }

    private void Relaunch()
    {
        BeginsAnew = true;
        Stop(engines: false);
    }

    public async Task RunAsync()
    {
        using var notice = ServiceNotice.FromEnvironment(time);
        var clock = new DeviceClock(time);
        var probe = new MachineProbe();
        var wake = new Wake(time);
        var signals = new Signals(wake);
        var routes = new Routes();
        var demand = new Demand();
        var metrics = new GatewayMetrics();
        var gatewayOptions = new GatewayOptions { Key = options.Key, LocalToken = new Secret(RandomNumberGenerator.GetHexString(32, lowercase: true)) };
        using var forwarder = new Forwarder(gatewayOptions, time);
        var gateway = new OpenAiGateway(gatewayOptions, routes, signals, demand, forwarder, metrics, time);
        var record = new RecordFile(options.Data.Memory, options.Data.Aside);
        var memory = Recall(record, signals);
        var journal = new Journal(options.Data.Journal);

        await using var app = Build();
        await using var reporters = Reporters.Start(options.Intent.Reporting, options.Data.Told, new WebhookDevice(held.Identity, Environment.MachineName, Product.Version), () => metrics.Answered, time, Log<WebhookCourier>(app));
        using var instances = new Instances(options.Data, held.Identity, clock.BootId, signals, time, Log<Instances>(app)) { DiedByItself = gateway.DiedByItself };
        using var store = new ArtifactStore(options.Data, StoreOptions.FromEnvironment(options.Models, options.Intent.Policy), catalog, signals, time, Log<ArtifactStore>(app));
        var shelf = new EngineShelf(options.Data, new BuildOptions { Folder = options.Engines, Cache = Environment.GetEnvironmentVariable("MEDULLA_ENGINE_CACHE") }, signals, time, Log<EngineShelf>(app));
        var executor = new Executor(instances, store, shelf, signals, Relaunch, MachineStart.Anew, Log<Executor>(app));
        var machine = new MachineWatch(() => probe.Read(options.Data.Root), time, signals.Nudge);
        var first = Task.Run(machine.Look);
        Func<IReadOnlySet<int>> engines = () => instances.Read().Select(i => i.Pid).ToHashSet();
        var nvidia = new NvidiaWatch(engines, new LiveSource(options.Data.Root, hanging: new(StringComparer.Ordinal)));
        using var sensors = new HostSensors(options.Data.Root, probe, time, (code, subject, evidence) => signals.Post(new Signal.HostEvent(code, subject, evidence)), signals.Nudge, host => Meaning(host, machine.Current), new ProcessorWatch(engines), nvidia);
        var intent = options.IntentSource is { } file ? new IntentWatch(file, options.IntentContent, options.IntentProblem, clock.Read().Boot) : null;
        var world = new DeviceWorld(instances, store, shelf, executor, signals, demand, probe, machine, sensors, clock, Setback);
        var page = new MetricsPage(metrics, journal, signals, reporters.Webhook);
        var api = new AdminApi(options, gatewayOptions, world, () => screen.Endpoint, () => _told, page, probe, Stop);
        app.Run(context => AdminApi.Handles(context.Request.Path) ? Task.Run(() => api.HandleAsync(context)) : context.Request.Path == "/health" ? gateway.HealthAsync(context) : gateway.HandleAsync(context));
        if (!await OpenAsync(app)) return;
        screen.Endpoint = app.Urls.First() + "/v1";

        store.Load();
        await shelf.CheckAsync(_stop.Token);
        instances.Adopt();
        if (DaemonClient.CardIn(options.Data) is { BootId.Length: > 0 } card && card.BootId != clock.BootId) signals.Post(new Signal.HostEvent(Conditions.UnexpectedReboot.Code, "host", $"the machine was started anew, and the daemon of {card.StartedAt:u} had not been ended"));
        WriteCard(app, gatewayOptions.LocalToken, clock);
        notice.Ready(screen.Endpoint);
        signals.Post(new Signal.Launched());
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, s => Take(s, engines: true));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, s => Take(s, engines: false));
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, s => Take(s, engines: false));

        var began = await first;
        var sensing = sensors.RunAsync(_stop.Token);
        var looking = machine.RunAsync(_stop.Token);
        var loop = new Reconciler(world, options.Intent, catalog, began, memory, Remember, Tell, Untold);
        var checks = CheckAsync(store, shelf);
        var thrift = new Thrift(() => metrics.Answered);
        await using var spare = time.CreateTimer(_ => thrift.Look(), null, ThriftEvery, ThriftEvery);
        await using var wishes = intent is null ? null : time.CreateTimer(_ => LookAt(intent), null, IntentEvery, IntentEvery);
        await using var progress = time.CreateTimer(_ => Progress(), null, ProgressEvery, ProgressEvery);
        while (!_stop.IsCancellationRequested)
        {
            if (!LookHome(signals, () => WriteCard(app, gatewayOptions.LocalToken, clock))) break;
            var then = loop.Tick();
            notice.Alive();
            var left = then.NextLook - clock.Read().Boot;
            var beat = notice.Interval < Heartbeat ? notice.Interval.Value : Heartbeat;
            await NextAsync(wake, left is { } wait && wait < beat ? wait : beat);
        }

        notice.Stopping();

        // Engines that go on answer what is under way; nobody waits any more for one that is not there.
        var goOn = BeginsAnew && !_stopEngines;
        var last = _table.Routes.Select(r => goOn && r.Instance is not null ? r : r with { Instance = null, Expected = false, Reason = BeginsAnew ? "the device begins anew; send it again in a moment" : "the device ends" });
        routes.Publish(new RouteTable(_table.Version + 1, [.. last], _table.Degraded), goOn ? instances.Upstreams() : ImmutableDictionary<InstanceId, Upstream>.Empty);

        await Task.WhenAll(checks, sensing, looking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await executor.EndAsync();
        if (_stopEngines) await instances.StopAllAsync(TimeSpan.FromSeconds(2));
        if (BeginsAnew) _door.LeaveOpen();
        using var farewell = new CancellationTokenSource(Farewell, time);
        await app.StopAsync(farewell.Token);
        if (Problem is null) Try(() => File.Delete(options.Data.Daemon));
        StaysDown = _stopEngines && notice.IsManaged;

        string? Setback() => string.Join("; ", new[] { options.Setback, intent?.Problem }.OfType<string>()) is { Length: > 0 } text ? text : null;

        void LookAt(IntentWatch watch)
        {
            var before = watch.Problem;
            if (watch.Look(clock.Read().Boot))
            {
                Console.Error.WriteLine($"medulla: {options.IntentSource} holds another intent; the device begins anew with it, and its engines go on");
                Relaunch();
            }
            else if (watch.Problem != before)
            {
                signals.Nudge();
            }
        }

        void Progress()
        {
            if (_told?.Then.Plan is { } plan && executor.Read().Any(o => o.Detail.Length > 0)) screen.Progress(plan, executor.Read());
        }

        bool Remember(Memory next)
        {
            try
            {
                record.Write(JsonSerializer.SerializeToUtf8Bytes(next, CoreJson.Default.Memory));
                return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Say($"cannot write {options.Data.Memory}: {e.Message} What serves goes on; nothing new is begun until it can be written.");
                return false;
            }
        }

        void Untold(Exception e) => Console.Error.WriteLine($"medulla: a report failed, the work goes on: {e}");

        void Tell(Observation seen, Decision then)
        {
            var table = new RouteTable(_table.Version + 1, then.Routes, then.Degraded);
            if (!_table.Routes.SequenceEqual(table.Routes) || _table.Degraded != table.Degraded) _table = table;
            var upstreams = instances.Upstreams();
            routes.Publish(_table, upstreams);
            forwarder.Forget(new HashSet<InstanceId>(seen.Instances.Select(i => i.Id)));
            journal.Append(then.Notes.Select(n => new JournalEntry(seen.Now.Wall, n.Kind, n.Subject, n.Text)));
            page.Count(seen, then);
            _told = new Told(seen, then);
            screen.Show(seen, then);
            reporters.See(seen, then);
        }
    }

    /// <summary>
    /// The data directory may be removed, moved away or covered by a mount while the daemon runs. Then it is made or taken again and
    /// everything begins anew in it; engines that were started from another directory are ended. False when what is remembered must
    /// not be written there.
    /// </summary>
    private bool LookHome(Signals signals, Action writeCard)
    {
        switch ((_again ?? held).LookAgain())
        {
            case null:
                if (!File.Exists(options.Data.Daemon)) Try(writeCard);
                return true;
            case LockOutcome.Taken { Lock: var again }:
                _again = again;
                _stopEngines |= again.Identity != held.Identity;
                if (!_stopEngines) signals.Post(new Signal.StateDamaged("data directory", null, $"{options.Data.Root} was removed while the daemon ran"));
                Relaunch();
                return !_stopEngines;
            case LockOutcome.Held other:
                Problem = $"the data directory {options.Data.Root} was removed, and pid {other.Pid} ({other.Command}) uses another of that name now. This daemon has ended with its engines.";
                Stop(engines: true);
                return false;
            case LockOutcome.Unusable unusable:
                Say(unusable.Reason);
                return true;
            default:
                throw new InvalidOperationException("an outcome that nobody knows");
        }
    }

    /// <summary>What would be said at every tick is said once a minute.</summary>
    private void Say(string problem)
    {
        var now = Posix.BootTime();
        if (now - _saidAt < SayEvery) return;
        _saidAt = now;
        Console.Error.WriteLine($"medulla: {problem}");
    }

    private string Meaning(HostFact host, Machine? machine) =>
        string.Join(' ', HostConditions.Of(host, options.Intent.Policy, machine is not null && Budget.IsUnified(machine)).Where(c => c.Evidence is not null).Select(c => c.Condition.Code));

    private WebApplication Build()
    {
        GatewayKestrel.PreferInline();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Logging.AddSimpleConsole(c => c.SingleLine = true);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft", LogLevel.Error);
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.Services.AddSingleton<IHostLifetime, OwnLifetime>();
        GatewayKestrel.Configure(builder.WebHost, options.Listen, _door.Bind, HostSensors.OpenFilesLimit());
        return builder.Build();
    }

    private async Task<bool> OpenAsync(WebApplication app)
    {
        try
        {
            await app.StartAsync(_stop.Token);
            return true;
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            Problem = $"cannot listen on {options.Listen}: {(e.GetBaseException() as SocketException)?.Message ?? e.Message}. Choose another with --listen HOST:PORT, or end what holds it.";
            return false;
        }
    }

    private Memory Recall(RecordFile record, Signals signals)
    {
        var read = record.Read();
        if (read is RecordRead.Lost { Damage: var lost }) signals.Post(new Signal.StateDamaged(Path.GetFileName(lost.File), lost.SetAside, lost.Reason));
        if (read is not RecordRead.Found found) return Memory.Empty;
        if (found.Damage is { } damage) signals.Post(new Signal.StateDamaged(Path.GetFileName(damage.File), damage.SetAside, damage.Reason));
        try
        {
            if (JsonSerializer.Deserialize(found.Payload, CoreJson.Default.Memory) is { Format: Memory.CurrentFormat } memory) return memory;
        }
        catch (JsonException e)
        {
            Directory.CreateDirectory(options.Data.Aside);
            var aside = Path.Combine(options.Data.Aside, $"{time.GetUtcNow().ToUnixTimeMilliseconds()}-memory.json");
            File.WriteAllBytes(aside, found.Payload);
            signals.Post(new Signal.StateDamaged("memory", aside, $"it is whole but not understood: {e.Message}"));
        }

        return Memory.Empty;
    }

    private void WriteCard(WebApplication app, Secret token, DeviceClock clock)
    {
        var card = new DaemonCard(Environment.ProcessId, app.Urls.First(), token.Reveal(), Product.Version, clock.Read().Wall) { BootId = clock.BootId };
        AtomicFile.Write(options.Data.Daemon, JsonSerializer.SerializeToUtf8Bytes(card, CoreJson.Default.DaemonCard));
    }

    /// <summary>For the card, which nothing depends on but the command line.</summary>
    private void Try(Action onCard)
    {
        try
        {
            onCard();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Say($"cannot write {options.Data.Daemon}: {e.Message} The command line does not find this daemon until it can be written.");
        }
    }

    private void Take(PosixSignalContext signal, bool engines)
    {
        signal.Cancel = true;
        Stop(engines);
    }

    private async Task NextAsync(Wake wake, TimeSpan atMost)
    {
        try
        {
            await wake.NextAsync(atMost < TimeSpan.Zero ? TimeSpan.Zero : atMost, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The end of the loop.
        }
    }

    /// <summary>Looks now and then whether what lies on the disk is still what it was.</summary>
    private async Task CheckAsync(ArtifactStore store, EngineShelf shelf)
    {
        try
        {
            while (true)
            {
                try
                {
                    await store.CheckAsync(_stop.Token);
                    await Task.Delay(CheckEvery, time, _stop.Token);
                    await shelf.CheckAsync(_stop.Token);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    Console.Error.WriteLine($"medulla: what lies on the disk could not be looked at: {e.Message} It is tried again.");
                    await Task.Delay(CheckEvery, time, _stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the daemon.
        }
    }

    private static ILogger<T> Log<T>(WebApplication app) => app.Services.GetRequiredService<ILogger<T>>();

    /// <summary>Signals of the system are ours to answer, not the host's.</summary>
    private sealed class OwnLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

/// <summary>The latest tick, as it was told.</summary>
internal sealed record Told(Observation Seen, Decision Then);

/// <summary>What this program is.</summary>
internal static class Product
{
    public static string Version { get; } = typeof(Product).Assembly.GetName().Version?.ToString(3) ?? "0";
}

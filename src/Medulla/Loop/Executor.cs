using System.Collections.Immutable;
using Medulla.Artifacts;
using Medulla.Artifacts.Builds;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Medulla.Engines;

namespace Medulla.Loop;

/// <summary>
/// Carries plans: starts what is new, leaves alone what is in flight, cancels what is no longer planned (but for a stop,
/// which is seen through). One operation per subject. Its end is a nudge; what it changed is observed, not reported.
/// Bound: one operation per item of a plan.
/// </summary>
/// <param name="relaunch">Ends the daemon, and has it begin anew.</param>
/// <param name="reboot">Has the system start the machine anew; gives why it could not.</param>
internal sealed partial class Executor(Instances instances, ArtifactStore store, EngineShelf shelf, Signals signals, Action relaunch, Func<string?> reboot, ILogger<Executor> log)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Operation> _operations = new(StringComparer.Ordinal);

    public ImmutableArray<OperationFact> Read()
    {
        lock (_gate) return [.. _operations.Values.Where(o => !o.Ended).Select(o => o.Progress)];
    }

    /// <summary>
    /// Lets go of what has ended, before the loop reads its signals. An operation that ends later keeps its subject until the
    /// next tick has read what it said: a plan that did not know of its end cannot start it again.
    /// </summary>
    public void Settle()
    {
        lock (_gate)
        {
            foreach (var operation in _operations.Values.Where(o => o.Ended).ToList())
            {
                _operations.Remove(operation.Move.Subject);
                operation.Cancel.Dispose();
            }
        }
    }

    public void Carry(Plan plan)
    {
        lock (_gate)
        {
            foreach (var operation in _operations.Values.Where(o => o.Move is not Move.StopInstance && plan.Moves.All(m => m.Subject != o.Move.Subject || m.GetType() != o.Move.GetType()))) operation.Cancel.Cancel();
            foreach (var move in plan.Moves.Where(m => !_operations.ContainsKey(m.Subject)))
            {
                var operation = new Operation(move);
                _operations.Add(move.Subject, operation);
                operation.Task = Task.Run(() => RunAsync(operation));
            }
        }
    }

    /// <summary>Cancels everything and waits for it to end.</summary>
    public async Task EndAsync()
    {
        List<Task> tasks;
        lock (_gate)
        {
            foreach (var operation in _operations.Values) operation.Cancel.Cancel();
            tasks = [.. _operations.Values.Select(o => o.Task)];
        }

        await Task.WhenAll(tasks);
    }

    private async Task RunAsync(Operation operation)
    {
        var cancel = operation.Cancel.Token;
        try
        {
            await (operation.Move switch
            {
                Move.StartInstance start => StartAsync(start, cancel),
                Move.StopInstance stop => instances.StopAsync(stop),
                Move.ProbeInstance probe => instances.ProbeAsync(probe, cancel),
                Move.MeasureInstance measure => instances.MeasureAsync(measure, cancel),
                Move.FetchWeights fetch => store.FetchAsync(fetch, operation, cancel),
                Move.FetchEngine fetch => shelf.FetchAsync(fetch, operation, cancel),
                Move.VerifyWeights verify => store.VerifyAsync(verify, cancel),
                Move.VerifyBuild verify => shelf.VerifyAsync(verify, cancel),
                Move.Sweep sweep => SweepAsync(sweep, cancel),
                Move.RelaunchDaemon => Task.Run(relaunch, CancellationToken.None),
                Move.RebootMachine => Task.Run(() => signals.Post(new Signal.RebootAsked(reboot())), CancellationToken.None),
                _ => throw new InvalidOperationException($"nobody carries {operation.Move}"),
            });
        }
        catch (OperationCanceledException)
        {
            LogCancelled(operation.Move.Title);
        }
        catch (Exception e)
        {
            // A bug: the loop goes on and plans the move again, but never without a trace.
            LogFailed(operation.Move.Title, e);
            await Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None);
        }
        finally
        {
            operation.Ended = true;
            signals.Nudge();
        }
    }

    /// <summary>Model and build are what was verified, or they are not run.</summary>
    private async Task StartAsync(Move.StartInstance move, CancellationToken cancel)
    {
        if (!move.Spec.Files.All(f => store.Trusts(f.Digest))) await store.CheckAsync(cancel);
        else if (!EngineShelf.Trusts(move.Folder)) await shelf.CheckAsync(cancel);
        else instances.Start(move);
    }

    private async Task SweepAsync(Move.Sweep move, CancellationToken cancel)
    {
        HashSet<string> staged;
        lock (_gate) staged = [.. _operations.Values.Select(o => o.Move).OfType<Move.FetchWeights>().SelectMany(f => f.File.Pieces()).Select(p => p.Digest!.Value.Hex)];
        var before = store.FreeSpace;
        try
        {
            store.Sweep(move.Keep, staged);
            await shelf.SweepAsync(move.KeepBuilds, cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogFailed(move.Title, e);
        }

        signals.Post(new Signal.Swept(new ByteSize(Math.Max(0, store.FreeSpace - before))));
    }

    [LoggerMessage(1001, LogLevel.Debug, "given up: {Title}")]
    private partial void LogCancelled(string title);

    [LoggerMessage(1002, LogLevel.Error, "failed unexpectedly: {Title}")]
    private partial void LogFailed(string title, Exception e);

    private sealed class Operation(Move move) : IProgress<OperationFact>
    {
        public Move Move { get; } = move;

        public CancellationTokenSource Cancel { get; } = new();

        public Task Task { get; set; } = Task.CompletedTask;

        public volatile bool Ended;

        public OperationFact Progress { get; private set; } = new(move.Subject, "", null, null, null);

        public void Report(OperationFact value) => Progress = value;
    }
}

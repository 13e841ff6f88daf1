using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Medulla.Tests.FakeEngine;

// Speaks enough of llama-server for a supervisor and an OpenAI client. Faults: load-ms=N, boot-says=KIND, oom-above=CONTEXT,
// eat-per-1k=KIB, never-ready, exit-after-ms=N, token-ms=N, crash-on=TEXT, oom-on=TEXT, hang-on=TEXT, hang, swallow, slow-prefill-ms=N,
// die-mid-stream-after=N, wrong-answers, one-character, thinks=TOKENS, wrong-key, ignore-sigterm, log-prompts; only=ALIAS: all of them for this model only.
if (args.Contains("--version", StringComparer.Ordinal))
{
    await Console.Error.WriteLineAsync("version: 0.0.1-dev (build 1, commit fake)\nbuilt with nothing for nobody");
    return 0;
}

if (args.Contains("--help", StringComparer.Ordinal))
{
    foreach (var flag in Options.Known) Console.WriteLine($"{flag} VALUE                 of the fake engine");
    return 0;
}

if (Options.Read(args, out var options) is { } bogus)
{
    await Console.Error.WriteLineAsync($"error: invalid argument: {bogus}");
    return 1;
}

var faults = Faults.Read(options);
await Console.Error.WriteLineAsync("0.00.000.001 I srv  llama_server: initializing ...");
if (faults.Text("boot-says") is { } kind)
{
    await Console.Error.WriteLineAsync(LastWords.Of(kind));
    if (LastWords.SignalOf(kind) is { } signal) LastWords.DieBy(signal);
    return LastWords.CodeOf(kind);
}

if (faults.Has("oom-above") && options.Context > faults.Number("oom-above", 0))
{
    await Console.Error.WriteLineAsync(LastWords.Of("oom-load-host"));
    return 1;
}

// A real appetite: pages that are touched, so that a real limit of the kernel's is met.
LastWords.Eat(faults.Number("eat-per-1k", 0) * (long)options.Context);
if (faults.Has("ignore-sigterm")) PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => c.Cancel = true);
var started = Stopwatch.StartNew();
if (faults.Has("exit-after-ms")) _ = Task.Delay(faults.Number("exit-after-ms", 0)).ContinueWith(_ => Environment.Exit(3), TaskScheduler.Default);
using var listener = options.Listen();
while (true)
{
    var connection = await listener.AcceptAsync();
    _ = Task.Run(async () =>
    {
        try
        {
            using var stream = new NetworkStream(connection, ownsSocket: true);
            using var conversation = new Conversation(stream, options, () => Faults.Read(options), () => started.ElapsedMilliseconds);
            await conversation.RunAsync();
        }
        catch (Exception e) when (e is IOException || Complain(e))
        {
            // The client went away.
        }
    });
}

// Anything but a client that went away is this program's own fault, and is said.
static bool Complain(Exception e)
{
    Console.Error.WriteLine(e);
    return true;
}

using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Medulla.Tests.FakeEngine;

// Speaks enough of llama-server for a supervisor and an OpenAI client. Faults: load-ms=N, refuse-boot, never-ready,
// exit-after-ms=N, token-ms=N, crash-on=TEXT, hang-on=TEXT, die-mid-stream-after=N, wrong-answers, ignore-sigterm, log-prompts.
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

var faults = Faults.Read();
await Console.Error.WriteLineAsync("0.00.000.001 I srv  llama_server: initializing ...");
if (faults.Has("refuse-boot"))
{
    await Console.Error.WriteLineAsync("0.00.000.002 E llama_model_load: error loading model: unknown model architecture: 'fake'\n0.00.000.003 E srv  llama_server: exiting due to model loading error");
    return 1;
}

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
            using var conversation = new Conversation(stream, options, Faults.Read, () => started.ElapsedMilliseconds);
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

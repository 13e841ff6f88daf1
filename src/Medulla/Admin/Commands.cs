using System.CommandLine;
using System.CommandLine.Help;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Medulla.Core.Trials;
using Medulla.Core.Wire;
using Medulla.Engines;
using Medulla.Probing;
using Medulla.State;
using Spectre.Console;

namespace Medulla.Admin;

/// <summary>Exit codes of the command line. Stable.</summary>
internal static class ExitCode
{
    public const int Fine = 0;

    public const int Failed = 1;

    public const int Usage = 2;

    /// <summary>The owner ended a daemon that a service manager had started: it is not to be started again.</summary>
    public const int StaysDown = Service.ServiceFile.StaysDown;

    public const int BadConfiguration = 78;
}

/// <summary>The command line.</summary>
internal static class Commands
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);

    /// <summary>The runtime itself has near two hundred open.</summary>
    private const int LeastFiles = 300;

    internal static readonly Option<string?> Data = new("--data") { Description = "Data directory (default: /var/lib/medulla as root, else ~/.local/share/medulla)", HelpName = "DIR", Recursive = true };
    internal static readonly Option<bool> Json = new("--json") { Description = "Print JSON" };

    internal static readonly CoreJson Indented = new(new JsonSerializerOptions(CoreJson.Default.Options) { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static async Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand("Runs, heals and upgrades AI engines on this device behind an OpenAI-compatible endpoint.") { Up(), Stop(), Status(), Why(), Logs(), Incidents(), SupportCommand.Create(), DetectCommand.Create(), PlanCommand.Create(), PredictCommand.Create(), CatalogCommand.Create(), ServiceCommand.Create() };
        root.Add(Data);
        var parsed = root.Parse(args);
        if (parsed.Errors.Count == 0) return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        foreach (var error in parsed.Errors) await Console.Error.WriteLineAsync($"medulla: {error.Message}");
        await Console.Error.WriteLineAsync("Try 'medulla --help', or 'medulla COMMAND --help'.");
        return ExitCode.Usage;
    }

    /// <summary>Colours and folding are for terminals: a file or another program gets plain lines.</summary>
    internal static readonly IAnsiConsole Screen = OpenScreen();

    private static Command Up()
    {
        var listen = new Option<string>("--listen") { Description = "Address of the endpoint", HelpName = "HOST:PORT", DefaultValueFactory = _ => "127.0.0.1:8642" };
        var intent = new Option<string?>("--intent") { Description = "What is wanted of this device (YAML); without it, one workload: chat", HelpName = "FILE" };
        var models = new Option<string?>("--models") { Description = "Folder with model files that are already here", HelpName = "DIR" };
        var engines = new Option<string?>("--engines") { Description = "Folder with a build of llama.cpp that is already here", HelpName = "DIR" };
        var key = new Option<string?>("--key-file") { Description = "File with the key that clients must send", HelpName = "FILE" };
        var noClimb = new Option<bool>("--no-climb") { Description = "Keep the first model; fetch no better one" };
        var command = new Command("up", "Run the device in the foreground") { listen, intent, models, engines, key, noClimb };
        command.SetAction(async (parsed, _) =>
        {
            var (options, problems) = UpOptions.Validate(
                parsed.GetValue(Data), parsed.GetValue(listen)!, parsed.GetValue(intent), parsed.GetValue(models), parsed.GetValue(engines), parsed.GetValue(key), parsed.GetValue(noClimb), UpOptions.IsUnattended);
            if (options is not null) return await UpAsync(options);
            foreach (var problem in problems) await Console.Error.WriteLineAsync($"medulla: {problem}");
            return ExitCode.BadConfiguration;
        });
        return command;
    }

    private static async Task<int> UpAsync(UpOptions options)
    {
        if (!OperatingSystem.IsLinux()) return await FailAsync("this release runs engines on Linux only; 'medulla detect' works here");
        if (HostSensors.OpenFilesLimit() is { } files and < LeastFiles) return await FailAsync($"this process may open {files} files, and the device needs {LeastFiles}. Raise the limit: 'ulimit -n 4096' in a shell, LimitNOFILE= in a unit.");
        switch (DirectoryLock.Take(options.Data))
        {
            case LockOutcome.Held other:
                return await FailAsync($"the data directory {options.Data.Root} is in use by pid {other.Pid} ({other.Command}). End it with 'medulla stop --data {options.Data.Root}', or choose another directory with --data DIR.");
            case LockOutcome.Unusable unusable:
                return await FailAsync(unusable.Reason);
            case LockOutcome.Taken taken:
                int? code;
                using (taken.Lock) code = await ServeAsync(options, taken.Lock);
                return code ?? await FailAsync($"cannot begin anew: {Posix.BeginAnew()}");
            default:
                throw new InvalidOperationException("an outcome that nobody knows");
        }
    }

    /// <summary>Null when it is to begin anew.</summary>
    private static async Task<int?> ServeAsync(UpOptions options, DirectoryLock held)
    {
        Workers.Make();
        var (catalog, warning) = EmbeddedCatalog.InForce(options.Data);
        if (warning is not null) await Console.Error.WriteLineAsync($"medulla: {warning}");
        foreach (var problem in new[] { options.Setback, options.IntentProblem }.OfType<string>()) await Console.Error.WriteLineAsync($"medulla: {problem}");
        options.KeepIntent();
        var screen = new UpScreen(Screen, TimeProvider.System);
        using var daemon = new Daemon(options, held, catalog, screen, TimeProvider.System);
        await daemon.RunAsync();
        if (daemon.Problem is { } why) return await FailAsync(why);
        if (daemon.BeginsAnew) return null;
        return daemon.StaysDown ? ExitCode.StaysDown : ExitCode.Fine;
    }

    private static Command Stop()
    {
        var command = new Command("stop", "End the daemon and its engines");
        command.SetAction(async (parsed, cancel) =>
        {
            var data = UpOptions.DataDirectoryOf(parsed.GetValue(Data));
            using var client = DaemonClient.Find(data);
            if (client is null || !await client.StopAsync(cancel)) return await FailAsync($"no daemon runs on {data.Root}");
            var end = DateTime.UtcNow + StopLimit;
            while (ProcTable.Find(client.Card.Pid) is { State: not 'Z' })
            {
                if (DateTime.UtcNow > end) return await FailAsync($"pid {client.Card.Pid} was asked to end and still runs after {StopLimit.TotalSeconds:0} s");
                await Task.Delay(50, cancel);
            }

            Console.WriteLine("stopped");
            return ExitCode.Fine;
        });
        return command;
    }

    private static Command Status() => Report(
        new Command("status", "Show what serves, what is under way and what is waited for"),
        "/api/v1/status",
        Indented.StatusReport,
        (data, memory, _) => StatusReport.Stopped(memory, Product.Version, data.Root),
        static (console, report) => console.Show(report));

    private static Command Why()
    {
        var about = new Argument<string?>("subject") { Description = "A workload, a model or any word; without it, everything", Arity = ArgumentArity.ZeroOrOne };
        return Report(
            new Command("why", "Explain the present state in sentences"),
            "/api/v1/why",
            Indented.WhyReport,
            (_, memory, asked) => WhyReport.Stopped(memory, asked.About),
            static (console, report) => console.Show(report),
            about);
    }

    private static Command Incidents()
    {
        var about = new Argument<string?>("subject") { Description = "A workload, a condition or any word; without it, everything", Arity = ArgumentArity.ZeroOrOne };
        var all = new Option<bool>("--all") { Description = $"Tell every closed one that is remembered, not only the latest {IncidentReport.FewClosed}" };
        return Report(
            new Command("incidents", "Tell what went wrong, what was tried, what proved it over and what was learned"),
            "/api/v1/incidents",
            Indented.IncidentReport,
            static (_, memory, asked) => IncidentReport.Of(memory, TimeProvider.System.GetUtcNow(), asked.About, asked.All),
            static (console, report) => console.Show(report),
            about,
            all);
    }

    /// <summary>What a read command was asked for.</summary>
    /// <param name="About">Null for everything.</param>
    private readonly record struct Asked(string? About, bool All)
    {
        public string Query(string path, bool hasAll)
        {
            var query = new[] { About is null ? null : $"about={Uri.EscapeDataString(About)}", hasAll ? $"all={(All ? "true" : "false")}" : null }.OfType<string>().ToList();
            return query.Count == 0 ? path : $"{path}?{string.Join('&', query)}";
        }
    }

    /// <summary>A read command: asks the daemon, or reads the data directory where none runs.</summary>
    private static Command Report<T>(Command command, string path, JsonTypeInfo<T> type, Func<DataDirectory, Memory, Asked, T> alone, Action<IAnsiConsole, T> show, Argument<string?>? about = null, Option<bool>? all = null)
        where T : class
    {
        command.Add(Json);
        if (about is not null) command.Add(about);
        if (all is not null) command.Add(all);
        command.SetAction(async (parsed, cancel) =>
        {
            var data = UpOptions.DataDirectoryOf(parsed.GetValue(Data));
            var asked = new Asked(about is null ? null : parsed.GetValue(about), all is not null && parsed.GetValue(all));
            using var client = DaemonClient.Find(data);
            var report = client is null ? null : await client.GetAsync(asked.Query(path, all is not null), type, cancel);
            if (report is null)
            {
                if (ReadMemory(data) is not { } memory) return await FailAsync($"no daemon runs on {data.Root}, and nothing is remembered there. Start one with 'medulla up', or name another directory with --data DIR.");
                report = alone(data, memory, asked);
            }

            if (parsed.GetValue(Json)) Console.WriteLine(JsonSerializer.Serialize(report, type));
            else show(Screen, report);
            return ExitCode.Fine;
        });
        return command;
    }

    private static Command Logs()
    {
        var lines = new Option<int>("--lines", "-n") { Description = "How many lines", DefaultValueFactory = _ => 50 };
        var engine = new Option<bool>("--engine") { Description = "What the engines printed, instead of the journal" };
        var about = new Argument<string?>("subject") { Description = "A workload, a model or any word", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("logs", "Show the journal, or what the engines printed") { lines, engine, Json, about };
        command.SetAction(async (parsed, _) =>
        {
            var data = UpOptions.DataDirectoryOf(parsed.GetValue(Data));
            if (!Directory.Exists(data.Root)) return await FailAsync($"there is no data directory {data.Root}");
            var word = parsed.GetValue(about);
            if (parsed.GetValue(engine))
            {
                foreach (var run in new DirectoryInfo(data.Run).EnumerateDirectories().Where(d => word is null || d.Name.Contains(word, StringComparison.OrdinalIgnoreCase)).OrderBy(d => d.LastWriteTimeUtc))
                {
                    Console.WriteLine($"==> {run.Name}");
                    foreach (var line in LogTail.Last(Path.Combine(run.FullName, "engine.log"), parsed.GetValue(lines))) Console.WriteLine(line);
                }

                return ExitCode.Fine;
            }

            var (entries, damaged) = Journal.Read(data.Journal, parsed.GetValue(lines), word);
            foreach (var entry in entries)
            {
                Console.WriteLine(parsed.GetValue(Json) ? JsonSerializer.Serialize(entry, JournalJson.Default.JournalEntry) : $"{entry.At.LocalDateTime:yyyy-MM-dd HH:mm:ss}  {entry.Kind,-9} {entry.Subject}: {entry.Text}");
            }

            if (damaged > 0) await Console.Error.WriteLineAsync($"medulla: {damaged} damaged lines of the journal were passed over");
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary>What a daemon remembered; null when nothing can be read. Reads only: a damaged slot stays where it is.</summary>
    internal static Memory? ReadMemory(DataDirectory data)
    {
        try
        {
            return RecordFile.Peek(data.Memory) is { } payload ? JsonSerializer.Deserialize(payload, CoreJson.Default.Memory) : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static IAnsiConsole OpenScreen()
    {
        if (!Console.IsOutputRedirected) return AnsiConsole.Console;
        var plain = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No });
        plain.Profile.Width = 4096;
        return plain;
    }

    internal static async Task<int> FailAsync(string message, int code = ExitCode.Failed)
    {
        await Console.Error.WriteLineAsync($"medulla: {message}");
        return code;
    }
}

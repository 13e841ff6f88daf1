using System.Globalization;
using System.Net;
using Medulla.Catalogs;
using Medulla.Core.Intents;
using Medulla.Loop;
using Medulla.State;

namespace Medulla.Admin;

/// <summary>What <c>medulla up</c> was asked for, validated whole.</summary>
internal sealed record UpOptions
{
    public required DataDirectory Data { get; init; }

    public required IPEndPoint Listen { get; init; }

    public required Intent Intent { get; init; }

    /// <summary>The file that says it; null for the default.</summary>
    public string? IntentSource { get; init; }

    /// <summary>What the file held right before it was read (<see cref="IntentWatch.ContentOf"/>); null for none.</summary>
    public byte[]? IntentContent { get; init; }

    /// <summary>Why the last intent that could be read is in force, and not the file's; null when the file's is.</summary>
    public string? IntentProblem { get; init; }

    /// <summary>What else could not be used; null when all was.</summary>
    public string? Setback { get; init; }

    /// <summary>Null for none.</summary>
    public required string? Models { get; init; }

    /// <summary>Null for none.</summary>
    public required string? Engines { get; init; }

    /// <summary>Null for none.</summary>
    public required Secret? Key { get; init; }

    /// <summary>What a service gives on to <c>medulla up</c>.</summary>
    public static IEnumerable<System.CommandLine.Option<string?>> Passed() =>
    [
        new("--listen") { Description = "Address of the endpoint", HelpName = "HOST:PORT" },
        new("--intent") { Description = "What is wanted of this device (YAML)", HelpName = "FILE" },
        new("--models") { Description = "Folder with model files that are already here", HelpName = "DIR" },
        new("--engines") { Description = "Folder with a build of llama.cpp that is already here", HelpName = "DIR" },
        new("--key-file") { Description = "File with the key that clients must send", HelpName = "FILE" },
    ];

    /// <summary>
    /// True under a service manager, and for a daemon that begins anew by itself: nobody is there to read what is wrong, and a device that does
    /// not start is worse than one that goes on as before.
    /// </summary>
    public static bool IsUnattended => Environment.GetEnvironmentVariable(Posix.BegunAnew) is { Length: > 0 } || Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 0 } || Environment.GetEnvironmentVariable("INVOCATION_ID") is { Length: > 0 };

    /// <param name="unattended">What can be done without is passed over then, and an intent that cannot be read gives way to the last one that could.</param>
    /// <returns>The options, or every problem at once.</returns>
    public static (UpOptions? Options, IReadOnlyList<string> Problems) Validate(string? data, string listen, string? intentFile, string? models, string? engines, string? keyFile, bool noClimb, bool unattended)
    {
        var problems = new List<string>();
        var setbacks = new List<string>();
        string? intentProblem = null;
        var directory = DataDirectoryOf(data);
        var endpoint = ReadEndpoint(listen, problems);
        var key = keyFile is null ? null : ReadKey(keyFile, problems);
        if (endpoint is not null && !IPAddress.IsLoopback(endpoint.Address) && keyFile is null)
        {
            problems.Add($"--listen {listen} can be reached from other machines and no key is set: write one into a file (16 characters or more) and give --key-file FILE");
        }

        foreach (var (option, folder) in new[] { ("--models", models), ("--engines", engines) })
        {
            if (folder is not null && !Directory.Exists(folder)) (unattended ? setbacks : problems).Add($"{option} {folder}: there is no such folder");
        }

        var intent = Intent.Default(new Policy());
        var content = intentFile is null ? null : IntentWatch.ContentOf(intentFile);
        if (intentFile is not null)
        {
            var (read, wrong) = IntentFile.Read(intentFile);
            if (read is null && unattended && IntentFile.Read(directory.Intent).Intent is { } kept)
            {
                intentProblem = $"{string.Join("; ", wrong)}; the last intent that could be read is in force";
                read = kept;
            }
            else
            {
                problems.AddRange(wrong);
            }

            intent = read ?? intent;
        }

        if (Environment.GetEnvironmentVariable("MEDULLA_PACE") is { } text)
        {
            if (double.TryParse(text, CultureInfo.InvariantCulture, out var pace) && pace is >= 1 and <= 1000) intent = intent with { Policy = intent.Policy with { Pace = pace } };
            else problems.Add($"MEDULLA_PACE is '{text}', and a number from 1 to 1000 is needed: how much faster the times of quiet pass that prove a repair");
        }

        if (problems.Count > 0) return (null, problems);
        return (new UpOptions
        {
            Data = directory,
            Listen = endpoint!,
            Intent = noClimb ? intent with { Policy = intent.Policy with { Climb = false } } : intent,
            Models = models is null ? null : Path.GetFullPath(models),
            Engines = engines is null ? null : Path.GetFullPath(engines),
            Key = key,
            IntentSource = intentFile is null ? null : Path.GetFullPath(intentFile),
            IntentContent = content,
            IntentProblem = intentProblem,
            Setback = setbacks.Count == 0 ? null : string.Join("; ", setbacks),
        }, []);
    }

    /// <summary>For a later start that cannot read its own; one that cannot be kept is missed only then.</summary>
    public void KeepIntent()
    {
        if (IntentSource is null || IntentProblem is not null) return;
        try
        {
            var text = File.ReadAllBytes(IntentSource);
            if (!File.Exists(Data.Intent) || !text.AsSpan().SequenceEqual(File.ReadAllBytes(Data.Intent))) AtomicFile.Write(Data.Intent, text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"medulla: cannot keep a copy of {IntentSource} as {Data.Intent}: {e.Message}");
        }
    }

    /// <summary>The folder that was named, or the usual one of this user.</summary>
    public static DataDirectory DataDirectoryOf(string? data)
    {
        if (data is not null) return new DataDirectory(Path.GetFullPath(data));
        if (Environment.IsPrivilegedProcess && OperatingSystem.IsLinux()) return new DataDirectory("/var/lib/medulla");
        var home = Environment.GetEnvironmentVariable("XDG_DATA_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "share");
        return new DataDirectory(Path.Combine(home, "medulla"));
    }

    private static IPEndPoint? ReadEndpoint(string listen, List<string> problems)
    {
        var text = listen.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase) ? "127.0.0.1:" + listen[10..] : listen;
        if (IPEndPoint.TryParse(text, out var endpoint) && text.Contains(':', StringComparison.Ordinal)) return endpoint;
        problems.Add($"--listen {listen} is not HOST:PORT, such as 127.0.0.1:8642 or 0.0.0.0:8642");
        return null;
    }

    private static Secret? ReadKey(string file, List<string> problems)
    {
        try
        {
            var key = File.ReadAllText(file).Trim();
            if (key.Length >= 16 && !key.Any(char.IsWhiteSpace)) return new Secret(key);
            problems.Add($"--key-file {file} must hold one key of 16 characters or more, without spaces; for example: openssl rand -hex 24 > {file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add($"--key-file {file} cannot be read: {e.Message}");
        }

        return null;
    }
}

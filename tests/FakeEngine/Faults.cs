using System.Globalization;

namespace Medulla.Tests.FakeEngine;

/// <summary>The misbehaviour asked for: <c>name</c> or <c>name=value</c>, separated by commas, in FAKE_ENGINE, or in the file that FAKE_FAULTS names, or in a file <c>faults</c> beside the program; a file may change while it runs.</summary>
internal sealed class Faults
{
    private readonly Dictionary<string, string> _asked = new(StringComparer.Ordinal);

    /// <summary>Requests that are being worked on, and steps that were made: what the metrics tell.</summary>
    private static int _working;
    private static long _steps;

    public static int Working => Volatile.Read(ref _working);

    public static long Steps => Interlocked.Read(ref _steps);

    public static void Begin() => Interlocked.Increment(ref _working);

    public static void End() => Interlocked.Decrement(ref _working);

    public static void Step() => Interlocked.Increment(ref _steps);

    private Faults(string text)
    {
        foreach (var item in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var pair = item.Split('=', 2);
            _asked[pair[0]] = pair.Length > 1 ? pair[1] : "";
        }
    }

    public static Faults Read(Options options)
    {
        var file = Environment.GetEnvironmentVariable("FAKE_FAULTS") ?? Path.Combine(AppContext.BaseDirectory, "faults");
        var asked = new Faults(Environment.GetEnvironmentVariable("FAKE_ENGINE") ?? (File.Exists(file) ? File.ReadAllText(file) : ""));
        return asked._asked.TryGetValue("only", out var alias) && alias != options.Alias ? new Faults("") : asked;
    }

    public string? Text(string name) => _asked.GetValueOrDefault(name);

    public bool Has(string name) => _asked.ContainsKey(name);

    public int Number(string name, int usual) => _asked.TryGetValue(name, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : usual;

    /// <summary>True when the request carries the fault's marker.</summary>
    public bool Marks(string name, string request) => _asked.TryGetValue(name, out var marker) && request.Contains(marker, StringComparison.Ordinal);
}

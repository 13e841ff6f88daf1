using System.Globalization;

namespace Medulla.Tests.FakeEngine;

/// <summary>The misbehaviour asked for: <c>name</c> or <c>name=value</c>, separated by commas, in FAKE_ENGINE or in a file <c>faults</c> beside the program, which may change while it runs.</summary>
internal sealed class Faults
{
    private readonly Dictionary<string, string> _asked = new(StringComparer.Ordinal);

    private Faults(string text)
    {
        foreach (var item in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var pair = item.Split('=', 2);
            _asked[pair[0]] = pair.Length > 1 ? pair[1] : "";
        }
    }

    public static Faults Read()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "faults");
        return new Faults(Environment.GetEnvironmentVariable("FAKE_ENGINE") ?? (File.Exists(file) ? File.ReadAllText(file) : ""));
    }

    public bool Has(string name) => _asked.ContainsKey(name);

    public int Number(string name, int usual) => _asked.TryGetValue(name, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : usual;

    /// <summary>True when the request carries the fault's marker.</summary>
    public bool Marks(string name, string request) => _asked.TryGetValue(name, out var marker) && request.Contains(marker, StringComparison.Ordinal);
}

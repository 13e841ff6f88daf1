using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Medulla.Core.Units;

/// <summary>A kind of engine in the catalog, such as <c>llama.cpp</c>.</summary>
[JsonConverter(typeof(TextConverter<EngineId>))]
public readonly record struct EngineId(string Value) : IParsable<EngineId>
{
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out EngineId result)
    {
        result = new(s ?? "");
        return IdText.IsValid(s);
    }

    public static EngineId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a EngineId: {IdText.Rule}");

    public static EngineId Parse(string s) => Parse(s, null);

    public override string ToString() => Value;
}

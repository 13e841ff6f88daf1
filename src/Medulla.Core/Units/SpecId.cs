using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Medulla.Core.Units;

/// <summary>Fingerprint of an instance specification: equal ids run the same thing.</summary>
[JsonConverter(typeof(TextConverter<SpecId>))]
public readonly record struct SpecId(string Value) : IParsable<SpecId>
{
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out SpecId result)
    {
        result = new(s ?? "");
        return IdText.IsValid(s);
    }

    public static SpecId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a SpecId: {IdText.Rule}");

    public static SpecId Parse(string s) => Parse(s, null);

    public override string ToString() => Value;
}

using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Medulla.Core.Units;

/// <summary>A model in the catalog, or a file of the owner: 1 to 96 of letters, digits, <c>. _ - :</c>.</summary>
[JsonConverter(typeof(TextConverter<ModelId>))]
public readonly record struct ModelId(string Value) : IParsable<ModelId>
{
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ModelId result)
    {
        result = new(s ?? "");
        return IdText.IsValid(s);
    }

    public static ModelId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a ModelId: {IdText.Rule}");

    public static ModelId Parse(string s) => Parse(s, null);

    public override string ToString() => Value;
}

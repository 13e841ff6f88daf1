using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Medulla.Core.Units;

/// <summary>A profile, recipe or remedy of the catalog: 1 to 96 of letters, digits, <c>. _ - :</c>.</summary>
[JsonConverter(typeof(TextConverter<EntryId>))]
public readonly record struct EntryId(string Value) : IParsable<EntryId>
{
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out EntryId result)
    {
        result = new(s ?? "");
        return IdText.IsValid(s);
    }

    public static EntryId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a EntryId: {IdText.Rule}");

    public static EntryId Parse(string s) => Parse(s, null);

    public override string ToString() => Value;
}

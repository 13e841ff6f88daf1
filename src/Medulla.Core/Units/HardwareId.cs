using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Medulla.Core.Units;

/// <summary>A kind of hardware in the catalog: 1 to 96 of letters, digits, <c>. _ - :</c>.</summary>
[JsonConverter(typeof(TextConverter<HardwareId>))]
public readonly record struct HardwareId(string Value) : IParsable<HardwareId>
{
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out HardwareId result)
    {
        result = new(s ?? "");
        return IdText.IsValid(s);
    }

    public static HardwareId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a HardwareId: {IdText.Rule}");

    public static HardwareId Parse(string s) => Parse(s, null);

    public override string ToString() => Value;
}

using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Medulla.Core.Units;

/// <summary>One process of an engine in one life; never used again.</summary>
[JsonConverter(typeof(TextConverter<InstanceId>))]
public readonly record struct InstanceId(string Value) : IParsable<InstanceId>
{
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out InstanceId result)
    {
        result = new(s ?? "");
        return IdText.IsValid(s);
    }

    public static InstanceId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a InstanceId: {IdText.Rule}");

    public static InstanceId Parse(string s) => Parse(s, null);

    public override string ToString() => Value;
}

using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Medulla.Core.Units;

/// <summary>Name of a workload, as clients send it in <c>model</c>: 1 to 64 of letters, digits, <c>. _ -</c>.</summary>
[JsonConverter(typeof(TextConverter<WorkloadName>))]
public readonly record struct WorkloadName(string Value) : IParsable<WorkloadName>
{
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out WorkloadName result)
    {
        result = new(s ?? "");
        return IdText.IsValid(s);
    }

    public static WorkloadName Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a WorkloadName: {IdText.Rule}");

    public static WorkloadName Parse(string s) => Parse(s, null);

    public override string ToString() => Value;
}

using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Catalogs;

/// <summary><c>catalog/remedies</c>.</summary>
internal static class RemedyFiles
{
    private static readonly ImmutableDictionary<string, AmendmentKind> Steps =
        Enum.GetValues<AmendmentKind>().ToImmutableDictionary(k => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(k.ToString()), k => k, StringComparer.Ordinal);

    public static RemedyEntry Read(YamlMap map) => new()
    {
        Id = map.Parsed<EntryId>("id", "an id", required: true) ?? default,
        Condition = (map.Parsed<EntryId>("condition", "the code of a condition", required: true) ?? default).Value ?? "",
        Title = map.Text("title", required: true) ?? "",
        When = ReadGuard(map),
        Amendments = [.. map.Maps("amendments", required: true).Select(ReadAmendment)],
        Sources = [.. map.Texts("sources")],
    };

    private static Amendment ReadAmendment(YamlMap map)
    {
        var amendment = new Amendment(
            map.Choice("do", Steps, required: true) ?? AmendmentKind.Restart,
            map.Real("factor", 0.01, 1),
            map.Number("at_most", 1, 100),
            map.Choice("proof", IntentFile.Words<ProofKind>(), required: true) ?? ProofKind.Serves,
            ReadGuard(map));
        map.Finish();
        return amendment;
    }

    private static AmendmentGuard? ReadGuard(YamlMap map)
    {
        if (map.Map("when") is not { } when) return null;
        var guard = new AmendmentGuard(when.Number("times_at_least", 1, 1000) ?? 1, when.Number("within_minutes", 1, 100_000) ?? 60);
        when.Finish();
        return guard;
    }
}

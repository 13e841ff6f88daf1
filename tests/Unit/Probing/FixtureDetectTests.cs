using System.Text.Json;
using Medulla.Core.Wire;
using Medulla.Probing;

namespace Medulla.Tests.Unit.Probing;

/// <summary>Every capture of a real box gives what its <c>expected.json</c> says.</summary>
public sealed class FixtureDetectTests
{
    private static readonly string Fixtures = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "fixtures", "hardware"));

    public static TheoryData<string> Names()
    {
        var names = new TheoryData<string>();
        foreach (var root in new[] { Fixtures, OwnCaptures.Root })
        {
            if (!Directory.Exists(root)) continue;
            foreach (var folder in Directory.EnumerateDirectories(root).Where(f => File.Exists(Path.Combine(f, "expected.json"))).Order(StringComparer.Ordinal))
            {
                using var expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
                var kind = expected.RootElement.TryGetProperty("kind", out var k) ? k.GetString()! : "";
                if (!kind.StartsWith("detector_output", StringComparison.Ordinal)) names.Add(Path.GetFileName(folder));
            }
        }

        return names;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_capture_gives_what_is_expected_of_it(string name)
    {
        var folder = Path.Combine(OwnCaptures.Root, name);
        if (!Directory.Exists(folder)) folder = Path.Combine(Fixtures, name);
        Assert.SkipUnless(Directory.Exists(folder), "the captures of real boxes are not beside this checkout");
        using var expected = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(folder, "expected.json"), TestContext.Current.CancellationToken));
        var report = DetectReport.Of(Detection.Of(await new CaptureSource(folder).ReadAsync()));
        using var actual = JsonDocument.Parse(JsonSerializer.SerializeToUtf8Bytes(report, CoreJson.Default.DetectReport));
        var problems = new List<string>();
        foreach (var property in expected.RootElement.EnumerateObject().Where(p => p.Name is not ("schema" or "kind" or "note" or "must_not" or "accelerators" or "findings"))) Compare(property.Name, property.Value, Get(actual.RootElement, property.Name), problems);
        var left = actual.RootElement.GetProperty("accelerators").EnumerateArray().ToList();
        foreach (var wanted in expected.RootElement.GetProperty("accelerators").EnumerateArray())
        {
            var best = left.Select(a => (Accelerator: a, Problems: Differences(wanted, a))).OrderBy(a => a.Problems.Count).FirstOrDefault();
            if (best.Problems is null) problems.Add($"nothing is left for {wanted.GetRawText()}");
            else
            {
                problems.AddRange(best.Problems);
                left.Remove(best.Accelerator);
            }
        }

        if (expected.RootElement.TryGetProperty("findings", out var findings))
        {
            foreach (var finding in findings.EnumerateArray()) if (!report.Findings.Any(f => f.Code == finding.GetString())) problems.Add($"no finding {finding.GetString()}");
        }

        problems.AddRange(left.Select(a => $"not expected: {a.GetRawText()}"));
        Assert.True(problems.Count == 0, string.Join("\n", problems) + "\n" + JsonSerializer.Serialize(report, CoreJson.Default.DetectReport));
        Assert.DoesNotContain(report.Accelerators, a => a.MemoryBytes == 0 || a.Name == "N/A");
    }

    private static List<string> Differences(JsonElement wanted, JsonElement actual)
    {
        var problems = new List<string>();
        foreach (var property in wanted.EnumerateObject().Where(p => p.Name is not "note")) Compare($"accelerator {property.Name}", property.Value, Get(actual, property.Name), problems, property.Name is "memory_bytes");
        return problems;
    }

    private static JsonElement Get(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value : default;

    private static void Compare(string name, JsonElement wanted, JsonElement actual, List<string> problems, bool nullMatters = false)
    {
        if (wanted.ValueKind == JsonValueKind.Null)
        {
            if (nullMatters && actual.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined)) problems.Add($"{name}: expected unknown, got {actual}");
            return;
        }

        if (wanted.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in wanted.EnumerateObject()) Compare($"{name} {property.Name}", property.Value, actual.ValueKind == JsonValueKind.Object ? Get(actual, property.Name) : default, problems);
            return;
        }

        if (wanted.ValueKind == JsonValueKind.Array)
        {
            if (actual.ValueKind != JsonValueKind.Array || actual.GetArrayLength() != wanted.GetArrayLength()) problems.Add($"{name}: expected {wanted}, got {actual}");
            else foreach (var (value, i) in wanted.EnumerateArray().Select((v, i) => (v, i))) Compare($"{name} {i}", value, actual[i], problems);
            return;
        }

        if (wanted.ToString() != actual.ToString()) problems.Add($"{name}: expected {wanted}, got {actual}");
    }
}

/// <summary>Captures in this repository: invented, true to the tools' formats.</summary>
internal static class OwnCaptures
{
    public static string Root { get; } = Path.Combine(Repository.Root, "tests", "Unit", "Probing", "Captures");
}

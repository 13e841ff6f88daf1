using System.Collections.Immutable;
using Medulla.Catalogs;
using Medulla.Core.Knowledge;

namespace Medulla.Tests.Unit.Prediction;

public sealed class SpeedEvidenceTests
{
    [Fact]
    public void Every_file_of_evidence_is_read_without_a_problem()
    {
        Assert.Empty(Measured.Problems);
        Assert.Equal(4902, Measured.Evidence.Sum(e => e.Runs.Sum(r => r.Points.Length)));
        Assert.Equal(4432, Measured.All.Count);
    }

    [Fact]
    public void Mistakes_in_evidence_are_told_all_at_once_with_file_and_line()
    {
        var (_, problems) = Read("hardware: x\nclass: toaster\ndevices: 1\nmodels:\n  - name: m\n    measurements:\n      - { by: a, engine: e, points: [tg 128 @0 x1 = fast], sped: 1 }\n");
        Assert.Contains(problems, p => p.StartsWith("catalog/evidence/x.yaml:1: 'class' is 'toaster'", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.StartsWith("catalog/evidence/x.yaml:7: the point 'tg 128 @0 x1 = fast'", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("unknown key 'sped'", StringComparison.Ordinal));
    }

    [Fact]
    public void A_claim_is_not_a_measurement()
    {
        var (evidence, problems) = Read("hardware: x\nclass: cpu\ndevices: 1\nmodels:\n  - name: m\n    measurements:\n      - { kind: claimed, by: a, engine: e, points: [tg 128 @0 x1 = 9] }\n      - { by: a, engine: e, suspect: swap, points: [tg 128 @0 x1 = 9] }\n");
        Assert.Empty(problems);
        Assert.Empty(evidence.SelectMany(Medulla.Core.Prediction.Measurement.Of));
    }

    private static (ImmutableArray<Evidence> Evidence, IReadOnlyList<string> Problems) Read(string text)
    {
        using var folder = new Folder();
        Directory.CreateDirectory(folder["evidence"]);
        File.WriteAllText(folder["evidence/x.yaml"], text);
        var (_, evidence, problems) = CatalogFolder.Read(folder.Path);
        return (evidence, problems);
    }
}

using Medulla.Core.Incidents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Catalogs;

/// <summary>What one file cannot know of itself: that the things it names exist, and that nothing is said twice.</summary>
public static class CatalogReferences
{
    /// <summary>SPDX identifiers in use; others are written <c>LicenseRef-…</c>, and somebody has looked at them.</summary>
    private static readonly ImmutableHashSet<string> Licences =
    [
        "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "MPL-2.0", "ISC", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC0-1.0", "GPL-2.0-only", "GPL-2.0-or-later",
        "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-3.0-only", "AGPL-3.0-only", "AGPL-3.0-or-later", "Unlicense", "OpenRAIL-M",
    ];

    public static IReadOnlyList<string> Check(Catalog catalog)
    {
        var problems = new List<string>();
        Licensed(catalog, problems);
        Recipes(catalog, problems);
        KnownConditions(catalog, problems);
        Digests(catalog, problems);
        Recognised(catalog, problems);
        return problems;
    }

    private static void Licensed(Catalog catalog, List<string> problems)
    {
        foreach (var (file, licence) in catalog.Models.Select(m => ($"models/{m.Id}", m.Licence)).Concat(catalog.Engines.Select(e => ($"engines/{e.Id}", e.Licence))))
        {
            if (Licences.Contains(licence) || licence.StartsWith("LicenseRef-", StringComparison.Ordinal)) continue;
            problems.Add($"catalog/{file}.yaml: the licence '{licence}' is no SPDX identifier known here; write LicenseRef-NAME for one of its own");
        }
    }

    private static void Recipes(Catalog catalog, List<string> problems)
    {
        foreach (var recipe in catalog.Recipes)
        {
            var file = $"catalog/recipes/{recipe.Id}.yaml";
            if (catalog.FindEngine(recipe.Engine) is not { } engine) problems.Add($"{file}: there is no engine '{recipe.Engine}'");
            else if (engine.Builds.All(b => b.Backend != recipe.Backend)) problems.Add($"{file}: {engine.Id} has no build for '{recipe.Backend}'");
            foreach (var hardware in recipe.Hardware.Where(h => catalog.FindHardware(h) is null)) problems.Add($"{file}: there is no hardware '{hardware}'");
            foreach (var model in recipe.Models.Where(m => catalog.FindModel(m) is null)) problems.Add($"{file}: there is no model '{model}'");
            foreach (var strange in recipe.Classes.Where(c => catalog.Hardware.All(h => h.Class != c))) problems.Add($"{file}: no hardware is of the class '{strange}'");
        }
    }

    /// <summary>A remedy or a symptom is about a condition that the device can tell.</summary>
    private static void KnownConditions(Catalog catalog, List<string> problems)
    {
        foreach (var remedy in catalog.Remedies.Where(r => Conditions.Find(r.Condition) is null)) problems.Add($"catalog/remedies/{remedy.Id}.yaml: no condition has the code '{remedy.Condition}'");
        foreach (var twin in catalog.Remedies.GroupBy(r => r.Condition).Where(g => g.Count() > 1)) problems.Add($"catalog/remedies: {string.Join(" and ", twin.Select(r => r.Id))} are both for '{twin.Key}'");
        foreach (var engine in catalog.Engines)
        {
            foreach (var symptom in engine.Symptoms.Where(s => Conditions.Find(s.Condition) is null)) problems.Add($"catalog/engines/{engine.Id}.yaml: no condition has the code '{symptom.Condition}'");
        }
    }

    /// <summary>One digest is one content: it cannot have two sizes.</summary>
    private static void Digests(Catalog catalog, List<string> problems)
    {
        var files = catalog.Models.SelectMany(m => m.Files.SelectMany(f => f.Projector is { } p ? new[] { (m.Id, File: f), (m.Id, File: p) } : [(m.Id, File: f)])).Where(f => f.File is { Digest: not null, IsSizeExact: true });
        foreach (var same in files.GroupBy(f => f.File.Digest).Where(g => g.Select(f => f.File.Size).Distinct().Count() > 1))
        {
            problems.Add($"catalog/models: {string.Join(" and ", same.Select(f => $"{f.Id} ({f.File.Name})"))} have one sha256 and different sizes");
        }
    }

    /// <summary>A typical box of a kind must be recognised as that kind, or another entry takes its place.</summary>
    private static void Recognised(Catalog catalog, List<string> problems)
    {
        foreach (var entry in catalog.Hardware.Where(h => !h.Recognise.Names.IsEmpty || !h.Recognise.Pci.IsEmpty))
        {
            var machine = TypicalMachine.Of(entry, 1);
            var found = entry.Kind == HardwareKind.Cpu ? catalog.RecogniseProcessor(machine) : catalog.Recognise(machine.Accelerators[0], machine.Memory);
            if (found?.Id != entry.Id) problems.Add($"catalog/hardware/{entry.Id}.yaml: a typical box of it is taken for {(found is null ? "nothing known" : found.Id.Value)}");
        }
    }
}

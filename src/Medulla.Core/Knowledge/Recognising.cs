using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Knowledge;

/// <summary>Which entry of the catalog a detected device is.</summary>
public static class Recognising
{
    /// <summary>The entry of an accelerator; null when the catalog does not know it. A PCI id says more than a name, a longer name more than a shorter.</summary>
    /// <param name="pool">The system's memory: the pool of a unified device whose own figure is unknown.</param>
    public static HardwareEntry? Recognise(this Catalog catalog, Accelerator device, MemoryPool pool)
    {
        var memory = device.Unified ? pool.Total : device.Memory ?? ByteSize.Zero;
        return Best(catalog.Hardware.Where(h => h.Kind != HardwareKind.Cpu && h.Vendor == device.Vendor), [device.Name, device.MarketingName, device.Compute], device.PciId, memory, device.Unified);
    }

    /// <summary>The entry of a machine that computes on its processor; null when the catalog does not know it.</summary>
    public static HardwareEntry? RecogniseProcessor(this Catalog catalog, Machine machine) =>
        machine.Cpu.Model.Length == 0 ? null : Best(catalog.Hardware.Where(h => h.Kind == HardwareKind.Cpu), [machine.Cpu.Model, machine.Host?.Product], null, machine.Memory.Total, unified: true);

    private static HardwareEntry? Best(IEnumerable<HardwareEntry> entries, ImmutableArray<string?> names, string? pci, ByteSize memory, bool unified)
    {
        var (best, most) = ((HardwareEntry?)null, 0.0);
        foreach (var entry in entries)
        {
            var score = Score(entry, names, pci, memory, unified);
            if (score > most) (best, most) = (entry, score);
        }

        return best;
    }

    private static double Score(HardwareEntry entry, ImmutableArray<string?> names, string? pci, ByteSize memory, bool unified)
    {
        var recognise = entry.Recognise;
        if (recognise.NotNames.Any(n => names.Any(m => Has(m, n)))) return 0;

        // Several devices share ids and names: memory tells them apart, with 8 % for what firmware and drivers keep.
        if (memory > ByteSize.Zero && ((recognise.From is { } from && memory.Bytes < from.Bytes * 0.92) || (recognise.To is { } to && memory.Bytes > to.Bytes * 1.08))) return 0;
        var score = pci is not null && recognise.Pci.Contains(pci, StringComparer.OrdinalIgnoreCase) ? 1000.0 : 0;
        score = Math.Max(score, recognise.Names.Where(n => names.Any(m => Has(m, n))).Select(n => (double)n.Length).DefaultIfEmpty(0).Max());
        if (score == 0) return 0;

        // The nearest memory decides between equals.
        if (entry.Memory is { } typical && memory > ByteSize.Zero) score += 1 - Math.Min(1, Math.Abs(Math.Log2((double)memory.Bytes / typical.Bytes)));
        return unified == entry.Unified ? score + 0.5 : score;
    }

    private static bool Has(string? text, string part) => text is not null && text.Contains(part, StringComparison.OrdinalIgnoreCase);
}

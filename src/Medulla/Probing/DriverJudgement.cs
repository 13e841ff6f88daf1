using System.Collections.Immutable;
using Medulla.Core.Machines;

namespace Medulla.Probing;

/// <summary>Do the drivers work? The worst of what is said counts; a driver that answered is not missing.</summary>
internal static class DriverJudgement
{
    public static (DriverState State, string? Cause) Judge(List<Facts> facts, ImmutableArray<Accelerator> accelerators, ImmutableArray<Finding>.Builder findings)
    {
        var modules = facts.Select(f => f.Modules).OfType<HashSet<string>>().FirstOrDefault();
        var signs = facts.SelectMany(f => f.Drivers).Distinct().ToList();
        if (modules is not null) Loaded(modules, accelerators, signs);
        var good = signs.Where(s => s.State == DriverState.Ok).Select(s => s.Vendor).ToHashSet(StringComparer.Ordinal);
        var bad = signs.Where(s => s.State != DriverState.Ok && !(s.State == DriverState.Missing && good.Contains(s.Vendor))).OrderByDescending(Weight).ToList();
        foreach (var sign in bad.DistinctBy(s => (s.Vendor, s.Cause))) findings.Add(Detection.Found(sign.Code, sign.Vendor, sign.Cause ?? "the driver does not work", sign.Remedy));
        if (bad.Count > 0) return (bad[0].State, bad[0].Cause);
        if (good.Count > 0) return (DriverState.Ok, null);
        if (accelerators.IsEmpty && facts.Exists(f => f.Looked)) return (DriverState.Missing, null);
        return (DriverState.Unknown, null);
    }

    private static void Loaded(HashSet<string> modules, ImmutableArray<Accelerator> accelerators, List<DriverSign> signs)
    {
        // The tool cannot reach a driver that is loaded: it does not work.
        for (var i = 0; i < signs.Count; i++)
        {
            if (signs[i] is { Vendor: "nvidia", State: DriverState.Missing, Cause: { } cause } && modules.Contains("nvidia") && cause.StartsWith("the tools are installed", StringComparison.Ordinal))
            {
                signs[i] = new DriverSign("nvidia", DriverState.Broken, "the kernel module is loaded and does not answer", "look for NVRM lines in 'dmesg', then reload the module or reboot");
            }
        }

        var vendors = modules.Select(m => DeviceTable.Modules.GetValueOrDefault(m)).OfType<string>().ToHashSet(StringComparer.Ordinal);
        foreach (var vendor in vendors.Where(v => !signs.Exists(s => s.Vendor == v))) signs.Add(new DriverSign(vendor, DriverState.Ok));
        foreach (var accelerator in accelerators.Where(a => a.DriverModule is null && !vendors.Contains(a.Vendor) && !signs.Exists(s => s.Vendor == a.Vendor)).DistinctBy(a => a.Vendor, StringComparer.Ordinal))
        {
            if (!DeviceTable.Modules.Values.Contains(accelerator.Vendor, StringComparer.Ordinal)) continue;
            var nouveau = accelerator.Vendor == "nvidia" && modules.Contains("nouveau");
            signs.Add(new DriverSign(accelerator.Vendor, DriverState.Missing, nouveau ? "nouveau is loaded, which engines cannot compute on" : "no kernel module for it is loaded", "install the driver of the vendor for this kernel, and reboot"));
        }
    }

    private static int Weight(DriverSign sign) => sign.State switch { DriverState.Mismatch => 3, DriverState.Broken => 2, _ => 1 };
}

using System.Text.RegularExpressions;
using Medulla.Core.Machines;

namespace Medulla.Probing;

/// <summary>
/// Joins the views that several tools have of one device. By address where both know it, else by number, compiler target,
/// memory and name, never against a contradiction: two different cards stay two.
/// </summary>
internal static partial class Joining
{
    /// <summary>Who is believed first. What is not here comes after.</summary>
    private static readonly string[] Order =
    [
        "nvidia-smi", "rocm-smi", "amd-smi", "hy-smi", "npu-smi", "mx-smi", "mthreads-gmi", "xpu-smi", "cnmon", "ppu-smi", "ixsmi", "system_profiler", "sysctl", "win32",
        "rocminfo", "amdgpu_top", "nvidia-proc", "kfd", "drm", "accel", "render", "lspci", "pci", "dmesg", "tegra", "vulkan",
    ];

    private static readonly string[] Suffixes = ["xt", "xtx", "gre", "ti", "super", "d", "max", "laptop"];

    public static List<Device> Join(List<Facts> facts)
    {
        // First within each tool: its several outputs number the same devices.
        var scopes = new Dictionary<string, List<Device>>(StringComparer.Ordinal);
        foreach (var views in facts.SelectMany(f => f.Devices.GroupBy(d => d.Scope, StringComparer.Ordinal)))
        {
            if (!scopes.TryGetValue(views.Key, out var known)) scopes[views.Key] = known = [];
            var fresh = views.ToList();
            var before = known.Count;
            var taken = new HashSet<Device>();
            for (var i = 0; i < fresh.Count; i++)
            {
                var view = fresh[i];
                var same = known.Find(d => d.Bus is not null && d.Bus == view.Bus && !taken.Contains(d))
                    ?? known.Find(d => d.Index is not null && d.Index == view.Index && (d.Bus is null || view.Bus is null) && !taken.Contains(d))
                    ?? (before == fresh.Count && (known[i].Bus is null || view.Bus is null) && known[i].Vendor == view.Vendor && !taken.Contains(known[i]) && Score(known[i], view) >= 1 ? known[i] : null);
                if (same is null) known.Add(view);
                else
                {
                    same.Fill(view);
                    taken.Add(same);
                }
            }
        }

        var devices = new List<Device>();
        foreach (var (scope, views) in scopes.OrderBy(s => Array.IndexOf(Order, s.Key) is >= 0 and var at ? at : Order.Length))
        {
            foreach (var view in views)
            {
                if (view is { PciVendor: not null, PciDevice: not null }) view.PciId ??= $"{view.PciVendor}:{view.PciDevice}";
            }

            var ours = views.Where(v => v.Vendor is not null && (v.PciVendor is null || !DeviceTable.IsDisplayOnly(v.PciVendor))).ToList();
            var claimed = new HashSet<Device>();
            var present = devices.ToList();
            var pairs = (from view in ours
                         from device in present
                         let score = Score(device, view)
                         where score > 0
                         orderby score descending
                         select (view, device, score)).ToList();
            var placed = new HashSet<Device>();
            foreach (var (view, device, score) in pairs)
            {
                if (placed.Contains(view) || claimed.Contains(device) || (score < 3 && !SameCrowd(view, device, ours, present))) continue;
                device.Fill(view);
                claimed.Add(device);
                placed.Add(view);
            }

            foreach (var view in ours.Where(v => !placed.Contains(v)))
            {
                // Partial views that name nothing by themselves are not devices.
                if (view.Scope is "drm" or "render" or "kfd" && view is { PciId: null, Memory: null, Gtt: null, Compute: null, Name: null }) continue;
                if (view.Scope is "tegra" && devices.Exists(d => d.Vendor == "nvidia")) continue;
                if (view.Scope is "kfd" && view.Compute is null) continue;
                devices.Add(view);
            }
        }

        return devices;
    }

    /// <summary>Nothing distinguishes them: as many here as there, or one alone, are the same.</summary>
    private static bool SameCrowd(Device view, Device device, List<Device> ours, List<Device> present) =>
        ours.Count(v => v.Vendor == view.Vendor && Score(device, v) > 0) == present.Count(d => d.Vendor == device.Vendor && Score(d, view) > 0);

    /// <summary>How much speaks for two views being of one device; 0 when something speaks against it.</summary>
    private static int Score(Device a, Device b)
    {
        if (a.Vendor != b.Vendor && a.Vendor is not null && b.Vendor is not null) return 0;
        if (a.Bus is not null && b.Bus is not null) return a.Bus == b.Bus ? 100 : 0;
        var score = 1;
        if (a.PciId is not null && b.PciId is not null)
        {
            if (a.PciId != b.PciId) return 0;
            score += 20;
        }

        var (ca, cb) = (ClassOf(a), ClassOf(b));
        if ((ca == DeviceClass.Neural) != (cb == DeviceClass.Neural) && ca is not null && cb is not null) return 0;
        if (a.Scope == "accel" != (b.Scope == "accel") && (ca ?? DeviceClass.Neural) != (cb ?? DeviceClass.Discrete)) return 0;
        if (a.Compute is not null && b.Compute is not null)
        {
            if (a.Compute != b.Compute) return 0;
            score += 8;
        }

        var (ua, ub) = (UnifiedOf(a, ca), UnifiedOf(b, cb));
        if (ua is not null && ub is not null && ua != ub) return 0;
        if ((ua ?? ub) != true && (a.Memory ?? a.Pool) is { } ma && (b.Memory ?? b.Pool) is { } mb)
        {
            var rough = a.MemoryRough || b.MemoryRough || a.Memory is null || b.Memory is null;
            if (Math.Abs(ma - mb) > (rough ? 0.15 : 0.03) * Math.Max(ma, mb)) return 0;
            score += rough ? 2 : 4;
        }

        var (na, nb) = (Model(a), Model(b));
        if (na.Numbers.Count > 0 && nb.Numbers.Count > 0)
        {
            if (!na.Numbers.Overlaps(nb.Numbers)) return 0;
            if (!na.Loose && !nb.Loose && !na.Suffixes.SetEquals(nb.Suffixes)) return 0;
            score += 10 + (na.Suffixes.SetEquals(nb.Suffixes) ? 2 : 0);
        }

        return score;
    }

    private static bool? UnifiedOf(Device device, DeviceClass? known) => known is { } c ? DeviceTable.IsUnified(c) : device.Unified;

    private static DeviceClass? ClassOf(Device device) =>
        DeviceTable.OfNumber(device.PciId)?.Class
        ?? (DeviceTable.IsInsideCpu(device.Compute) ? device.Compute == "gfx1151" ? DeviceClass.Pooled : DeviceClass.Integrated : (DeviceClass?)null)
        ?? DeviceTable.OfName(device.Vendor, device.Name)?.Class;

    /// <summary>What is telling in a name: model numbers, and the words behind them that make another card.</summary>
    private static (HashSet<string> Numbers, HashSet<string> Suffixes, bool Loose) Model(Device device)
    {
        var name = device.Name;
        if (name is null || name.StartsWith("Device ", StringComparison.Ordinal) || name.Contains(':')) name = DeviceTable.OfNumber(device.PciId)?.Name ?? "";
        var plain = Parenthesis().Replace(name, " ");
        var words = Words().Matches(plain).Select(m => m.Value.ToLowerInvariant()).ToList();
        return ([.. words.Where(w => w.Any(char.IsAsciiDigit) && !NoModel().IsMatch(w))], [.. words.Where(w => Suffixes.Contains(w, StringComparer.Ordinal))], plain.Contains('/') || Device.IsShortened(plain) || plain.Contains("Max-Q", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"\([^()]{0,80}\)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Parenthesis();

    [GeneratedRegex(@"[A-Za-z0-9]{1,40}", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex Words();

    [GeneratedRegex(@"^\d{1,3}gb?$|^hbm|^gddr|^sxm|^gen\d|^\d$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NoModel();
}

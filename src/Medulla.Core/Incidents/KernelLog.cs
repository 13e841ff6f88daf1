using System.Globalization;
using Medulla.Core.Units;

namespace Medulla.Core.Incidents;

/// <summary>What a line of the kernel's log means. Words of drivers as they are known from their sources and from reports.</summary>
public static class KernelLog
{
    /// <summary>Xid codes that a restart of the program answers (NVIDIA's catalogue of Xid messages).</summary>
    private static readonly ImmutableHashSet<int> OfPrograms = [13, 31, 32, 45, 68, 69, 94];

    /// <summary>Xid codes that want a reset of the GPU.</summary>
    private static readonly ImmutableHashSet<int> OfDevices = [46, 48, 62, 64, 74, 95, 109, 119, 120, 136, 140, 143, 154, 156, 158];

    private static readonly ImmutableArray<(string Pattern, Condition Condition, string Subject)> Lines =
    [
        ("has fallen off the bus", Conditions.GpuOffBus, "accelerator"),
        ("NV_ERR_NO_MEMORY", Conditions.MemoryShort, "host"),
        ("amdgpu: ring", Conditions.DeviceLost, "accelerator"),
        ("amdgpu: GPU reset begin", Conditions.DeviceLost, "accelerator"),
        ("GPU HANG", Conditions.DeviceLost, "accelerator"),
        ("amdgpu: [gfxhub] page fault", Conditions.RocmFault, "accelerator"),
        ("Remounting filesystem read-only", Conditions.ReadOnly, "host"),
        ("EXT4-fs error", Conditions.IoError, "disk"),
        ("Buffer I/O error on dev", Conditions.IoError, "disk"),
        ("critical medium error", Conditions.IoError, "disk"),
        ("I/O error, dev", Conditions.IoError, "disk"),
        ("nvme nvme*: I/O*timeout", Conditions.IoError, "disk"),
        ("blocked for more than", Conditions.KernelTrouble, "host"),
        ("soft lockup", Conditions.KernelTrouble, "host"),
        ("BUG: unable to handle", Conditions.KernelTrouble, "host"),
        ("hard LOCKUP", Conditions.KernelTrouble, "host"),
        ("Machine check events logged", Conditions.KernelTrouble, "host"),
    ];

    /// <param name="message">Without the header of the record.</param>
    /// <returns>Null for a line that means nothing here.</returns>
    public static (Condition Condition, string Subject)? Of(string message)
    {
        if (message.IndexOf("NVRM: Xid", StringComparison.Ordinal) is >= 0 and var at) return Xid(message[at..]);
        foreach (var (pattern, condition, subject) in Lines)
        {
            if (Pattern.IsIn(message, pattern, StringComparison.Ordinal)) return (condition, subject);
        }

        return null;
    }

    /// <summary><c>NVRM: Xid (PCI:0000:05:00): 79, pid=…, GPU has fallen off the bus.</c></summary>
    private static (Condition Condition, string Subject)? Xid(string text)
    {
        var (open, close) = (text.IndexOf('(', StringComparison.Ordinal), text.IndexOf("):", StringComparison.Ordinal));
        if (open < 0 || close < open) return null;
        var subject = $"accelerator/{text[(open + 1)..close].Replace("PCI:", "", StringComparison.Ordinal)}";
        var rest = text[(close + 2)..].TrimStart();
        var end = 0;
        while (end < rest.Length && char.IsAsciiDigit(rest[end])) end++;
        if (!int.TryParse(rest.AsSpan(0, end), NumberStyles.None, CultureInfo.InvariantCulture, out var code)) return null;
        if (code == 79) return (Conditions.GpuOffBus, subject);
        if (OfPrograms.Contains(code)) return (Conditions.XidApplication, subject);
        return OfDevices.Contains(code) ? (Conditions.XidReset, subject) : null;
    }
}

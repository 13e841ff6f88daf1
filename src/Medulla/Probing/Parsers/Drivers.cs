using Medulla.Core.Machines;

namespace Medulla.Probing.Parsers;

/// <summary>What the module that drives a device says about its driver.</summary>
internal static class Drivers
{
    /// <param name="said">Would the source have named a module if one were bound?</param>
    public static void Bound(Facts facts, Device device, bool said)
    {
        if (device.Vendor is not { } vendor) return;
        var name = device.Name ?? device.PciId ?? "the device";
        switch (device.DriverModule)
        {
            case null:
                if (said && Module(vendor, device) is { } wanted) facts.Drivers.Add(new DriverSign(vendor, DriverState.Missing, $"no driver is bound to {name}", $"load it with 'modprobe {wanted}', or install the driver of the vendor for this kernel"));
                break;
            case "nouveau":
                facts.Drivers.Add(new DriverSign(vendor, DriverState.Missing, $"{name} is driven by nouveau, which engines cannot compute on", "install NVIDIA's driver and reboot"));
                break;
            case "vfio-pci" or "pci-stub" or "pciback":
                facts.Drivers.Add(new DriverSign(vendor, DriverState.Missing, $"{name} is kept for a virtual machine ({device.DriverModule})", "release it from pass-through to use it here"));
                break;
            case "radeon":
                facts.Drivers.Add(new DriverSign(vendor, DriverState.Missing, $"{name} is driven by radeon, which engines cannot compute on", "boot with 'radeon.si_support=0 radeon.cik_support=0 amdgpu.si_support=1 amdgpu.cik_support=1'"));
                break;
            case var module when DeviceTable.Modules.ContainsKey(module):
                facts.Drivers.Add(new DriverSign(vendor, DriverState.Ok));
                break;
        }
    }

    private static string? Module(string vendor, Device device) => vendor switch
    {
        "nvidia" => "nvidia",
        "amd" => device.PciId?.StartsWith("1022:", StringComparison.Ordinal) == true ? "amdxdna" : "amdgpu",
        "intel" => DeviceTable.OfNumber(device.PciId)?.Class == DeviceClass.Neural ? "intel_vpu" : "xe",
        "mthreads" => "mtgpu",
        "metax" => "metax",
        "hygon" => "hydcu",
        _ => null,
    };
}

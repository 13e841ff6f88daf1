using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>Where on a machine an instance may compute, and what is known of that place. Null means <i>unknown</i>.</summary>
public sealed record Placement
{
    /// <summary>Index among the machine's accelerators; -1 for the processor.</summary>
    public required int Index { get; init; }

    public required string Title { get; init; }

    /// <summary>The catalog's entry; null for a device that it does not know.</summary>
    public required HardwareEntry? Hardware { get; init; }

    /// <summary>Class of the speed evidence.</summary>
    public required string Class { get; init; }

    /// <summary>Equal devices.</summary>
    public required int Count { get; init; }

    /// <summary>1e9 bytes per second of one device.</summary>
    public required double? BandwidthGBs { get; init; }

    public required double? Fp16Tflops { get; init; }

    /// <summary>Memory of one device, or what it may use of the pool; null when unknown.</summary>
    public required ByteSize? Memory { get; init; }

    public required bool Unified { get; init; }

    public required ImmutableArray<string> Interfaces { get; init; }

    /// <summary>CUDA compute capability; null where there is none.</summary>
    public double? Compute { get; init; }

    public bool IsProcessor => Index < 0;

    /// <summary>Its id in the evidence; null when nothing was measured on it.</summary>
    public string? MeasuredAs => Hardware?.MeasuredAs.FirstOrDefault();

    /// <summary>Every place of a machine: accelerators that work, then the processor.</summary>
    public static ImmutableArray<Placement> Of(Machine machine, Catalog catalog)
    {
        var all = ImmutableArray.CreateBuilder<Placement>();
        for (var i = 0; i < machine.Accelerators.Length; i++)
        {
            var device = machine.Accelerators[i];
            var hardware = catalog.Recognise(device, machine.Memory);
            if (machine.Driver is DriverState.Broken or DriverState.Missing or DriverState.Mismatch) continue;

            // A small GPU inside a processor shares its memory's bandwidth and adds little; only those that the catalog names are used.
            if (device.Kind != AcceleratorKind.Gpu && hardware is not { Kind: HardwareKind.Apu or HardwareKind.Npu or HardwareKind.Soc }) continue;
            all.Add(new Placement
            {
                Index = i,
                Title = $"{(device.Count > 1 ? $"{device.Count} × " : "")}{hardware?.Title ?? device.MarketingName ?? device.Name ?? device.PciId ?? device.Vendor}",
                Hardware = hardware,
                Class = hardware?.Class ?? ClassOf(device),
                Count = device.Count,
                BandwidthGBs = hardware?.BandwidthGBs ?? Assumed(device),
                Fp16Tflops = hardware?.Fp16Tflops,
                Memory = device.Memory ?? (device.Unified ? null : hardware?.Memory),
                Unified = device.Unified,
                Interfaces = device.Interfaces.IsEmpty ? hardware?.Interfaces ?? InterfacesOf(device) : device.Interfaces,
                Compute = double.TryParse(device.Compute ?? hardware?.Compute, System.Globalization.CultureInfo.InvariantCulture, out var compute) ? compute : null,
            });
        }

        var processor = catalog.RecogniseProcessor(machine);
        all.Add(new Placement
        {
            Index = -1,
            Title = machine.Cpu.Model.Length > 0 ? machine.Cpu.Model : "the processor",
            Hardware = processor,
            Class = "cpu",
            Count = 1,
            BandwidthGBs = machine.Memory.BandwidthGBs ?? processor?.BandwidthGBs ?? all.FirstOrDefault(p => p.Unified)?.BandwidthGBs ?? Assumed(machine),
            Fp16Tflops = processor?.Fp16Tflops,
            Memory = null,
            Unified = false,
            Interfaces = [],
        });
        return all.ToImmutable();
    }

    /// <summary>What the memory of such a machine moves at least, in GB/s, where nothing says: one channel for a board or a small virtual machine, two for a desktop, more for a server.</summary>
    private static double Assumed(Machine machine) => (machine.Os.Architecture, machine.Cpu.Cores) switch
    {
        ("riscv64", _) => 8,
        (_, <= 4) => 20,
        (_, <= 16) => 45,
        _ => 120,
    };

    /// <summary>What a card with memory of its own moves at least, in GB/s; null for one that shares the system's. Large memories are stacked or many chips wide.</summary>
    private static double? Assumed(Accelerator device) => device is { Unified: false, Memory: { } memory } ? memory >= ByteSize.GiB(30) ? 400 : 150 : null;

    private static string ClassOf(Accelerator device) => (device.Vendor, device.Kind, device.Unified) switch
    {
        (_, AcceleratorKind.Npu, _) => "npu",
        ("nvidia", _, true) => "nvidia-soc",
        ("nvidia", _, false) => device.Memory > ByteSize.GiB(60) ? "nvidia-dc" : "nvidia-dgpu",
        ("amd", _, true) => "amd-apu",
        ("amd", _, false) => "amd-dgpu",
        ("apple", _, _) => "apple",
        ("intel", _, _) => "intel-gpu",
        _ => "accel-cn",
    };

    /// <summary>What a vendor's devices can be reached through when neither detection nor the catalog says.</summary>
    private static ImmutableArray<string> InterfacesOf(Accelerator device) => device.Vendor switch
    {
        "nvidia" => ["cuda", "vulkan"],
        "amd" or "intel" => ["vulkan"],
        "apple" => ["metal"],
        "huawei" => ["cann"],
        "mthreads" => ["musa"],
        "metax" => ["maca"],
        "hygon" => ["dtk"],
        _ => [],
    };
}

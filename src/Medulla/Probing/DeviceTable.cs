using System.Collections.Frozen;
using System.Globalization;
using System.Text.RegularExpressions;
using Medulla.Core.Machines;

namespace Medulla.Probing;

/// <summary>What is known of a device by its number or its name.</summary>
/// <param name="Name">As its maker sells it; empty for a rule that gives no name.</param>
/// <param name="Architecture">Generation; null when the source says none.</param>
/// <param name="Class">Null when the name alone does not say.</param>
/// <param name="Compute">What compilers call it; null when unknown.</param>
internal sealed record KnownDevice(string Name, string? Architecture, DeviceClass? Class, string? Compute);

internal enum DeviceClass
{
    /// <summary>Memory of its own.</summary>
    Discrete,

    /// <summary>The main GPU of a unified pool.</summary>
    Pooled,

    /// <summary>A small GPU inside a CPU.</summary>
    Integrated,

    /// <summary>A neural processor inside a CPU.</summary>
    Neural,

    /// <summary>A neural processor with memory of its own.</summary>
    NeuralCard,
}

/// <summary>Devices by PCI number, name, compiler target and generation: data, small on purpose. A device that is not here is still reported.</summary>
internal static class DeviceTable
{
    /// <summary><c>vendor:device|name|generation|class|compiler target</c>; classes: d discrete, p pooled, i integrated, n neural, c neural card.</summary>
    private const string Numbers = """
        1002:1586|Radeon 8060S|RDNA3.5|p|gfx1151
        1002:150e|Radeon 890M|RDNA3.5|i|gfx1150
        1002:1114|Radeon 860M|RDNA3.5|i|gfx1152
        1002:15bf|Radeon 780M|RDNA3|i|gfx1103
        1002:15c8|Radeon 740M|RDNA3|i|gfx1103
        1002:1900|Radeon 780M|RDNA3|i|gfx1103
        1002:1901|Radeon 740M|RDNA3|i|gfx1103
        1002:164e|Raphael Radeon Graphics|RDNA2|i|gfx1036
        1002:13c0|Granite Ridge Radeon Graphics|RDNA2|i|gfx1036
        1002:1681|Radeon 680M|RDNA2|i|gfx1035
        1002:1506|Radeon 610M|RDNA2|i|gfx1037
        1002:163f|Van Gogh Radeon Graphics|RDNA2|i|gfx1033
        1002:1435|Van Gogh Radeon Graphics|RDNA2|i|gfx1033
        1002:13fe|Cyan Skillfish Radeon Graphics|RDNA|i|gfx1013
        1002:1638|Cezanne Radeon Graphics|GCN5|i|gfx90c
        1002:1636|Renoir Radeon Graphics|GCN5|i|gfx90c
        1002:164c|Lucienne Radeon Graphics|GCN5|i|gfx90c
        1002:15e7|Barcelo Radeon Graphics|GCN5|i|gfx90c
        1002:15d8|Picasso Radeon Vega|GCN5|i|gfx902
        1002:15dd|Raven Ridge Radeon Vega|GCN5|i|gfx902
        1002:744c|Radeon RX 7900 XT/XTX|RDNA3|d|gfx1100
        1002:7448|Radeon Pro W7900|RDNA3|d|gfx1100
        1002:744b|Radeon Pro W7900D|RDNA3|d|gfx1100
        1002:7449|Radeon Pro W7800 48GB|RDNA3|d|gfx1100
        1002:745e|Radeon Pro W7800|RDNA3|d|gfx1100
        1002:747e|Radeon RX 7700 XT/7800 XT|RDNA3|d|gfx1101
        1002:7470|Radeon Pro W7700|RDNA3|d|gfx1101
        1002:7480|Radeon RX 7600|RDNA3|d|gfx1102
        1002:7483|Radeon RX 7600M|RDNA3|d|gfx1102
        1002:7550|Radeon RX 9070/9070 XT|RDNA4|d|gfx1201
        1002:7551|Radeon AI PRO R9700|RDNA4|d|gfx1201
        1002:7590|Radeon RX 9060 XT|RDNA4|d|gfx1200
        1002:73bf|Radeon RX 6800/6900 XT|RDNA2|d|gfx1030
        1002:73a5|Radeon RX 6950 XT|RDNA2|d|gfx1030
        1002:73a3|Radeon Pro W6800|RDNA2|d|gfx1030
        1002:73df|Radeon RX 6700 XT|RDNA2|d|gfx1031
        1002:73ff|Radeon RX 6600|RDNA2|d|gfx1032
        1002:743f|Radeon RX 6400/6500 XT|RDNA2|d|gfx1034
        1002:731f|Radeon RX 5700 XT|RDNA|d|gfx1010
        1002:66a0|Instinct MI50/MI60|GCN5|d|gfx906
        1002:66a1|Instinct MI50/MI60|GCN5|d|gfx906
        1002:66a7|Radeon Pro Vega 20|GCN5|d|gfx906
        1002:66af|Radeon VII|GCN5|d|gfx906
        1002:687f|Radeon RX Vega|GCN5|d|gfx900
        1002:6860|Instinct MI25|GCN5|d|gfx900
        1002:738c|Instinct MI100|CDNA|d|gfx908
        1002:7388|Instinct MI100|CDNA|d|gfx908
        1002:7408|Instinct MI250X|CDNA2|d|gfx90a
        1002:740c|Instinct MI250X/MI250|CDNA2|d|gfx90a
        1002:740f|Instinct MI210|CDNA2|d|gfx90a
        1002:74a0|Instinct MI300A|CDNA3|p|gfx942
        1002:74a1|Instinct MI300X|CDNA3|d|gfx942
        1002:74a2|Instinct MI308X|CDNA3|d|gfx942
        1002:74a5|Instinct MI325X|CDNA3|d|gfx942
        1002:74a9|Instinct MI300X HF|CDNA3|d|gfx942
        1002:74b5|Instinct MI300X VF|CDNA3|d|gfx942
        1002:75a0|Instinct MI350X|CDNA4|d|gfx950
        1002:75a3|Instinct MI355X|CDNA4|d|gfx950
        1002:67df|Radeon RX 470/480/570/580|GCN4|d|gfx803
        1022:1502|AMD XDNA NPU|XDNA|n|
        1022:17f0|AMD XDNA2 NPU|XDNA2|n|
        10de:2b85|GeForce RTX 5090|Blackwell|d|12.0
        10de:2b87|GeForce RTX 5090 D|Blackwell|d|12.0
        10de:2c02|GeForce RTX 5080|Blackwell|d|12.0
        10de:2c05|GeForce RTX 5070 Ti|Blackwell|d|12.0
        10de:2f04|GeForce RTX 5070|Blackwell|d|12.0
        10de:2d04|GeForce RTX 5060 Ti|Blackwell|d|12.0
        10de:2bb1|RTX PRO 6000 Blackwell Workstation|Blackwell|d|12.0
        10de:2bb4|RTX PRO 6000 Blackwell Max-Q|Blackwell|d|12.0
        10de:2bb5|RTX PRO 6000 Blackwell Server|Blackwell|d|12.0
        10de:2901|B200|Blackwell|d|10.0
        10de:2e12|GB10|Blackwell|p|12.1
        10de:2684|GeForce RTX 4090|Ada|d|8.9
        10de:2685|GeForce RTX 4090 D|Ada|d|8.9
        10de:2702|GeForce RTX 4080 SUPER|Ada|d|8.9
        10de:2704|GeForce RTX 4080|Ada|d|8.9
        10de:2705|GeForce RTX 4070 Ti SUPER|Ada|d|8.9
        10de:2782|GeForce RTX 4070 Ti|Ada|d|8.9
        10de:2783|GeForce RTX 4070 SUPER|Ada|d|8.9
        10de:2786|GeForce RTX 4070|Ada|d|8.9
        10de:2803|GeForce RTX 4060 Ti|Ada|d|8.9
        10de:2882|GeForce RTX 4060|Ada|d|8.9
        10de:28e0|GeForce RTX 4060 Laptop|Ada|d|8.9
        10de:26b1|RTX 6000 Ada|Ada|d|8.9
        10de:26b5|L40|Ada|d|8.9
        10de:26b9|L40S|Ada|d|8.9
        10de:27b8|L4|Ada|d|8.9
        10de:2330|H100 SXM5 80GB|Hopper|d|9.0
        10de:2331|H100 PCIe|Hopper|d|9.0
        10de:2321|H100 NVL|Hopper|d|9.0
        10de:2324|H800|Hopper|d|9.0
        10de:2329|H20|Hopper|d|9.0
        10de:2335|H200 SXM 141GB|Hopper|d|9.0
        10de:233b|H200 NVL|Hopper|d|9.0
        10de:2342|GH200|Hopper|d|9.0
        10de:20b0|A100 SXM4 40GB|Ampere|d|8.0
        10de:20b2|A100 SXM4 80GB|Ampere|d|8.0
        10de:20b5|A100 PCIe 80GB|Ampere|d|8.0
        10de:20f1|A100 PCIe 40GB|Ampere|d|8.0
        10de:2235|A40|Ampere|d|8.6
        10de:2236|A10|Ampere|d|8.6
        10de:2237|A10G|Ampere|d|8.6
        10de:2230|RTX A6000|Ampere|d|8.6
        10de:2203|GeForce RTX 3090 Ti|Ampere|d|8.6
        10de:2204|GeForce RTX 3090|Ampere|d|8.6
        10de:2206|GeForce RTX 3080|Ampere|d|8.6
        10de:2484|GeForce RTX 3070|Ampere|d|8.6
        10de:2503|GeForce RTX 3060|Ampere|d|8.6
        10de:2504|GeForce RTX 3060|Ampere|d|8.6
        10de:1eb8|Tesla T4|Turing|d|7.5
        10de:1e04|GeForce RTX 2080 Ti|Turing|d|7.5
        10de:1e07|GeForce RTX 2080 Ti|Turing|d|7.5
        10de:1e82|GeForce RTX 2080|Turing|d|7.5
        10de:1e87|GeForce RTX 2080|Turing|d|7.5
        10de:1db1|Tesla V100 SXM2 16GB|Volta|d|7.0
        10de:1db4|Tesla V100 PCIe 16GB|Volta|d|7.0
        10de:1db6|Tesla V100 PCIe 32GB|Volta|d|7.0
        10de:1b06|GeForce GTX 1080 Ti|Pascal|d|6.1
        10de:1b80|GeForce GTX 1080|Pascal|d|6.1
        10de:1b38|Tesla P40|Pascal|d|6.1
        10de:15f8|Tesla P100 PCIe|Pascal|d|6.0
        8086:56a0|Arc A770|Xe HPG|d|
        8086:56a1|Arc A750|Xe HPG|d|
        8086:56a2|Arc A580|Xe HPG|d|
        8086:56a5|Arc A380|Xe HPG|d|
        8086:56a6|Arc A310|Xe HPG|d|
        8086:5690|Arc A770M|Xe HPG|d|
        8086:5691|Arc A730M|Xe HPG|d|
        8086:5692|Arc A550M|Xe HPG|d|
        8086:5693|Arc A370M|Xe HPG|d|
        8086:56c0|Data Center GPU Flex 170|Xe HPG|d|
        8086:56c1|Data Center GPU Flex 140|Xe HPG|d|
        8086:0bd5|Data Center GPU Max 1550|Xe HPC|d|
        8086:0bda|Data Center GPU Max 1100|Xe HPC|d|
        8086:e20b|Arc B580|Xe2 (Battlemage)|d|
        8086:e20c|Arc B570|Xe2 (Battlemage)|d|
        8086:e211|Arc Pro B60|Xe2 (Battlemage)|d|
        8086:e212|Arc Pro B50|Xe2 (Battlemage)|d|
        8086:e223|Arc Pro B70|Xe2 (Battlemage)|d|
        8086:64a0|Arc 140V|Xe2 (Lunar Lake)|i|
        8086:6420|Arc 130V|Xe2 (Lunar Lake)|i|
        8086:7d55|Meteor Lake Arc Graphics|Xe LPG|i|
        8086:7d45|Meteor Lake Graphics|Xe LPG|i|
        8086:7dd5|Meteor Lake Graphics|Xe LPG|i|
        8086:7d51|Arrow Lake Arc Graphics|Xe LPG+|i|
        8086:7d67|Arrow Lake-S Graphics|Xe LPG|i|
        8086:7dd1|Arrow Lake Graphics|Xe LPG+|i|
        8086:b080|Panther Lake Arc Graphics|Xe3|i|
        8086:a780|Raptor Lake-S UHD Graphics||i|
        8086:a7a0|Raptor Lake-P Iris Xe Graphics||i|
        8086:a7a1|Raptor Lake-P Iris Xe Graphics||i|
        8086:4680|Alder Lake-S UHD Graphics 770||i|
        8086:4692|Alder Lake-S UHD Graphics 730||i|
        8086:46a6|Alder Lake-P Iris Xe Graphics||i|
        8086:46d0|Alder Lake-N UHD Graphics||i|
        8086:46d1|Alder Lake-N UHD Graphics||i|
        8086:46d2|Alder Lake-N UHD Graphics||i|
        8086:46d4|Twin Lake-N UHD Graphics||i|
        8086:9a49|Tiger Lake Iris Xe Graphics||i|
        8086:7d1d|Intel NPU (Meteor Lake)|NPU 3720|n|
        8086:ad1d|Intel NPU (Arrow Lake)|NPU 3720|n|
        8086:643e|Intel NPU (Lunar Lake)|NPU 4000|n|
        8086:b03e|Intel NPU (Panther Lake)|NPU 5000|n|
        19e5:d100|Ascend 310|Ascend310|c|
        19e5:d107|Ascend 310B|Ascend310B|c|
        19e5:d500|Ascend 310P|Ascend310P|c|
        19e5:d801|Ascend 910|Ascend910|c|
        19e5:d802|Ascend 910B|Ascend910B|c|
        19e5:d803|Ascend 910C|Ascend910_93|c|
        """;

    /// <summary><c>vendor|expression over the name|generation|class|compiler target</c>: the first that fits is taken.</summary>
    private const string Names = """
        nvidia|\bGB10\b|Blackwell|p|
        nvidia|\bThor\b|Blackwell|p|
        nvidia|\bOrin\b|Ampere|p|
        nvidia|\bXavier\b|Volta|p|
        nvidia|\bTegra\b||p|
        nvidia|\bRTX\s?50\d0|Blackwell|d|
        nvidia|Blackwell|Blackwell|d|
        nvidia|\bG?B[123]00\b|Blackwell|d|
        nvidia|\bRTX\s?40\d0|Ada|d|
        nvidia|\bAda\b|Ada|d|
        nvidia|\bL(4|40|40S|20|2)\b|Ada|d|
        nvidia|\b(GH200|H100|H200|H800|H20)\b|Hopper|d|
        nvidia|\bRTX\s?30\d0|Ampere|d|
        nvidia|\bA(100|800|40|30|16|10|10G|10M|2)\b|Ampere|d|
        nvidia|\bRTX\s?A\d000|Ampere|d|
        nvidia|\bCMP 170HX\b|Ampere|d|
        nvidia|\bRTX\s?20\d0|Turing|d|
        nvidia|\bGTX\s?16\d0|Turing|d|
        nvidia|\b(T4|TITAN RTX|Quadro RTX)\b|Turing|d|
        nvidia|\b(V100|TITAN V)\b|Volta|d|
        nvidia|\bGTX\s?10\d0|Pascal|d|
        nvidia|\b(P100|P40|P4|P6|TITAN Xp?)\b|Pascal|d|
        nvidia|\bGTX\s?9\d0|Maxwell|d|
        nvidia|\b(M40|M60)\b|Maxwell|d|
        nvidia|\b(K80|K40|K20X?)\b|Kepler|d|
        amd|\b80[456]0S\b|RDNA3.5|p|gfx1151
        amd|STRIX_HALO|RDNA3.5|p|gfx1151
        amd|\b8[89]0M\b|RDNA3.5|i|gfx1150
        amd|\b8[46]0M\b|RDNA3.5|i|gfx1152
        amd|\b7[468]0M\b|RDNA3|i|gfx1103
        amd|\b6[68]0M\b|RDNA2|i|gfx1035
        amd|\b610M\b|RDNA2|i|
        amd|\bMI35[05]X?\b|CDNA4|d|
        amd|\bMI300A\b|CDNA3|p|
        amd|\bMI3\d\dX?\b|CDNA3|d|
        amd|\bMI2[15]0X?\b|CDNA2|d|
        amd|\bMI100\b|CDNA|d|
        amd|\b(MI[56]0|Radeon VII)\b|GCN5|d|
        amd|\bRX\s?90[5-8]0|RDNA4|d|
        amd|\bR9[67]00\b|RDNA4|d|
        amd|\bRX\s?7[4-9]\d0|RDNA3|d|
        amd|\bW7[5-9]00D?\b|RDNA3|d|
        amd|\bRX\s?6[3-9]\d0|RDNA2|d|
        amd|\b(W6[4-8]00|V620)\b|RDNA2|d|
        amd|\bRX\s?5[3-7]00|RDNA|d|
        amd|\bVega (10|20|56|64)\b|GCN5|d|
        amd|\bVega (3|6|7|8|9|11)\b|GCN5|i|
        amd|\bRX\s?[45][5-9]0|GCN4|d|
        amd|\bNPU\b|Neural Processing Unit|XDNA|n|
        intel|\bNPU\b|Neural Processing Unit||n|
        intel|\b1[34]0V\b|Xe2 (Lunar Lake)|i|
        intel|\bLunar Lake\b|Xe2 (Lunar Lake)|i|
        intel|\bArc\b.{0,12}\bB\d{2,3}\b|Xe2 (Battlemage)|d|
        intel|\bBattlemage\b|Xe2 (Battlemage)|d|
        intel|\bArc\b.{0,12}\bA\d{2,3}M?\b|Xe HPG|d|
        intel|\b(DG2|Flex (140|170))\b|Xe HPG|d|
        intel|\bMax 1\d{3}\b|Xe HPC|d|
        intel|\bPonte Vecchio\b|Xe HPC|d|
        intel|\b(Panther Lake)\b|Xe3|i|
        intel|\b(Meteor Lake|Arrow Lake)\b|Xe LPG|i|
        intel|\b1[34]0T\b|Xe LPG+|i|
        intel|\bArc\b.{0,6}Graphics$|Xe LPG|i|
        intel|\b(UHD|HD|Iris)\b||i|
        intel|\bRaptor Lake|Alder Lake|Tiger Lake\b||i|
        apple|\bApple\b|Apple|p|
        qualcomm|Hexagon||n|
        qualcomm|Adreno|Adreno|i|
        huawei|910B|Ascend910B|c|
        huawei|910_93|Ascend910_93|c|
        huawei|910C|Ascend910_93|c|
        huawei|310P3|Ascend310P3|c|
        huawei|310P|Ascend310P|c|
        huawei|310B|Ascend310B|c|
        huawei|310|Ascend310|c|
        huawei|950PR|Ascend950PR|c|
        huawei|950|Ascend950|c|
        huawei|910|Ascend910|c|
        mthreads|M1000|MUSA|p|
        mthreads|.|MUSA|d|
        metax|.|MACA|d|
        hygon|.|DCU|d|
        """;

    private static readonly FrozenDictionary<string, KnownDevice> ByNumber = Numbers.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Trim().Split('|'))
        .ToFrozenDictionary(f => f[0], f => new KnownDevice(f[1], f[2].Length == 0 ? null : f[2], ClassOf(f[3]), f[4].Length == 0 ? null : f[4]), StringComparer.Ordinal);

    private static readonly (string Vendor, Regex Name, KnownDevice Known)[] ByName = [.. Names.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Rule)];

    private static readonly FrozenDictionary<string, string> Vendors = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["10de"] = "nvidia",
        ["1002"] = "amd",
        ["1022"] = "amd",
        ["8086"] = "intel",
        ["106b"] = "apple",
        ["19e5"] = "huawei",
        ["1ed5"] = "mthreads",
        ["9999"] = "metax",
        ["1d94"] = "hygon",
        ["17cb"] = "qualcomm",
        ["5143"] = "qualcomm",
        ["cabc"] = "cambricon",
        ["1e3e"] = "iluvatar",
        ["1ee0"] = "biren",
        ["1e36"] = "enflame",
        ["1d22"] = "kunlunxin",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Cards for pictures only: of virtual machines and of management controllers.</summary>
    private static readonly FrozenSet<string> DisplayOnly = new[] { "1af4", "1b36", "1234", "15ad", "1a03", "102b", "1414", "80ee", "1013", "5333", "1ab8" }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>GPUs inside CPUs by what compilers call them.</summary>
    private static readonly FrozenSet<string> InsideCpu =
        new[] { "gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036", "gfx1037", "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153" }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Kernel modules that drive accelerators, with their vendor.</summary>
    public static FrozenDictionary<string, string> Modules { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["nvidia"] = "nvidia",
        ["nvgpu"] = "nvidia",
        ["amdgpu"] = "amd",
        ["amdxdna"] = "amd",
        ["i915"] = "intel",
        ["xe"] = "intel",
        ["intel_vpu"] = "intel",
        ["ivpu"] = "intel",
        ["drv_davinci_intf_host"] = "huawei",
        ["drv_pcie_host"] = "huawei",
        ["ascend_drv_pcie_host"] = "huawei",
        ["davinci"] = "huawei",
        ["mtgpu"] = "mthreads",
        ["metax"] = "metax",
        ["mxgpu"] = "metax",
        ["hydcu"] = "hygon",
        ["hycu"] = "hygon",
        ["msm"] = "qualcomm",
        ["qaic"] = "qualcomm",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static string? VendorOf(string? pciVendor) => pciVendor is not null && Vendors.TryGetValue(pciVendor.ToLowerInvariant(), out var vendor) ? vendor : null;

    public static bool IsDisplayOnly(string pciVendor) => DisplayOnly.Contains(pciVendor.ToLowerInvariant());

    /// <summary>The vendor that a text names; null when it names none.</summary>
    public static string? VendorIn(string text)
    {
        if (Has("NVIDIA") || Has("GeForce") || Has("Quadro") || Has("Tesla ") || text.StartsWith("Tesla", StringComparison.Ordinal)) return "nvidia";
        if (Has("Hygon") || Has("DCU")) return "hygon";
        if (Has("AMD") || Has("Radeon") || Has("Advanced Micro Devices") || Has("Instinct")) return "amd";
        if (Has("Moore Threads") || Has("MTT ")) return "mthreads";
        if (Has("MetaX") || Has("MXC")) return "metax";
        if (Has("Cambricon")) return "cambricon";
        if (Has("Huawei") || Has("Ascend")) return "huawei";
        if (Has("Apple")) return "apple";
        if (Has("Qualcomm") || Has("Adreno")) return "qualcomm";
        return Has("Intel") ? "intel" : null;

        bool Has(string word) => text.Contains(word, StringComparison.OrdinalIgnoreCase);
    }

    public static KnownDevice? OfNumber(string? pciId) => pciId is not null && ByNumber.TryGetValue(pciId, out var known) ? known : null;

    public static KnownDevice? OfName(string? vendor, string? name) =>
        vendor is null || name is null ? null : ByName.FirstOrDefault(r => r.Vendor == vendor && r.Name.IsMatch(name)).Known;

    public static bool IsInsideCpu(string? compute) => compute is not null && InsideCpu.Contains(compute);

    /// <summary>The generation that a compiler target belongs to.</summary>
    public static string? ArchitectureOf(string? vendor, string? compute) => (vendor, compute) switch
    {
        (_, null) => null,
        ("nvidia", _) => compute switch
        {
            "3.0" or "3.5" or "3.7" => "Kepler",
            "5.0" or "5.2" or "5.3" => "Maxwell",
            "6.0" or "6.1" or "6.2" => "Pascal",
            "7.0" or "7.2" => "Volta",
            "7.5" => "Turing",
            "8.0" or "8.6" or "8.7" => "Ampere",
            "8.9" => "Ada",
            "9.0" => "Hopper",
            "10.0" or "10.1" or "10.3" or "11.0" or "12.0" or "12.1" => "Blackwell",
            _ => null,
        },
        ("hygon", _) => "DCU",
        _ => compute switch
        {
            _ when compute.StartsWith("gfx12", StringComparison.Ordinal) => "RDNA4",
            _ when compute.StartsWith("gfx115", StringComparison.Ordinal) => "RDNA3.5",
            _ when compute.StartsWith("gfx11", StringComparison.Ordinal) => "RDNA3",
            _ when compute.StartsWith("gfx103", StringComparison.Ordinal) => "RDNA2",
            _ when compute.StartsWith("gfx101", StringComparison.Ordinal) => "RDNA",
            "gfx950" => "CDNA4",
            "gfx940" or "gfx941" or "gfx942" => "CDNA3",
            "gfx90a" => "CDNA2",
            "gfx908" => "CDNA",
            _ when compute.StartsWith("gfx90", StringComparison.Ordinal) => "GCN5",
            _ when compute.StartsWith("gfx80", StringComparison.Ordinal) => "GCN4",
            _ => null,
        },
    };

    /// <summary>The generation of an NVIDIA device by the range of its number.</summary>
    public static string? NvidiaRange(string? pciId)
    {
        if (pciId is null || !pciId.StartsWith("10de:", StringComparison.Ordinal) || !int.TryParse(pciId.AsSpan(5), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)) return null;
        return number switch
        {
            >= 0x1340 and <= 0x15ef => "Maxwell",
            >= 0x15f0 and <= 0x15ff => "Pascal",
            >= 0x1600 and <= 0x17ff => "Maxwell",
            >= 0x1b00 and <= 0x1d7f => "Pascal",
            >= 0x1d80 and <= 0x1dff => "Volta",
            >= 0x1e00 and <= 0x1fff or >= 0x2180 and <= 0x21ff => "Turing",
            >= 0x2080 and <= 0x20ff or >= 0x2200 and <= 0x22ff or >= 0x2400 and <= 0x25ff => "Ampere",
            >= 0x2300 and <= 0x23ff => "Hopper",
            >= 0x2680 and <= 0x28ff => "Ada",
            >= 0x2900 and <= 0x29ff or >= 0x2b00 and <= 0x31ff => "Blackwell",
            _ => null,
        };
    }

    public static AcceleratorKind KindOf(DeviceClass known) => known switch
    {
        DeviceClass.Integrated => AcceleratorKind.IntegratedGpu,
        DeviceClass.Neural or DeviceClass.NeuralCard => AcceleratorKind.Npu,
        _ => AcceleratorKind.Gpu,
    };

    public static bool IsUnified(DeviceClass known) => known is DeviceClass.Pooled or DeviceClass.Integrated or DeviceClass.Neural;

    private static (string, Regex, KnownDevice) Rule(string line)
    {
        // The expression may hold bars of its own.
        var fields = line.Trim().Split('|');
        var expression = string.Join('|', fields[1..^3]);
        var known = new KnownDevice("", fields[^3].Length == 0 ? null : fields[^3], ClassOf(fields[^2]), fields[^1].Length == 0 ? null : fields[^1]);
        return (fields[0], new Regex(expression, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(Said.RegexLimitMs)), known);
    }

    private static DeviceClass? ClassOf(string letter) => letter switch
    {
        "d" => DeviceClass.Discrete,
        "p" => DeviceClass.Pooled,
        "i" => DeviceClass.Integrated,
        "n" => DeviceClass.Neural,
        "c" => DeviceClass.NeuralCard,
        _ => null,
    };
}

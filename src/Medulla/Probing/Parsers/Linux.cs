using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Probing.Parsers;

/// <summary>The host as Linux describes it: system, processor, memory, control groups, firmware tables, disks.</summary>
internal static partial class Linux
{
    /// <summary>A limit above this is none.</summary>
    private const long Boundless = 1L << 56;

    /// <summary>Instruction sets that matter to engines, in the words of the kernel.</summary>
    private static readonly string[] Telling =
    [
        "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
        "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme", "v", "zvfh", "zfh", "zba", "zbb", "zvbb", "zvfbfwma", "xtheadvector",
    ];

    /// <summary>Cores of ARM by implementer and part; the greater rank names a mixed processor.</summary>
    private static readonly Dictionary<string, (string Name, int Rank)> Arm = new(StringComparer.Ordinal)
    {
        ["41:d03"] = ("Cortex-A53", 10),
        ["41:d04"] = ("Cortex-A35", 5),
        ["41:d05"] = ("Cortex-A55", 15),
        ["41:d07"] = ("Cortex-A57", 30),
        ["41:d08"] = ("Cortex-A72", 35),
        ["41:d09"] = ("Cortex-A73", 37),
        ["41:d0a"] = ("Cortex-A75", 40),
        ["41:d0b"] = ("Cortex-A76", 45),
        ["41:d0c"] = ("Neoverse-N1", 50),
        ["41:d0d"] = ("Cortex-A77", 47),
        ["41:d40"] = ("Neoverse-V1", 60),
        ["41:d41"] = ("Cortex-A78", 48),
        ["41:d42"] = ("Cortex-A78AE", 48),
        ["41:d44"] = ("Cortex-X1", 55),
        ["41:d46"] = ("Cortex-A510", 20),
        ["41:d47"] = ("Cortex-A710", 52),
        ["41:d48"] = ("Cortex-X2", 58),
        ["41:d49"] = ("Neoverse-N2", 58),
        ["41:d4b"] = ("Cortex-A78C", 48),
        ["41:d4d"] = ("Cortex-A715", 53),
        ["41:d4e"] = ("Cortex-X3", 62),
        ["41:d4f"] = ("Neoverse-V2", 65),
        ["41:d80"] = ("Cortex-A520", 22),
        ["41:d81"] = ("Cortex-A720", 54),
        ["41:d82"] = ("Cortex-X4", 66),
        ["41:d83"] = ("Neoverse-V3AE", 70),
        ["41:d84"] = ("Neoverse-V3", 70),
        ["41:d85"] = ("Cortex-X925", 72),
        ["41:d87"] = ("Cortex-A725", 56),
        ["41:d8e"] = ("Neoverse-N3", 60),
        ["48:d01"] = ("Kunpeng-920", 50),
        ["48:d02"] = ("Kunpeng-920B", 52),
        ["4e:004"] = ("Carmel", 40),
        ["51:001"] = ("Oryon", 70),
        ["51:804"] = ("Kryo 4xx Gold", 45),
        ["51:c00"] = ("Falkor", 40),
        ["c0:ac3"] = ("Ampere-1", 55),
        ["c0:ac4"] = ("Ampere-1a", 56),
        ["c0:ac5"] = ("Ampere-1b", 57),
        ["70:663"] = ("FTC663", 40),
        ["70:862"] = ("FTC862", 45),
        ["46:001"] = ("A64FX", 50),
        ["61:022"] = ("Apple M1 Icestorm", 30),
        ["61:023"] = ("Apple M1 Firestorm", 60),
        ["61:032"] = ("Apple M2 Blizzard", 31),
        ["61:033"] = ("Apple M2 Avalanche", 62),
    };

    /// <summary>What <c>lscpu</c> calls its fields in other languages, by what it calls them in English.</summary>
    private static readonly Dictionary<string, string> Labels = new (string English, string[] Others)[]
    {
        ("Architecture", ["架构", "架構", "Architektur", "Arquitectura", "Arquitetura", "アーキテクチャ", "Архитектура", "아키텍처", "Architektura", "Architectuur"]),
        ("CPU(s)", ["CPU", "Processeur(s)", "CPU's", "Процесори", "Počet CPU"]),
        ("Model name", ["型号名称", "型號", "Modellname", "Nom de modèle", "Nombre del modelo", "Nome do modelo", "モデル名", "Имя модели", "모델 이름", "Nazwa modelu", "Modelnaam"]),
        ("Core(s) per socket", ["每个座的核数", "每通訊端核心數", "Kern(e) pro Sockel", "Kern(e) pro Socket", "Cœur(s) par socket", "Núcleo(s) por «socket»", "Núcleo(s) por soquete", "ソケットあたりのコア数", "Ядер на сокет", "소켓 당 코어 수", "Rdzeni na gniazdo", "Kernen per voet"]),
        ("Socket(s)", ["座", "通訊端", "Sockel", "«Socket(s)»", "Soquete(s)", "ソケット数", "Сокетов", "소켓", "Gniazd", "CPU-voeten"]),
        ("NUMA node(s)", ["NUMA 节点", "NUMA 節點", "NUMA-Knoten", "Nœud(s) NUMA", "Modo(s) NUMA", "Nó(s) de NUMA", "NUMA ノード数", "NUMA 노드", "Węzłów NUMA", "NUMA-nodes"]),
        ("Flags", ["标记", "Markierungen", "Drapeaux", "Indicadores", "Opções", "フラグ", "Флаги", "플래그", "Flagi", "Vlaggen"]),
    }.SelectMany(l => l.Others.Select(o => (o, l.English))).ToDictionary(p => p.o, p => p.English, StringComparer.Ordinal);

    public static void OsRelease(Reading reading, Facts facts)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in Said.Lines(reading.Text))
        {
            if (Said.Pair(line, '=') is var (key, value) && Said.Word(value) is { } word) fields.TryAdd(key, word);
        }

        facts.SystemId = fields.GetValueOrDefault("ID")?.ToLowerInvariant();
        facts.SystemVersion = fields.GetValueOrDefault("VERSION_ID");
        facts.SystemName = fields.GetValueOrDefault("PRETTY_NAME") ?? fields.GetValueOrDefault("NAME");
        if (facts.SystemId is not null) facts.Family = "linux";
    }

    /// <summary><c>uname -a</c>, <c>-r</c>, <c>-m</c>, and <c>/proc/sys/kernel/osrelease</c>.</summary>
    public static void Uname(Reading reading, Facts facts)
    {
        var text = reading.Text.Trim();
        if (text.StartsWith("Darwin", StringComparison.Ordinal)) facts.Family = "macos";
        else if (text.StartsWith("Linux", StringComparison.Ordinal) || reading.Name.Contains("osrelease", StringComparison.Ordinal)) facts.Family = "linux";
        if (ArchitectureWord().Matches(text) is { Count: > 0 } words) facts.Architecture = ArchitectureOf(words[^1].Value);
        if (KernelRelease().Match(text) is { Success: true } release) facts.Kernel = release.Value;
        if (text.Contains("microsoft", StringComparison.OrdinalIgnoreCase)) facts.Find("wsl", "system", "this is Linux inside Windows (WSL): the driver of the GPU is the one of Windows");
    }

    public static void Meminfo(Reading reading, Facts facts)
    {
        foreach (var line in Said.Lines(reading.Text))
        {
            if (!line.StartsWith("MemTotal:", StringComparison.Ordinal)) continue;
            facts.Ram = Said.Positive(line[9..].Replace("kB", " KB", StringComparison.Ordinal));
            break;
        }
    }

    /// <summary><c>free</c>: with <c>-b</c>, <c>-k</c>, <c>-m</c>, <c>-h</c>. What it rounded is kept apart.</summary>
    public static void Free(Reading reading, Facts facts)
    {
        foreach (var line in Said.Lines(reading.Text))
        {
            if (FreeLine().Match(line) is not { Success: true } match) continue;
            var (number, unit) = (match.Groups[1].Value, match.Groups[2].Value);
            if (unit.Length > 0) facts.RoughRam = Said.Positive($"{number} {unit}");
            else if (Said.Whole(number) is { } bare)
            {
                if (reading.Name.Contains("-m", StringComparison.Ordinal) || bare < 1 << 20 && !reading.Name.Contains("-k", StringComparison.Ordinal)) facts.RoughRam = bare << 20;
                else facts.Ram = bare >= 1L << 28 || reading.Name.Contains("-b", StringComparison.Ordinal) ? bare : bare << 10;
            }

            return;
        }
    }

    public static void Cpuinfo(Reading reading, Facts facts)
    {
        var cores = new HashSet<(string, string)>();
        var (threads, package, implementer, rank) = (0, "0", "", -1);
        var ranks = new List<int>();
        string? kind = null;
        foreach (var line in Said.Lines(reading.Text))
        {
            if (Said.Pair(line) is not var (key, value)) continue;
            switch (key)
            {
                case "processor" when Said.Whole(value) is not null:
                    threads++;
                    break;
                case "model name" when Said.Word(value) is { } model && !model.StartsWith("ARMv", StringComparison.Ordinal):
                    facts.CpuModel ??= model;
                    break;
                case "uarch" or "cpu" when Said.Word(value) is { } core:
                    kind ??= core;
                    break;
                case "physical id":
                    package = value;
                    break;
                case "core id":
                    cores.Add((package, value));
                    break;
                case "CPU implementer":
                    implementer = value.Replace("0x", "", StringComparison.Ordinal).ToLowerInvariant();
                    break;
                case "CPU part" when Arm.TryGetValue($"{implementer}:{value.Replace("0x", "", StringComparison.Ordinal).ToLowerInvariant()}", out var arm):
                    ranks.Add(arm.Rank);
                    if (arm.Rank > rank) (facts.CpuModel, rank) = (arm.Name, arm.Rank);
                    break;
                case "flags" or "Features" when facts.CpuFeatures.Count == 0:
                    Features(facts, value.Split(' ', StringSplitOptions.RemoveEmptyEntries));
                    break;
                case "isa" when facts.CpuFeatures.Count == 0:
                    RiscV(facts, value);
                    break;
                case "Model" when value.Contains("Raspberry", StringComparison.Ordinal):
                    facts.HostProduct ??= value;
                    break;
            }
        }

        if (threads == 0) return;
        facts.CpuModel ??= kind;
        facts.Threads = threads;
        facts.Cores = cores.Count > 0 ? cores.Count : threads;
        if (ranks.Count == threads && ranks.Min() < rank) facts.FastCores = ranks.Count(r => r == rank);
    }

    /// <summary><c>lscpu</c> as text or JSON.</summary>
    public static void Lscpu(Reading reading, Facts facts)
    {
        var fields = new List<(string Key, string Value)>();
        if (reading.Text.TrimStart().StartsWith('{'))
        {
            using var document = JsonDevices.Read(reading.Text);
            if (document is not null) Collect(document.RootElement, fields, 0);
        }
        else
        {
            foreach (var line in Said.Lines(reading.Text.Replace('：', ':')))
            {
                if (Said.Pair(line) is var (key, value)) fields.Add((key, value));
            }
        }

        int? perSocket = null, sockets = null, perCluster = null, clusters = null;
        var (rank, section) = (-1, -1);
        var kinds = new SortedDictionary<int, int>();
        foreach (var (key, value) in fields)
        {
            var label = key.TrimEnd(':').Trim();
            switch (Labels.GetValueOrDefault(label, label))
            {
                case "Architecture":
                    facts.Architecture ??= ArchitectureOf(value);
                    break;
                case "CPU(s)":
                    facts.Threads ??= Said.Count(value);
                    break;
                case "Model name" or "BIOS Model name" when Said.Word(value) is { } model:
                    // A mixed processor is named by its greatest core, as in /proc/cpuinfo.
                    var core = Arm.Values.FirstOrDefault(a => a.Name == model);
                    if (facts.CpuModel is null || (core.Name is not null && core.Rank > rank && rank >= 0)) facts.CpuModel = model;
                    section = core.Name is not null ? core.Rank : -1;
                    rank = Math.Max(rank, section);
                    break;
                case "Core(s) per socket":
                    perSocket = Add(perSocket, Said.Count(value));
                    if (section >= 0) kinds[section] = Said.Count(value) ?? 0;
                    break;
                case "Core(s) per cluster":
                    perCluster = Add(perCluster, Said.Count(value));
                    if (section >= 0) kinds[section] = Said.Count(value) ?? 0;
                    break;
                case "Socket(s)":
                    sockets ??= Said.Count(value);
                    break;
                case "Cluster(s)":
                    clusters ??= Said.Count(value);
                    break;
                case "NUMA node(s)":
                    facts.Nodes ??= Said.Count(value);
                    break;
                case "Flags" when facts.CpuFeatures.Count == 0:
                    Features(facts, value.Split(' ', StringSplitOptions.RemoveEmptyEntries));
                    break;
                case "ISA" when facts.CpuFeatures.Count == 0:
                    RiscV(facts, value);
                    break;
            }
        }

        facts.Cores = perSocket is { } n && sockets is { } s and > 0 && n * s <= (facts.Threads ?? int.MaxValue) ? n * s
            : perSocket is { } alone && sockets is null ? alone
            : perCluster is { } c && clusters is { } k ? c * k : facts.Threads;
        if (kinds.Count > 1) facts.FastCores = kinds.Last().Value * (sockets ?? clusters ?? 1);

        static int? Add(int? a, int? b) => a is null ? b : b is null ? a : a + b;

        static void Collect(JsonElement element, List<(string, string)> fields, int depth)
        {
            if (depth > 8) return;
            if (element.ValueKind == JsonValueKind.Array)
            {
                foreach (var item in element.EnumerateArray()) Collect(item, fields, depth + 1);
            }
            else if (element.ValueKind == JsonValueKind.Object)
            {
                if (element.TryGetProperty("field", out var field) && element.TryGetProperty("data", out var data) && field.ValueKind == JsonValueKind.String && data.ValueKind == JsonValueKind.String) fields.Add((field.GetString()!, data.GetString()!));
                foreach (var property in element.EnumerateObject())
                {
                    if (property.Value.ValueKind is JsonValueKind.Array or JsonValueKind.Object) Collect(property.Value, fields, depth + 1);
                }
            }
        }
    }

    /// <summary><c>numactl -H</c>, and the list of nodes that are online.</summary>
    public static void Numa(Reading reading, Facts facts)
    {
        if (NumaNodes().Match(reading.Text) is { Success: true } match) facts.Nodes = Said.Count(match.Groups[1].Value);
        else if (Ranges(reading.Text) is { } nodes) facts.Nodes = nodes;
    }

    /// <summary><c>dmidecode</c>: the box, and its memory devices.</summary>
    public static void Dmidecode(Reading reading, Facts facts)
    {
        var section = "";
        var device = new Dictionary<string, string>(StringComparer.Ordinal);
        var devices = new List<Dictionary<string, string>>();
        foreach (var line in Said.Lines(reading.Text))
        {
            if (line.StartsWith("Handle", StringComparison.Ordinal))
            {
                if (section == "Memory Device" && device.Count > 0) devices.Add(device);
                (section, device) = ("", new Dictionary<string, string>(StringComparer.Ordinal));
                continue;
            }

            if (line.Length > 0 && !char.IsWhiteSpace(line[0]))
            {
                section = line.Trim();
                continue;
            }

            if (Said.Pair(line) is not var (key, value)) continue;
            if (section == "System Information" && key == "Manufacturer") facts.HostVendor ??= Said.Word(value);
            else if (section == "System Information" && key == "Product Name") facts.HostProduct ??= Said.Word(value);
            else if (section == "Memory Device") device.TryAdd(key, value);
        }

        if (section == "Memory Device" && device.Count > 0) devices.Add(device);
        var channels = new Dictionary<string, double>(StringComparer.Ordinal);
        long total = 0;
        foreach (var (module, i) in devices.Select((d, i) => (d, i)))
        {
            if (Said.Positive(module.GetValueOrDefault("Size")) is not { } size) continue;
            total += size;
            facts.MemoryKind ??= Said.Word(module.GetValueOrDefault("Type"));
            var speed = Said.Number(module.GetValueOrDefault("Configured Memory Speed")) ?? Said.Number(module.GetValueOrDefault("Configured Clock Speed")) ?? Said.Number(module.GetValueOrDefault("Speed"));
            var width = Said.Number(module.GetValueOrDefault("Data Width"));
            if (speed is null || width is null) continue;
            var place = $"{module.GetValueOrDefault("Bank Locator")} {module.GetValueOrDefault("Locator")}";
            var channel = Channel().Match(place) is { Success: true } named ? named.Value.ToUpperInvariant() : i.ToString(CultureInfo.InvariantCulture);
            channels[channel] = speed.Value * width.Value / 8 / 1000;
        }

        if (channels.Count > 0) facts.BandwidthGBs = Math.Round(channels.Values.Sum(), 1);
        if (total > 0) facts.RoughRam = total;
    }

    /// <summary>Files of control groups of both versions, told by the end of their names.</summary>
    public static void Cgroup(Reading reading, Facts facts)
    {
        var (name, value) = (reading.Name, reading.Text.Trim());
        if (name.EndsWith("memory.max", StringComparison.Ordinal) || name.EndsWith("memory.limit_in_bytes", StringComparison.Ordinal) || name.EndsWith("memory.high", StringComparison.Ordinal))
        {
            if (Said.Whole(value) is { } limit and > 0 and < Boundless) facts.MemoryLimit = limit;
        }
        else if (name.EndsWith("cpu.max", StringComparison.Ordinal))
        {
            var words = value.Split(' ');
            if (words.Length == 2 && Said.Whole(words[0]) is { } quota and > 0 && Said.Whole(words[1]) is { } period and > 0) facts.UsableThreads = (double)quota / period;
        }
        else if (name.EndsWith("cpu.cfs_quota_us", StringComparison.Ordinal))
        {
            if (Said.Whole(value) is { } quota and > 0) facts.UsableThreads = quota / 100_000.0;
        }
        else if (name.Contains("cpuset.cpus", StringComparison.Ordinal) && Ranges(value) is { } cpus)
        {
            facts.UsableThreads = cpus;
        }
    }

    /// <summary><c>/proc/self/status</c>: the processors that this process may use.</summary>
    public static void Status(Reading reading, Facts facts)
    {
        var line = Said.Lines(reading.Text).FirstOrDefault(l => l.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal));
        if (line is not null && Ranges(line[18..]) is { } cpus) facts.UsableThreads = cpus;
    }

    /// <summary><c>/sys/devices/cpu_core/cpus</c>: the threads of the fast cores, on mixed processors of Intel only.</summary>
    public static void FastThreads(Reading reading, Facts facts) => facts.FastThreads = Ranges(reading.Text.Trim());

    public static void DeviceTree(Reading reading, Facts facts)
    {
        var model = reading.Text.Trim('\0', ' ', '\n');
        if (Said.Word(model) is not { } word || word.Length > 200) return;
        facts.HostProduct ??= word;
        facts.HostVendor ??= DeviceTable.VendorIn(word) == "nvidia" ? "NVIDIA" : word.Contains("Raspberry", StringComparison.Ordinal) ? "Raspberry Pi" : null;
        if (TegraModel().Match(word) is { Success: true } tegra) Tegra(facts, tegra.Value);
    }

    /// <summary><c>/etc/nv_tegra_release</c>: this is a Jetson, and its L4T release.</summary>
    public static void TegraRelease(Reading reading, Facts facts)
    {
        if (L4t().Match(reading.Text) is not { Success: true } match) return;
        facts.Runtimes["nvidia"] = $"L4T {match.Groups[1].Value}.{match.Groups[2].Value}";
        Tegra(facts, null);
    }

    /// <summary><c>tegrastats</c>: only a Jetson has it.</summary>
    public static void TegraStats(Reading reading, Facts facts)
    {
        if (TegraMemory().Match(reading.Text) is not { Success: true } match) return;
        facts.RoughRam = Said.Positive(match.Groups[1].Value);
        Tegra(facts, null);
    }

    /// <summary><c>df -PT -B1</c>, with a column more that says how fast the disk is.</summary>
    public static void Disks(Reading reading, Facts facts)
    {
        string[] header = [];
        foreach (var line in Said.Lines(reading.Text).Take(200))
        {
            var cells = line.Replace("Mounted on", "Mounted", StringComparison.Ordinal).Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (cells.Length > 4 && cells[0] == "Filesystem")
            {
                header = cells;
                continue;
            }

            if (header.Length == 0 || cells.Length < header.Length || cells[0] is "tmpfs" or "devtmpfs" or "devfs" or "map" or "overlay" or "none" or "udev") continue;
            if (Bytes(Cell("blocks") ?? Cell("Size")) is not { } total || Bytes(Cell("Avail")) is not { } free || total == 0) continue;
            facts.Disks.Add(new Disk(Cell("Mounted") ?? "", new ByteSize(total), new ByteSize(free), Cell("Type") ?? "") { SpeedClass = Cell("Class") ?? (cells[0].Contains("nvme", StringComparison.Ordinal) ? "nvme" : "") });

            // Blocks are of the size that the header names; with -h each figure has a unit of its own.
            long? Bytes(string? cell) => Said.Whole(cell) is not { } count ? Said.Size(cell)
                : Array.Find(header, h => h.EndsWith("-blocks", StringComparison.Ordinal)) is { } blocks && BlockSize().Match(blocks) is { Success: true } size && Said.Whole(size.Groups[1].Value) is { } many ? count * many * (size.Groups[2].Value switch { "K" => 1L << 10, "M" => 1L << 20, "G" => 1L << 30, _ => 1 }) : count;

            string? Cell(string named)
            {
                var at = Array.FindIndex(header, h => h.Contains(named, StringComparison.Ordinal));
                return at < 0 ? null : cells[at];
            }
        }
    }

    public static string ArchitectureOf(string word) => word.Trim().ToLowerInvariant() switch
    {
        "x86_64" or "amd64" or "x64" => "x64",
        "aarch64" or "arm64" => "arm64",
        "armv7l" or "armv6l" => "arm",
        "i686" or "i386" => "x86",
        var other => other,
    };

    /// <summary>How many numbers are in <c>0-3,8,10-11</c>; null when it is no such list.</summary>
    public static int? Ranges(string text)
    {
        if (!RangeList().IsMatch(text.Trim())) return null;
        var count = 0L;
        foreach (var part in text.Trim().Split(','))
        {
            var ends = part.Split('-');
            if (!long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var from) || !long.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var to) || to < from) return null;
            count += to - from + 1;
        }

        return count is > 0 and < 100_000 ? (int)count : null;
    }

    private static void Features(Facts facts, string[] all) => facts.CpuFeatures.AddRange(Telling.Where(f => all.Contains(f, StringComparer.Ordinal)));

    private static void RiscV(Facts facts, string isa)
    {
        var words = isa.ToLowerInvariant().Split('_');
        var letters = words[0].StartsWith("rv", StringComparison.Ordinal) && words[0].Length > 4 ? words[0][4..] : "";
        Features(facts, [.. words.Skip(1), .. letters.Select(l => l.ToString())]);
    }

    private static void Tegra(Facts facts, string? chip)
    {
        var device = new Device { Scope = "tegra", Index = "0", Vendor = "nvidia", Unified = true, MemoryUnsaid = true };
        if (chip is not null) (device.Name, device.NameRank) = ($"NVIDIA {chip}", 1);
        facts.Devices.Add(device);
    }

    [GeneratedRegex(@"\b(?:x86_64|amd64|aarch64|arm64|armv[67]l|riscv64|ppc64le|loongarch64|s390x|i[36]86)\b", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex ArchitectureWord();

    [GeneratedRegex(@"\b\d{1,2}\.\d{1,3}(?:\.\d{1,3})?[\w.+~-]{0,60}", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex KernelRelease();

    [GeneratedRegex(@"^\s{0,4}Mem:\s{1,20}(\d{1,20}(?:\.\d{1,3})?)([KMGT]i?B?)?\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex FreeLine();

    [GeneratedRegex(@"available:\s{0,4}(\d{1,4}) nodes", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex NumaNodes();

    [GeneratedRegex(@"(?:(?:P|CPU|SOCKET)[ _]?\d[ _-]?)?CHANNEL[ _]?[A-Z0-9]{1,2}|(?:CONTROLLER\d-)?DIMM[ _]?[A-P](?=\d)|(?:CPU|P)\d_?DIMM_?[A-P](?=\d)|DIMM[ _][A-P](?=\d)|Controller\d-Channel[A-Z]", RegexOptions.IgnoreCase, Said.RegexLimitMs)]
    private static partial Regex Channel();

    [GeneratedRegex(@"^\d{1,6}(?:-\d{1,6})?(?:,\d{1,6}(?:-\d{1,6})?){0,400}$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex RangeList();

    [GeneratedRegex(@"\b(?:Orin|Xavier|Thor)\b", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex TegraModel();

    [GeneratedRegex(@"\bRAM \d{1,9}/(\d{1,9}[kMG]B)", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex TegraMemory();

    [GeneratedRegex(@"^(\d{1,6})([KMG]?)B?-blocks$", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex BlockSize();

    [GeneratedRegex(@"R(\d{1,3}) \(release\), REVISION: ([\d.]{1,8})", RegexOptions.None, Said.RegexLimitMs)]
    private static partial Regex L4t();
}

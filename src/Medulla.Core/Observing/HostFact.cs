using Medulla.Core.Units;

namespace Medulla.Core.Observing;

/// <summary>The machine as its sensors show it. Null is <i>unknown</i>.</summary>
public sealed record HostFact
{
    /// <summary>Memory that could be taken now without swapping.</summary>
    public ByteSize? MemoryAvailable { get; init; }

    /// <summary>Memory that the machine, or the control group that limits us, has in all.</summary>
    public ByteSize? MemoryTotal { get; init; }

    /// <summary>Share of the last ten seconds in which every process waited for memory, 0 to 100.</summary>
    public double? MemoryStall { get; init; }

    /// <summary>Share of the last ten seconds in which every process waited for a disk, 0 to 100.</summary>
    public double? DiskStall { get; init; }

    /// <summary>Share of the last ten seconds in which something waited for a processor, 0 to 100.</summary>
    public double? ProcessorStall { get; init; }

    /// <summary>Share of the processors' time since the last look that another virtual machine had, 0 to 100.</summary>
    public double? Stolen { get; init; }

    /// <summary>True when a speed that is measured now says nothing about the engine: others have the processors.</summary>
    public bool IsContended => ProcessorStall > 30 || Stolen > 10;

    /// <summary>Who else has the processors, when it has been so for long; null when nobody is known to.</summary>
    public string? Crowded { get; init; }

    /// <summary>Bytes per second that went to the swap and came back from it.</summary>
    public double? Swapping { get; init; }

    /// <summary>Space left where the state lies.</summary>
    public ByteSize? DiskFree { get; init; }

    /// <summary>Files that can still be made there; null where the file system has no such bound.</summary>
    public long? FilesFree { get; init; }

    /// <summary>Why the state cannot be written; null when it can.</summary>
    public string? Unwritable { get; init; }

    /// <summary>Files that the daemon has open.</summary>
    public int? OpenFiles { get; init; }

    /// <summary>Files that it may open.</summary>
    public int? OpenFilesLimit { get; init; }

    /// <summary>Who else uses the memory of an accelerator; null when nobody is known to.</summary>
    public string? Foreign { get; init; }

    /// <summary>Which accelerator slows itself down because of its temperature; null when none is known to.</summary>
    public string? Slowed { get; init; }

    /// <summary>Which accelerator computes at a fraction of its clock though nothing says that it must; null when none is known to.</summary>
    public string? Underclocked { get; init; }

    /// <summary>The hottest sensor with a limit of its own, in degrees Celsius.</summary>
    public double? Temperature { get; init; }

    /// <summary>The limit of that sensor, at which the machine slows itself down.</summary>
    public double? TemperatureLimit { get; init; }

    /// <summary>Why the machine could not be looked at whole, so that something of it may be unknown; null when it was.</summary>
    public string? Unseen { get; init; }

    /// <summary>What of the service's configuration could not be used, and what is done instead; null when all was.</summary>
    public string? Setback { get; init; }

    /// <summary>Sensors that gave data before and give none now, with the reason.</summary>
    public ImmutableArray<string> Lost { get; init; } = [];
}

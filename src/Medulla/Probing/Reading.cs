namespace Medulla.Probing;

/// <summary>How a reading ended.</summary>
internal enum ReadingEnd
{
    /// <summary>The text is whole.</summary>
    Whole,

    /// <summary>The text is the beginning of a longer one.</summary>
    Cut,

    /// <summary>The program ran past its budget; the text is what it printed until then.</summary>
    TimedOut,

    /// <summary>The program ended with an error; the text is what it printed.</summary>
    Failed,
}

/// <summary>The text that one command printed or one file held.</summary>
/// <param name="Name">What produced it, as the name of a file in a capture without its ending: <c>nvidia-smi-query</c>, <c>proc-meminfo</c>.</param>
/// <param name="Origin">The exact command or path; in a capture without that record, the file's name.</param>
internal sealed record Reading(string Name, string Origin, string Text)
{
    /// <summary>No reading is longer; what comes behind is not read.</summary>
    public const int MaxText = 4 << 20;

    public ReadingEnd End { get; init; } = ReadingEnd.Whole;

    /// <summary>Exit code of a program; 0 for files.</summary>
    public int Code { get; init; }
}

/// <summary>Where readings come from: this machine, or a folder that somebody captured on another.</summary>
internal interface IProbeSource
{
    /// <summary>Everything that answered within its budget, in the order of the probe table or of the names. Does not throw for what is absent.</summary>
    Task<IReadOnlyList<Reading>> ReadAsync();
}

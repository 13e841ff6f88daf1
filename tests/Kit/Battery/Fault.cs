namespace Medulla.Tests.Kit.Battery;

/// <summary>How a fault has to end.</summary>
public enum Ending
{
    /// <summary>The incident is closed by proof, without anybody's help, and the device answers.</summary>
    Healed,

    /// <summary>It lasts by its nature: the incident says so, and the device still answers, or says honestly why not.</summary>
    Stated,

    /// <summary>It only looks like a fault: nothing is restarted, and the device answers.</summary>
    Untouched,
}

/// <summary>Which engine a fault is done to.</summary>
public enum Actor
{
    /// <summary>A real llama-server with a real model.</summary>
    Real,

    /// <summary>The fake that misbehaves on command.</summary>
    Fake,
}

/// <summary>One fault, how it is provoked for real, and how it has to end.</summary>
/// <param name="Id">Name in the catalogue of faults.</param>
/// <param name="Codes">Conditions of which one must be seen; empty where none need be.</param>
/// <param name="Provoke">Done once the device serves; the clock starts when it returns.</param>
public sealed record Fault(string Id, string Layer, string Title, Actor Actor, Ending Ending, string[] Codes, Func<Scene, Task> Provoke)
{
    /// <summary>Before the device starts: a control group, a small disk, a bad network.</summary>
    public Func<Scene, Task>? Prepare { get; init; }

    /// <summary>The circumstance ends: what the device was waiting for is there again. Done once the incident was seen.</summary>
    public Func<Scene, Task>? Relent { get; init; }

    /// <summary>More must hold in the end; the text says what did not.</summary>
    public Func<Scene, Task<string?>>? Check { get; init; }

    /// <summary>Seconds until it must have been noticed.</summary>
    public double NoticeWithin { get; init; } = 25;

    /// <summary>Seconds until it must have ended as it has to.</summary>
    public double EndWithin { get; init; } = 60;

    /// <summary>For faults that only look like some: how long they are watched.</summary>
    public double WatchFor { get; init; } = 12;

    /// <summary>Needs the right to make control groups, mounts or lines in the kernel's log.</summary>
    public bool NeedsRoot { get; init; }

    /// <summary>A program that the provocation needs; null for none.</summary>
    public string? Tool { get; init; }

    /// <summary>The device serves when it is provoked; false for faults that are there from the start.</summary>
    public bool ServesFirst { get; init; } = true;

    /// <summary>Starts of the device: more than one where what provokes it keeps a device from starting now and then, as faketime does.</summary>
    public int Tries { get; init; } = 1;

    /// <summary>What it is about cannot be seen while others have the processors.</summary>
    public bool Alone { get; init; }

    /// <summary>Done in every run; the others only in long ones.</summary>
    public bool Brief { get; init; } = true;
}

/// <summary>How it went.</summary>
/// <param name="NoticedAfter">Seconds from the provocation to the incident; null when there was none.</param>
/// <param name="EndedAfter">Seconds from the provocation to the end; null when it did not end.</param>
/// <param name="Lost">Requests that were not answered correctly, of <paramref name="Asked"/> non-streaming ones.</param>
/// <param name="Problem">What is not as it has to be; null when all is.</param>
public sealed record FaultResult(Fault Fault, double? NoticedAfter, string Code, string Remedy, string Proof, double? EndedAfter, int Asked, int Lost, int Starts, string? Problem)
{
    public bool IsGood => Problem is null;
}

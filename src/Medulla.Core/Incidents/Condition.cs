namespace Medulla.Core.Incidents;

/// <summary>What a condition is about.</summary>
public enum Layer
{
    /// <summary>The process of an engine, or its build.</summary>
    Engine,

    /// <summary>The bytes of a model.</summary>
    Model,

    /// <summary>What it answers, and how fast.</summary>
    Answer,

    Memory,

    Accelerator,

    Storage,

    Host,

    Network,

    /// <summary>What the device remembers and decides.</summary>
    State,
}

/// <summary>A kind of problem, declared once in <see cref="Conditions"/>. Codes are stable: scripts and dashboards rely on them.</summary>
/// <param name="Code">Stable name, lower case with hyphens.</param>
/// <param name="Title">A few words.</param>
/// <param name="Text">What it means and what the device does about it.</param>
public sealed record Condition(string Code, Layer Layer, Severity Severity, string Title, string Text)
{
    /// <summary>Conditions of which this one is a mere symptom: while one of them is open, this one is folded into it.</summary>
    public ImmutableArray<string> SymptomOf { get; init; } = [];

    /// <summary>It must stay away this long, while the workload serves, before the incident is closed; zero closes at the first proof.</summary>
    public TimeSpan Quiet { get; init; } = TimeSpan.Zero;

    /// <summary>True when it lies in the bytes themselves, so that what is learned from it ends with another digest and not by time.</summary>
    public bool IsAboutArtifact { get; init; }

    /// <summary>True when another start with nothing changed would end the same way.</summary>
    public bool IsLasting { get; init; }
}

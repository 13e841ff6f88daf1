using Medulla.Core.Units;

namespace Medulla.Core.Intents;

/// <summary>What an application does with a model.</summary>
public enum WorkloadTask
{
    Chat,
    Embedding,
}

/// <summary>An application's need. Applications name it in <c>model</c>; which model answers may change under them.</summary>
public sealed record Workload
{
    public required WorkloadName Name { get; init; }

    public required WorkloadTask Task { get; init; }

    /// <summary>Tokens that one request may use, prompt and answer together; less is given when the model or the memory allows no more.</summary>
    public int Context { get; init; } = 8192;

    /// <summary>Requests worked on at once, 1 to 64.</summary>
    public int Concurrency { get; init; } = 4;

    /// <summary>Only this model may serve; null means that the device chooses.</summary>
    public ModelId? Model { get; init; }

    /// <summary>The least quality (catalog scale, 0 to 100) that this workload accepts; below it, it gets 503.</summary>
    public int FloorQuality { get; init; }

    /// <summary>The least context in tokens that this workload accepts; below it, it gets 503.</summary>
    public int FloorContext { get; init; }
}

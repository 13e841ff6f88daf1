using Medulla.Core.Units;

namespace Medulla.Core.Intents;

/// <summary>What an application does with a model.</summary>
public enum WorkloadTask
{
    Chat,
    Embedding,
    Rerank,
    Transcription,
    Speech,
    Image,
}

/// <summary>Which of a model's skills counts for a workload.</summary>
public enum Skill
{
    General,
    Code,
    Vision,
    Multilingual,
}

/// <summary>What a model can be asked for beyond plain text.</summary>
[Flags]
public enum Abilities
{
    None = 0,
    Tools = 1,
    Thinking = 2,
    Code = 4,
    Vision = 8,
    Audio = 16,
    Json = 32,
}

/// <summary>When a workload's instance is in memory.</summary>
public enum Residency
{
    /// <summary>Always: it is never ended to make room.</summary>
    Resident,

    /// <summary>While somebody asks for it, and for a while after: it is loaded by the first request, and makes room for others when it is idle.</summary>
    OnDemand,
}

/// <summary>How fast a workload must be to be of use. What is null is not asked for.</summary>
/// <param name="TokensPerS">Least decode speed of one request.</param>
/// <param name="FirstToken">Longest time to the first token of a typical prompt.</param>
/// <param name="PromptTokens">Tokens of a typical prompt.</param>
public sealed record ServiceLevel(double? TokensPerS, TimeSpan? FirstToken, int PromptTokens)
{
    /// <summary>What people who read an answer while it is written expect of a workload that says nothing: reading speed, and an answer to half a page of text within five seconds.</summary>
    public static readonly ServiceLevel Readable = new(10, TimeSpan.FromSeconds(5), 256);
}

/// <summary>An application's need. Applications name it in <c>model</c>; which model answers may change under them.</summary>
public sealed record Workload
{
    public required WorkloadName Name { get; init; }

    public required WorkloadTask Task { get; init; }

    public Skill Skill { get; init; } = Skill.General;

    /// <summary>What a model must be able to do.</summary>
    public Abilities Needs { get; init; } = Abilities.None;

    /// <summary>Tokens that one request may use, prompt and answer together; less is given when the model or the memory allows no more.</summary>
    public int Context { get; init; } = 8192;

    /// <summary>Requests worked on at once, 1 to 64.</summary>
    public int Concurrency { get; init; } = 4;

    /// <summary>Null means <see cref="ServiceLevel.Readable"/> for chat and nothing for the rest.</summary>
    public ServiceLevel? Service { get; init; }

    /// <summary>What the owner says of it; null means that the device decides by what fits.</summary>
    public Residency? Residency { get; init; }

    /// <summary>Only this model may serve; null means that the device chooses.</summary>
    public ModelId? Model { get; init; }

    /// <summary>The least quality (catalog scale, 0 to 100) that this workload accepts; below it, it gets 503.</summary>
    public int FloorQuality { get; init; }

    /// <summary>The least context in tokens that this workload accepts; below it, it gets 503.</summary>
    public int FloorContext { get; init; }

    /// <summary>The level that choices are measured by; null when any speed will do.</summary>
    public ServiceLevel? Level => Service ?? (Task == WorkloadTask.Chat ? ServiceLevel.Readable : null);
}

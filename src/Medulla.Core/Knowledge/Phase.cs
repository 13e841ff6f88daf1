namespace Medulla.Core.Knowledge;

/// <summary>The two things an engine does with tokens: reading a prompt, and writing an answer one token after the other.</summary>
public enum Phase
{
    Prefill,
    Decode,
}

namespace Medulla.Core.Planning;

/// <summary>A decision not to act.</summary>
/// <param name="Subject">What is not acted on.</param>
/// <param name="Reason">Why, in one sentence.</param>
/// <param name="Until">Boot time of the next look; null when only an event ends it.</param>
/// <param name="Event">What ends it earlier, or at all.</param>
public sealed record Hold(string Subject, string Reason, TimeSpan? Until, string Event);

using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Core.Intents;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Engines;

/// <summary>
/// What is written about an instance, durably, before its process exists and once more when it does: what a later daemon
/// needs to adopt it. Readable by its owner only, for it holds the instance's key.
/// </summary>
internal sealed record RunRecord
{
    public required InstanceId Id { get; init; }

    public required SpecId Spec { get; init; }

    public required WorkloadName Workload { get; init; }

    public required ModelId Model { get; init; }

    public required string ModelPath { get; init; }

    public required WorkloadTask Task { get; init; }

    /// <summary>Requests that it works on at once; 0 in the records of older releases.</summary>
    public int Slots { get; init; }

    public required string Key { get; init; }

    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>0 before the process exists.</summary>
    public int Pid { get; init; }

    public long StartTicks { get; init; }

    public string BootId { get; init; } = "";

    public TimeSpan StartedAt { get; init; }

    /// <summary>From its start to its first token; null before that. Known again after an adoption.</summary>
    public TimeSpan? LoadTime { get; init; }

    /// <summary>Null when there is none or it cannot be read.</summary>
    public static RunRecord? Read(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(PathIn(folder)), RunJson.Default.RunRecord);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Write(string folder) => AtomicFile.Write(PathIn(folder), JsonSerializer.SerializeToUtf8Bytes(this, RunJson.Default.RunRecord));

    private static string PathIn(string folder) => Path.Combine(folder, "instance.json");
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(RunRecord))]
internal sealed partial class RunJson : JsonSerializerContext;

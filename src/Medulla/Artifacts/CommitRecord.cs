using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Artifacts;

/// <summary>Says that a file had this digest when it looked like this: while it looks the same, it is trusted.</summary>
/// <param name="Path">Where the file is: in the store, or where its owner keeps it.</param>
internal sealed record CommitRecord(Digest Digest, string Path, FileStamp Stamp)
{
    /// <summary>Null for a file that is whole.</summary>
    public PartOf? Part { get; init; }

    /// <summary>What the model is known by.</summary>
    [JsonIgnore]
    public Digest Whole => Part?.Whole ?? Digest;

    /// <summary>Files that make the whole.</summary>
    [JsonIgnore]
    public int Count => Part?.Count ?? 1;

    /// <summary>Name of the record.</summary>
    [JsonIgnore]
    public string Key => KeyOf(Digest, Part);

    public static string KeyOf(Digest digest, PartOf? part) => part is null ? digest.Hex : string.Create(CultureInfo.InvariantCulture, $"{part.Whole.Hex}-{part.Number}");

    /// <summary>Null when there is none or it cannot be read: then the file counts as unverified.</summary>
    public static CommitRecord? Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), StoreJson.Default.CommitRecord);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Write(string file) => AtomicFile.Write(file, JsonSerializer.SerializeToUtf8Bytes(this, StoreJson.Default.CommitRecord));
}

/// <summary>Says that a file is one of several.</summary>
/// <param name="Whole">Stands for all of them.</param>
/// <param name="Number">From 1.</param>
internal sealed record PartOf(Digest Whole, int Number, int Count);

/// <summary>How much of a staging file is durable, and the hash state of nothing: the prefix is hashed again on resumption.</summary>
/// <param name="Durable">Bytes from the beginning that were synced.</param>
internal sealed record ResumeRecord(Digest Digest, long Size, long Durable);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CommitRecord))]
[JsonSerializable(typeof(ResumeRecord))]
internal sealed partial class StoreJson : JsonSerializerContext;

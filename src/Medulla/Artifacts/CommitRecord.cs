using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Artifacts;

/// <summary>Says that a file had this digest when it looked like this: while it looks the same, it is trusted.</summary>
/// <param name="Path">Where the file is: in the store, or where its owner keeps it.</param>
internal sealed record CommitRecord(Digest Digest, string Path, FileStamp Stamp)
{
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

/// <summary>How much of a staging file is durable, and the hash state of nothing: the prefix is hashed again on resumption.</summary>
/// <param name="Durable">Bytes from the beginning that were synced.</param>
internal sealed record ResumeRecord(Digest Digest, long Size, long Durable);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CommitRecord))]
[JsonSerializable(typeof(ResumeRecord))]
internal sealed partial class StoreJson : JsonSerializerContext;

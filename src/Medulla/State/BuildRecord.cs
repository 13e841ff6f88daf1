using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Core.Blueprints;

namespace Medulla.State;

/// <summary>An engine build on this device and how to run it: <c>build.json</c> in its own folder below the engines' directory.</summary>
internal sealed record BuildRecord
{
    public required EngineBuild Build { get; init; }

    /// <summary>Where its files are: this folder's <c>files</c>, or a folder of the owner's.</summary>
    public required string Folder { get; init; }

    /// <summary>Name of the server in <see cref="Folder"/>.</summary>
    public required string Binary { get; init; }

    /// <summary>Name of the build's own loader in <see cref="Folder"/>; null when the system's is used.</summary>
    public required string? Loader { get; init; }

    /// <summary>Long flags that its <c>--help</c> knows, without removed ones.</summary>
    public required ImmutableArray<string> Flags { get; init; }

    /// <summary>Title of the source it came from.</summary>
    public required string Source { get; init; }

    public required ImmutableArray<BuildFile> Files { get; init; }

    /// <summary>The program and its leading arguments. A closure runs through its own loader, so the system's libraries do not matter.</summary>
    public ImmutableArray<string> Command => Loader is null
        ? [Path.Combine(Folder, Binary)]
        : [Path.Combine(Folder, Loader), "--library-path", Folder, Path.Combine(Folder, Binary)];

    public bool Knows(string flag) => Flags.Contains(flag);

    /// <summary>Null when there is none or it cannot be read.</summary>
    public static BuildRecord? Read(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(folder, "build.json")), BuildJson.Default.BuildRecord);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Write(string folder) =>
        AtomicFile.Write(Path.Combine(folder, "build.json"), JsonSerializer.SerializeToUtf8Bytes(this, BuildJson.Default.BuildRecord));
}

/// <param name="Name">Relative to the build's folder.</param>
/// <param name="Stamp">As it was when its digest was taken.</param>
internal sealed record BuildFile(string Name, Core.Units.Digest Digest, FileStamp Stamp);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(BuildRecord))]
internal sealed partial class BuildJson : JsonSerializerContext;

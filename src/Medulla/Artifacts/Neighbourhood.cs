using System.Collections.Immutable;
using Medulla.Artifacts.Headers;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Artifacts;

/// <summary>
/// What lies within reach without a network: embedded and shipped files, the owner's folder, Hugging Face caches.
/// Bounds: <see cref="MaxFiles"/> files of the owner's folder, four levels deep.
/// </summary>
internal sealed class Neighbourhood(StoreOptions options)
{
    public const int MaxFiles = 1000;

    /// <summary>Files on this disk that could be this model file by their size or name. Their bytes are still to be verified.</summary>
    public IEnumerable<(string Path, string Source)> Find(ModelFile file)
    {
        if (file.IsSizeExact)
        {
            foreach (var path in Owned().Where(p => Posix.Stat(p)?.Size == file.Size.Bytes)) yield return (path, "the models folder");
        }

        foreach (var source in file.Sources)
        {
            if (source is ModelSource.HuggingFace hub)
            {
                foreach (var cache in options.HuggingFaceCaches)
                {
                    var blob = Path.Combine(cache, "models--" + hub.Repository.Replace("/", "--", StringComparison.Ordinal), "blobs", file.Digest?.Hex ?? "");
                    if (Posix.Stat(blob) is { } stamp && (!file.IsSizeExact || stamp.Size == file.Size.Bytes)) yield return (blob, "the Hugging Face cache");
                }
            }
            else if (source is ModelSource.Shipped shipped && Path.Combine(options.Shipped, shipped.Path) is var path && File.Exists(path))
            {
                yield return (path, "shipped file");
            }
        }
    }

    /// <summary>The owner's GGUF files.</summary>
    public IEnumerable<string> Owned()
    {
        if (options.Models is null || !Directory.Exists(options.Models)) return [];
        var walk = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 4, IgnoreInaccessible = true };
        return Directory.EnumerateFiles(options.Models, "*.gguf", walk).Order(StringComparer.Ordinal).Take(MaxFiles);
    }

    /// <summary>The files of each model: one, or the parts of a split one in order. Parts whose others are missing are none, and a finding.</summary>
    public static IEnumerable<ImmutableArray<string>> Models(IEnumerable<string> files, ImmutableArray<string>.Builder findings)
    {
        foreach (var group in files.GroupBy(f => SplitName.Of(Path.GetFileName(f)) is { } name ? Path.Combine(Path.GetDirectoryName(f)!, name.All()[0]) : f))
        {
            if (SplitName.Of(Path.GetFileName(group.Key)) is not { } split)
            {
                yield return [group.Key];
                continue;
            }

            var folder = Path.GetDirectoryName(group.Key)!;
            ImmutableArray<string> parts = [.. split.All().Select(p => Path.Combine(folder, p))];
            var missing = parts.Except(group).ToList();
            if (missing.Count == 0) yield return parts;
            else findings.Add($"{group.First()} is a part of a model in {parts.Length} files, so it is not offered: {Path.GetFileName(missing[0])} is not beside it");
        }
    }

    /// <summary>Null when it cannot be believed: the engine then says what is wrong with the file.</summary>
    public static ModelHeader? HeaderOf(string path)
    {
        try
        {
            return ModelHeader.Read(path);
        }
        catch (Exception e) when (e is HeaderException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static bool IsGguf(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            Span<byte> magic = stackalloc byte[4];
            return file.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic.SequenceEqual("GGUF"u8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}

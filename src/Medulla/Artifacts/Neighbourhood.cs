using System.Collections.Immutable;
using System.Text;
using Medulla.Artifacts.Headers;
using Medulla.Core.Intents;
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

    /// <summary>An owner's file that the catalog does not know becomes a model of the same name; it serves only a workload that names it.</summary>
    /// <param name="path">Of a split one the first part.</param>
    /// <param name="size">Of all parts.</param>
    /// <param name="header">Null when it cannot be believed.</param>
    public static ModelEntry Adopted(string path, long size, Digest digest, ModelHeader? header)
    {
        return new ModelEntry
        {
            Id = IdOf(path),
            Title = header?.Name ?? Path.GetFileName(path),
            Licence = "unknown",
            Tasks = [],
            Quality = 1,
            ParametersB = header is null ? 0 : header.Parameters / 1e9,
            ActiveB = header is null || header.ActiveParameters == header.Parameters ? null : header.ActiveParameters / 1e9,
            ContextMax = header?.Shape?.ContextMax ?? 8192,
            KvBytesPerToken = header?.Shape?.KvBytesPerToken ?? Math.Max(4096, size / 30_000),
            Shape = header?.Shape,
            Files = [new ModelFile { Name = Path.GetFileName(path), Quant = header?.Quant ?? "file", Size = new ByteSize(size), Digest = digest, Sources = [] }],
        };
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

    private static ModelId IdOf(string path)
    {
        var name = new StringBuilder();
        foreach (var c in SplitName.Of(Path.GetFileName(path))?.Name ?? Path.GetFileNameWithoutExtension(path)) name.Append(char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' ? c : '-');
        var text = name.ToString().TrimStart('.', '_', '-');
        return ModelId.TryParse(text, null, out var id) ? id : new ModelId($"model-{Digest.Of(path).Short}");
    }
}

using System.Collections.Immutable;
using System.Text;
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
        foreach (var path in Owned().Where(p => Posix.Stat(p)?.Size == file.Size.Bytes)) yield return (path, "the models folder");
        foreach (var source in file.Sources)
        {
            if (source is ModelSource.HuggingFace hub)
            {
                foreach (var cache in options.HuggingFaceCaches)
                {
                    var blob = Path.Combine(cache, "models--" + hub.Repository.Replace("/", "--", StringComparison.Ordinal), "blobs", file.Digest?.Hex ?? "");
                    if (Posix.Stat(blob)?.Size == file.Size.Bytes) yield return (blob, "the Hugging Face cache");
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

    /// <summary>An owner's file that the catalog does not know becomes a model of the same name; it serves only a workload that names it.</summary>
    public static ModelEntry Adopted(string path, long size, Digest digest) => new()
    {
        Id = IdOf(path),
        Title = Path.GetFileName(path),
        Licence = "unknown",
        Tasks = [],
        Quality = 1,
        ContextMax = 8192,
        KvBytesPerToken = Math.Max(4096, size / 30_000),
        Files = [new ModelFile { Name = Path.GetFileName(path), Quant = "file", Size = new ByteSize(size), Digest = digest, Sources = [] }],
    };

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
        foreach (var c in Path.GetFileNameWithoutExtension(path)) name.Append(char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' ? c : '-');
        var text = name.ToString().TrimStart('.', '_', '-');
        return ModelId.TryParse(text, null, out var id) ? id : new ModelId($"model-{Digest.Of(path).Short}");
    }
}

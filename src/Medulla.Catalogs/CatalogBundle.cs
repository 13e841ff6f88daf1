using System.IO.Compression;
using System.Text.Json;
using Medulla.Core.Knowledge;
using Medulla.Core.Wire;

namespace Medulla.Catalogs;

/// <summary>
/// A compiled catalog: compressed JSON. The daemon carries one, and takes another in its place at run time. Bounds:
/// <see cref="MaxBytes"/> unpacked.
/// </summary>
public static class CatalogBundle
{
    public const int MaxBytes = 64 << 20;

    public static void Write(string path, Catalog catalog)
    {
        var staged = path + ".new";
        using (var file = File.Create(staged))
        {
            Write(file, catalog);
        }

        File.Move(staged, path, overwrite: true);
    }

    public static void Write(Stream to, Catalog catalog)
    {
        using var packed = new BrotliStream(to, CompressionLevel.Optimal, leaveOpen: true);
        JsonSerializer.Serialize(packed, catalog, CoreJson.Default.Catalog);
    }

    /// <returns>The catalog, or null and why it cannot be one.</returns>
    public static (Catalog? Catalog, string? Problem) Read(Stream from)
    {
        try
        {
            using var packed = new BrotliStream(from, CompressionMode.Decompress, leaveOpen: true);
            using var whole = new MemoryStream();
            var buffer = new byte[1 << 16];
            for (int read; (read = packed.Read(buffer)) > 0;)
            {
                if (whole.Length + read > MaxBytes) return (null, $"it unpacks to more than {MaxBytes >> 20} MiB");
                whole.Write(buffer, 0, read);
            }

            return JsonSerializer.Deserialize(whole.GetBuffer().AsSpan(0, (int)whole.Length), CoreJson.Default.Catalog) is { } catalog
                ? (catalog, null)
                : (null, "it is empty");
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or JsonException or NotSupportedException or IOException)
        {
            return (null, $"it is not a catalog of this format: {e.Message}");
        }
    }
}

using System.Net.Http.Headers;
using System.Text;
using Medulla.Artifacts.Headers;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;
using Medulla.Network;

namespace Medulla.Artifacts;

/// <summary>A model that the catalog does not know, from the header of its file alone: on this disk, or anywhere by ranges.</summary>
internal static class UnknownModel
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(15);

    /// <summary>It becomes a model of the file's name; it serves only a workload that names it.</summary>
    /// <param name="path">Of a split one the first part.</param>
    /// <param name="size">Of all parts.</param>
    /// <param name="header">Null when it cannot be believed.</param>
    public static ModelEntry Of(string path, long size, Digest digest, ModelHeader? header) => new()
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
        Files = [new ModelFile { Name = Path.GetFileName(path), Quant = header?.Quant ?? "file", Format = FormatOf(path), Size = new ByteSize(size), Digest = digest, Sources = [] }],
    };

    /// <summary>Reads only what comes before the tensors. Throws <see cref="HeaderException"/> where it cannot be read or believed.</summary>
    /// <param name="where">A path, or an address that begins with <c>http</c>: GGUF (of a split one the first part) or safetensors.</param>
    /// <param name="huggingFace">Asked in the place of huggingface.co; <c>HF_TOKEN</c> is for it alone.</param>
    public static async Task<ModelEntry> ReadAsync(string where, Uri huggingFace, CancellationToken cancel)
    {
        var header = Uri.TryCreate(where, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? await FromAsync(address, huggingFace, cancel)
            : FromDisk(where);
        if (header.IsProjector) throw new HeaderException($"{where} makes tokens of pictures for a model, and is none itself");
        return Of(address is { Scheme: "http" or "https" } ? Uri.UnescapeDataString(address.AbsolutePath) : where, header.Weights.Bytes, Digest.Of($"header of {where}"), header);
    }

    private static ModelHeader FromDisk(string path)
    {
        if (Directory.Exists(path)) throw new HeaderException($"cannot read {path}: it is a folder; give the file of the model, of a split one the first part");
        try
        {
            return ModelHeader.Read(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HeaderException($"cannot read {path}: {e.Message}");
        }
        catch (HeaderException e)
        {
            throw new HeaderException($"cannot read the header of {path}: {e.Message}");
        }
    }

    private static async Task<ModelHeader> FromAsync(Uri address, Uri huggingFace, CancellationToken cancel)
    {
        // What a browser shows of a file is a page about it; the file itself is beside it, and perhaps at a mirror.
        if (address.Host == "huggingface.co") address = new Uri(huggingFace, address.PathAndQuery.Replace("/blob/", "/resolve/", StringComparison.Ordinal));
        using var handler = Outbound.CreateHandler(ConnectLimit);
        (handler.AllowAutoRedirect, handler.MaxAutomaticRedirections) = (true, 5);
        using var http = new HttpClient(handler);
        if (Environment.GetEnvironmentVariable("HF_TOKEN") is { Length: > 0 } token && address.Host == huggingFace.Host) http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var remote = new RemoteHeader(http, TimeProvider.System);
        var header = await remote.ReadAsync(address, cancel);
        if (FormatOf(address.AbsolutePath) != ModelFormat.Safetensors) return header;
        if (await BesideAsync("model.safetensors.index.json") is { } index && SafetensorsIndex.TotalSize(index) is { } total) header = header.OfTotal(total);
        return await BesideAsync("config.json") is { } config ? header.With(ModelConfig.Read(config)) : header;

        async Task<byte[]?> BesideAsync(string name)
        {
            try
            {
                return await remote.ReadSmallAsync(new Uri(address, name), cancel);
            }
            catch (HeaderException)
            {
                return null;
            }
        }
    }

    private static ModelFormat FormatOf(string path) => path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) ? ModelFormat.Safetensors : ModelFormat.Gguf;

    private static ModelId IdOf(string path)
    {
        var name = new StringBuilder();
        foreach (var c in SplitName.Of(Path.GetFileName(path))?.Name ?? Path.GetFileNameWithoutExtension(path)) name.Append(char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' ? c : '-');
        var text = name.ToString().TrimStart('.', '_', '-');
        return ModelId.TryParse(text, null, out var id) ? id : new ModelId($"model-{Digest.Of(path).Short}");
    }
}

using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;
using Medulla.Network;

namespace Medulla.Artifacts.Builds;

/// <summary>The archives of a GitHub release for this platform: each downloaded, verified against the catalog's digest, and only then unpacked beside the others.</summary>
internal sealed class GitHubArchive(BuildOptions options, TimeProvider time)
{
    private const long MaxLength = 2L << 30;

    /// <returns>Null when it was unpacked into <paramref name="files"/>; else why not.</returns>
    public async Task<string?> FetchAsync(EngineSource.GitHubRelease release, string staging, string files, Action<string> say, CancellationToken cancel)
    {
        var (os, architecture) = (Platform(), RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant());
        var assets = release.Assets.Where(a => a.Os == os && a.Architecture == architecture).ToList();
        if (assets.Count == 0) return $"it has no archive for {os} {architecture}";
        foreach (var asset in assets)
        {
            if (asset.Digest is not { } digest) return $"nobody has recorded a sha256 for {asset.File}, and nothing unverified is run";
            if (await FetchAsync(release, asset, digest, staging, files, say, cancel) is { } reason) return reason;
        }

        return null;
    }

    private async Task<string?> FetchAsync(EngineSource.GitHubRelease release, ReleaseAsset asset, Digest digest, string staging, string files, Action<string> say, CancellationToken cancel)
    {
        var archive = Path.Combine(staging, asset.File);
        var address = new Uri(options.GitHub, $"/{release.Repository}/releases/download/{release.Tag}/{asset.File}");
        if (await DownloadAsync(address, archive, say, cancel) is { } reason) return reason;
        await using (var file = File.OpenRead(archive))
        {
            if (Digest.FromHash(await SHA256.HashDataAsync(file, cancel)) != digest) return $"{asset.File} is not the archive that the catalog knows";
        }

        await UnpackAsync(archive, files, cancel);
        File.Delete(archive);
        return null;
    }

    private async Task<string?> DownloadAsync(Uri address, string path, Action<string> say, CancellationToken cancel)
    {
        using var handler = Outbound.CreateHandler(options.ConnectLimit);
        handler.AllowAutoRedirect = true;
        using var http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await using var timer = time.CreateTimer(static s => ((CancellationTokenSource)s!).Cancel(), stall, options.StallLimit, Timeout.InfiniteTimeSpan);
        try
        {
            using var answer = await http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, stall.Token);
            if (!answer.IsSuccessStatusCode) return $"it answered {(int)answer.StatusCode} for {address.AbsolutePath}";
            await using var body = await answer.Content.ReadAsStreamAsync(stall.Token);
            await using var file = File.Create(path);
            var buffer = new byte[128 << 10];
            int read;
            while ((read = await body.ReadAsync(buffer, stall.Token).AsTask().ConfigureAwait(ConfigureAwaitOptions.ForceYielding)) > 0)
            {
                timer.Change(options.StallLimit, Timeout.InfiniteTimeSpan);
                await file.WriteAsync(buffer.AsMemory(0, read), cancel);
                if (file.Length > MaxLength) return $"it sends more than {MaxLength} bytes";
                say($"downloading {new ByteSize(file.Length)}");
            }

            return null;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return $"nothing came for {options.StallLimit.TotalSeconds:0} s";
        }
        catch (HttpRequestException e)
        {
            return e.HttpRequestError == HttpRequestError.NameResolutionError ? "its name cannot be resolved" : $"it cannot be reached ({(e.InnerException ?? e).Message})";
        }
    }

    /// <summary>Both readers refuse entries that lead out of the folder.</summary>
    private static async Task UnpackAsync(string archive, string files, CancellationToken cancel)
    {
        if (archive.EndsWith(".zip", StringComparison.Ordinal))
        {
            await ZipFile.ExtractToDirectoryAsync(archive, files, cancel);
            return;
        }

        await using var packed = File.OpenRead(archive);
        await using var plain = new GZipStream(packed, CompressionMode.Decompress);
        await TarFile.ExtractToDirectoryAsync(plain, files, overwriteFiles: true, cancel);
    }

    private static string Platform() => OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "macos" : "linux";
}

using System.Runtime.InteropServices;
using Medulla.Core.Knowledge;

namespace Medulla.Artifacts.Builds;

/// <summary>
/// Packages of a Debian suite and all they need, from the mirror that this machine is configured for, without root and
/// without touching the system: apt works in a root of its own with an empty package status, so it resolves the whole
/// closure; apt verifies signatures and hashes; the packages are unpacked, never installed, and run through the
/// closure's own loader. The system's apt configuration is left out (its hooks would run), except for its proxies.
/// </summary>
/// <param name="root">A folder of our own for apt's state; removed by the caller.</param>
internal sealed class DebianMirror(string root)
{
    private static readonly TimeSpan UpdateLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan DownloadLimit = TimeSpan.FromMinutes(20);
    private static readonly string[] NotLibraries = ["/gconv/", "/ossl-modules/", "/engines-", "/perl", "/python"];

    /// <returns>Null when the closure was unpacked flat into <paramref name="files"/>; else why not.</returns>
    public async Task<string?> FetchAsync(EngineSource.DebianClosure closure, string files, Action<string> say, CancellationToken cancel)
    {
        if (!OperatingSystem.IsLinux()) return "it needs Linux";
        foreach (var tool in new[] { "apt-get", "apt-config", "dpkg-deb" })
        {
            if (!IsInPath(tool)) return $"this machine has no {tool}";
        }

        if (AptSources.Find("/etc/apt") is not { } mirror) return "no Debian archive is configured in /etc/apt";
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["APT_CONFIG"] = await ConfigureAsync(mirror, closure.Suite, cancel), ["LC_ALL"] = "C" };
        say($"Debian {closure.Suite}: reading the package lists");
        var update = await Command.RunAsync(["apt-get", "update", "-q", "--error-on=any"], environment, UpdateLimit, cancel);
        if (update.Code != 0) return $"the package lists cannot be had: {update.LastLine}";
        say($"Debian {closure.Suite}: downloading {closure.Package} and what it needs");
        var download = await Command.RunAsync(["apt-get", "install", "--download-only", "--yes", "-q", closure.Package], environment, DownloadLimit, cancel);
        if (download.Code != 0) return $"the packages cannot be had: {download.LastLine}";

        say($"Debian {closure.Suite}: unpacking");
        var unpacked = Path.Combine(root, "unpacked");
        foreach (var package in Directory.EnumerateFiles(Path.Combine(root, "cache", "archives"), "*.deb").Order(StringComparer.Ordinal))
        {
            var unpack = await Command.RunAsync(["dpkg-deb", "--extract", package, unpacked], environment, UpdateLimit, cancel);
            if (unpack.Code != 0) return $"{Path.GetFileName(package)} cannot be unpacked: {unpack.LastLine}";
        }

        Flatten(unpacked, files);
        return null;
    }

    /// <summary>Loader, libraries, backends and programs side by side: the engine looks for its backends beside the program that runs, which is the loader.</summary>
    private static void Flatten(string unpacked, string files)
    {
        var links = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None, IgnoreInaccessible = true };
        foreach (var path in Directory.EnumerateFiles(Path.Combine(unpacked, "usr"), "*", links))
        {
            var name = Path.GetFileName(path);
            var library = path.Contains("/usr/lib", StringComparison.Ordinal) && name.Contains(".so", StringComparison.Ordinal) && !Array.Exists(NotLibraries, n => path.Contains(n, StringComparison.Ordinal));
            var program = path.Contains("/usr/bin/llama-", StringComparison.Ordinal);
            if (!library && !program) continue;
            var target = Path.Combine(files, name);
            var real = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
            if (File.Exists(real)) File.Copy(real, target, overwrite: true);
        }
    }

    /// <returns>Path of the configuration file.</returns>
    private async Task<string> ConfigureAsync(AptSource mirror, string suite, CancellationToken cancel)
    {
        foreach (var folder in new[] { "lists/partial", "cache/archives/partial", "etc" }) Directory.CreateDirectory(Path.Combine(root, folder));
        await File.WriteAllTextAsync(Path.Combine(root, "status"), "", cancel);
        await File.WriteAllTextAsync(Path.Combine(root, "etc", "sources.list"), $"deb [signed-by={mirror.SignedBy}] {mirror.Address} {suite} main\n", cancel);
        var proxies = await Command.RunAsync(["apt-config", "dump", "--format", "%f \"%v\";%n", "Acquire::http::Proxy", "Acquire::https::Proxy"], new Dictionary<string, string>(StringComparer.Ordinal), UpdateLimit, cancel);
        var path = Path.Combine(root, "apt.conf");
        await File.WriteAllTextAsync(
            path,
            $"""
            Dir::Etc::parts "/dev/null";
            Dir::Etc::main "/dev/null";
            Dir::State "{root}";
            Dir::State::lists "{root}/lists";
            Dir::State::status "{root}/status";
            Dir::Cache "{root}/cache";
            Dir::Etc::sourcelist "{root}/etc/sources.list";
            Dir::Etc::sourceparts "/dev/null";
            Dir::Etc::preferences "/dev/null";
            Dir::Etc::preferencesparts "/dev/null";
            Dir::Log "{root}";
            APT::Sandbox::User "";
            APT::Architecture "{Architecture()}";
            APT::Architectures "{Architecture()}";
            APT::Install-Recommends "false";
            Acquire::Languages "none";
            Acquire::Retries "2";
            Acquire::http::Timeout "20";
            Acquire::Check-Valid-Until "false";
            Acquire::Check-Date "false";
            Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
            {(proxies.Code == 0 ? proxies.Output : "")}
            """,
            cancel);
        return path;
    }

    private static string Architecture() => RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        System.Runtime.InteropServices.Architecture.RiscV64 => "riscv64",
        var other => other.ToString().ToLowerInvariant(),
    };

    private static bool IsInPath(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Any(d => File.Exists(Path.Combine(d, tool)));
}

using Microsoft.Win32.SafeHandles;

namespace Medulla.State;

/// <summary>
/// Files that are either as before or as after, whenever the power goes: a temporary file in the same directory is
/// written, synced, renamed over the name, and the directory is synced. Never truncates a live file.
/// </summary>
internal static class AtomicFile
{
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var directory = Path.GetDirectoryName(path)!;
        var temporary = Path.Combine(directory, $".{Path.GetFileName(path)}.{Environment.ProcessId}.new");
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0 };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
            using (var file = new FileStream(temporary, options))
            {
                file.Write(content);
                Sync(file.SafeFileHandle, temporary);
            }

            Rename(temporary, path);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Renames within one filesystem, replacing what has the name, and makes that durable.</summary>
    public static void Rename(string from, string to)
    {
        File.Move(from, to, overwrite: true);
        if (!OperatingSystem.IsWindows()) Posix.SyncDirectory(Path.GetDirectoryName(to)!);
    }

    public static void Sync(SafeFileHandle file, string path)
    {
        if (OperatingSystem.IsWindows()) RandomAccess.FlushToDisk(file);
        else Posix.Sync(file, path);
    }

    /// <summary>Moves what cannot be used out of the way, for a person to look at. Keeps the latest <paramref name="keep"/>.</summary>
    /// <returns>Where it is now.</returns>
    public static string SetAside(string path, string aside, int keep = 16)
    {
        Directory.CreateDirectory(aside);
        var to = Path.Combine(aside, $"{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}-{Path.GetFileName(path)}");
        if (Directory.Exists(path)) Directory.Move(path, to);
        else File.Move(path, to, overwrite: true);
        foreach (var old in new DirectoryInfo(aside).EnumerateFileSystemInfos().OrderByDescending(f => f.Name, StringComparer.Ordinal).Skip(keep))
        {
            if (old is DirectoryInfo directory) directory.Delete(recursive: true);
            else old.Delete();
        }

        return to;
    }
}

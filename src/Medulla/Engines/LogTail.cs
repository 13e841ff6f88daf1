using System.Collections.Immutable;
using System.Text;

namespace Medulla.Engines;

/// <summary>Reads the end of a log that another process appends to, and keeps it within its bound.</summary>
internal static class LogTail
{
    /// <summary>A longer log is copied to <c>.1</c> and truncated: its writer appends, so it goes on at the beginning.</summary>
    public const int MaxLength = 8 << 20;

    private const int TailLength = 64 << 10;

    public static ImmutableArray<string> Last(string path, int lines)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            file.Seek(-Math.Min(file.Length, TailLength), SeekOrigin.End);
            var bytes = new byte[TailLength];
            var text = Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, TailLength, throwOnEndOfStream: false));
            return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(lines)];
        }
        catch (IOException)
        {
            return [];
        }
    }

    public static void Rotate(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.Length < MaxLength) return;
        file.CopyTo(path + ".1", overwrite: true);
        using var live = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        live.SetLength(0);
    }
}

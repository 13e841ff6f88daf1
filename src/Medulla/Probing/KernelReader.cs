using System.Runtime.InteropServices;
using System.Text;
using Medulla.State;

namespace Medulla.Probing;

/// <summary>The kernel's log from now on, where it may be read: <c>/dev/kmsg</c>, one record a read, never waiting.</summary>
internal sealed partial class KernelReader : IDisposable
{
    private const int ReadOnlyNonBlocking = 0x800 | 0x80000;
    private const int SeekEnd = 2;

    /// <summary>Records were overwritten before we read them: the next read gives the oldest that is left.</summary>
    private const int BrokenPipe = 32;

    private readonly int _handle;
    private readonly byte[] _buffer = new byte[8192];

    public KernelReader(string path)
    {
        _handle = OpenFile(path, ReadOnlyNonBlocking, 0);
        if (_handle >= 0) _ = Seek(_handle, 0, SeekEnd);
    }

    /// <summary>False where the system does not let us read it.</summary>
    public bool IsOpen => _handle >= 0;

    /// <summary>Messages that have come since, without their headers; at most so many, the rest next time.</summary>
    public IEnumerable<string> Read(int most)
    {
        for (var i = 0; _handle >= 0 && i < most; i++)
        {
            var length = ReadOne(_handle, ref MemoryMarshal.GetArrayDataReference(_buffer), _buffer.Length);
            if (length < 0 && Marshal.GetLastPInvokeError() == BrokenPipe) continue;
            if (length <= 0) yield break;
            var record = Encoding.UTF8.GetString(_buffer, 0, (int)length);
            var start = record.IndexOf(';', StringComparison.Ordinal) + 1;
            var end = record.IndexOf('\n', start);
            yield return end < 0 ? record[start..] : record[start..end];
        }
    }

    public void Dispose()
    {
        if (_handle >= 0) _ = Posix.Close(_handle);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(int handle, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadOne(int handle, ref byte buffer, nint count);
}

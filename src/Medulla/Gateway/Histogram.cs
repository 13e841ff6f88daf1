using System.Globalization;
using System.Text;

namespace Medulla.Gateway;

/// <summary>A Prometheus histogram with fixed bounds, in seconds. Adding takes no lock.</summary>
internal sealed class Histogram(double[] bounds)
{
    private readonly long[] _counts = new long[bounds.Length + 1];
    private long _sumMicroseconds;

    /// <summary>How many values were added.</summary>
    public long Count => _counts.Sum();

    public void Add(TimeSpan value, int times = 1)
    {
        var bucket = 0;
        while (bucket < bounds.Length && value.TotalSeconds > bounds[bucket]) bucket++;
        Interlocked.Add(ref _counts[bucket], times);
        Interlocked.Add(ref _sumMicroseconds, (long)(value.TotalMicroseconds * times));
    }

    public void Write(StringBuilder page, string name, string labels)
    {
        long total = 0;
        for (var i = 0; i < bounds.Length; i++)
        {
            total += Interlocked.Read(ref _counts[i]);
            page.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels},le=\"{bounds[i]}\"}} {total}\n");
        }

        total += Interlocked.Read(ref _counts[^1]);
        page.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels},le=\"+Inf\"}} {total}\n");
        page.Append(CultureInfo.InvariantCulture, $"{name}_sum{{{labels}}} {Interlocked.Read(ref _sumMicroseconds) / 1e6}\n");
        page.Append(CultureInfo.InvariantCulture, $"{name}_count{{{labels}}} {total}\n");
    }
}

using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>
/// What can be run of one resolution, to hold against it what cannot. Nobody waits for something that cannot be run, is not noticeably
/// better, and takes as much memory. Keeps the best only: what is not as good as another that takes no more memory is forgotten.
/// </summary>
internal sealed class Runnable
{
    private readonly List<Kept> _kept = [];

    public void Add(Candidate candidate)
    {
        var spec = candidate.Spec;
        if (IsAsGood(spec.Merit + Merit.Noticeable, spec.Memory, spec.DeviceMemory, candidate.Place)) return;
        _kept.Add(new Kept(spec.Merit, spec.Memory, spec.DeviceMemory, candidate.Place.Index));
    }

    /// <param name="merit">At best.</param>
    /// <returns>True when something that takes no more memory is as good, or nearly.</returns>
    public bool IsAsGood(double merit, ByteSize memory, ByteSize onDevice, Placement place)
    {
        foreach (var kept in _kept)
        {
            if (merit < kept.Merit + Merit.Noticeable && kept.Memory <= memory && kept.OnDevice <= onDevice && (kept.OnDevice == ByteSize.Zero || kept.Place == place.Index)) return true;
        }

        return false;
    }

    private readonly record struct Kept(double Merit, ByteSize Memory, ByteSize OnDevice, int Place);
}

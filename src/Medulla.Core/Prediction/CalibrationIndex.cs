using System.Runtime.CompilerServices;
using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>A calibration made quick to look things up in: built once for each, and gone with it.</summary>
internal sealed class CalibrationIndex
{
    private static readonly ConditionalWeakTable<Calibration, CalibrationIndex> Built = [];

    /// <summary>Open addressing, at most half full: a correction's key, and where it is. A place below 0 is empty.</summary>
    private readonly (uint Key, int At)[] _slots;

    private readonly short[] _corrections;
    private readonly uint _mask;
    private readonly Dictionary<string, MeasuredHardware> _hardware;
    private readonly Dictionary<(Phase, Basis, string), Spread> _spreads = [];

    private CalibrationIndex(Calibration calibration)
    {
        var size = 16u;
        while (size < calibration.Keys.Length * 2L) size *= 2;
        (_mask, _corrections) = (size - 1, calibration.Corrections);
        _slots = new (uint, int)[size];
        Array.Fill(_slots, (0u, -1));
        for (var i = 0; i < Math.Min(calibration.Keys.Length, calibration.Corrections.Length); i++)
        {
            var slot = calibration.Keys[i] & _mask;
            while (_slots[slot].At >= 0) slot = (slot + 1) & _mask;
            _slots[slot] = (calibration.Keys[i], i);
        }

        _hardware = new Dictionary<string, MeasuredHardware>(calibration.Hardware.Length, StringComparer.Ordinal);
        foreach (var hardware in calibration.Hardware) _hardware.TryAdd(hardware.Id, hardware);
        foreach (var spread in calibration.Spreads) _spreads.TryAdd((spread.Phase, spread.Basis, spread.Class), spread);
    }

    public static CalibrationIndex Of(Calibration calibration) => Built.GetValue(calibration, static c => new CalibrationIndex(c));

    /// <summary>What was measured of hardware with this id, without a count; null when nothing was.</summary>
    public MeasuredHardware? Hardware(string id) => _hardware.GetValueOrDefault(id);

    /// <summary>Of the class, else of all; null when there is neither.</summary>
    public Spread? Spread(Phase phase, Basis basis, string hardwareClass) => _spreads.GetValueOrDefault((phase, basis, hardwareClass)) ?? _spreads.GetValueOrDefault((phase, basis, ""));

    /// <summary>The correction, and whether there is one.</summary>
    public bool Find(uint key, out double correction)
    {
        for (var slot = key & _mask; _slots[slot].At >= 0; slot = (slot + 1) & _mask)
        {
            if (_slots[slot].Key != key) continue;
            correction = _corrections[_slots[slot].At] / 1000.0;
            return true;
        }

        correction = 0;
        return false;
    }
}

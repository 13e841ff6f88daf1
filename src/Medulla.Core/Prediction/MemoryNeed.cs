using Medulla.Core.Units;

namespace Medulla.Core.Prediction;

/// <summary>What an instance takes. The first four say what for, the last two say where: both add up to <see cref="Total"/>.</summary>
/// <param name="Weights">The tensors.</param>
/// <param name="Cache">KV cache and recurrent state of all slots.</param>
/// <param name="Compute">Buffers of the graph: activations, masks, logits; of all devices and the host.</param>
/// <param name="Overhead">The process, its prompt cache, the driver's context on each device, and the margin on unified memory.</param>
/// <param name="Device">On the device that holds the most; zero without an accelerator.</param>
/// <param name="Host">In host memory.</param>
/// <param name="Devices">Devices in use.</param>
/// <param name="OtherDevices">On all devices but that one, together.</param>
public sealed record MemoryNeed(ByteSize Weights, ByteSize Cache, ByteSize Compute, ByteSize Overhead, ByteSize Device, ByteSize Host, int Devices, ByteSize OtherDevices)
{
    public ByteSize Total => Weights + Cache + Compute + Overhead;
}

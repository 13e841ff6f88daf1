using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>The steps of a remedy that change how one and the same model is run: the smallest change first, one thing at a time.</summary>
public static class Amending
{
    /// <summary>An instance of fewer tokens serves nobody.</summary>
    public const int LeastContext = 512;

    private const int LeastBatch = 32;
    private const int ContextStep = 256;

    /// <param name="frees">True when the step is to free memory; false when it is to compute more plainly.</param>
    /// <param name="shape">Of the model; null when unknown, and then memory is scaled by hand.</param>
    /// <returns>Null when the step changes nothing here.</returns>
    public static InstanceSpec? Apply(InstanceSpec spec, Amendment step, bool frees, Workload workload, ModelShape? shape)
    {
        var settings = spec.Settings;
        var factor = step.Factor ?? 0.5;
        var next = step.Do switch
        {
            AmendmentKind.LessContext => LessContext(spec, factor, workload),
            AmendmentKind.FewerSlots when spec.Parallel > 1 => spec with { Parallel = Math.Clamp((int)(spec.Parallel * factor), 1, spec.Parallel - 1) },
            AmendmentKind.SmallerBatch when spec.Task == WorkloadTask.Chat && settings.MicroBatch > LeastBatch => With(settings with { MicroBatch = Math.Max(LeastBatch, (int)(settings.MicroBatch * factor)) }),
            AmendmentKind.OffloadLess when settings.Accelerator >= 0 && shape is { Experts: > 0 } && settings.ExpertsOnHost < shape.Layers =>
                With(settings with { ExpertsOnHost = shape.Layers - (int)((shape.Layers - settings.ExpertsOnHost) * factor) }),
            AmendmentKind.OffloadLess when settings.Accelerator >= 0 && Layers() is var layers and > 0 => With(settings with { GpuLayers = (int)(layers * factor) }),
            AmendmentKind.KvType when frees && settings.FlashAttention != FlashAttention.Off && settings.Kv is KvType.F16 => With(settings with { Kv = KvType.Q8 }),
            AmendmentKind.KvType when frees && settings.FlashAttention != FlashAttention.Off && settings.Kv is KvType.Q8 => With(settings with { Kv = KvType.Q4 }),
            AmendmentKind.KvType when !frees && settings.Kv is not KvType.F16 => With(settings with { Kv = KvType.F16 }),
            AmendmentKind.KvType when !frees && settings.FlashAttention != FlashAttention.Off => With(settings with { FlashAttention = FlashAttention.Off }),
            _ => null,
        };
        if (next is null || next.Id == spec.Id) return null;
        var word = System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(step.Do.ToString());
        var (memory, onDevice) = shape is null ? (spec.Memory, spec.DeviceMemory) : MemoryOf(next, spec, shape);
        return next with
        {
            Memory = memory,
            DeviceMemory = onDevice,
            Amended = spec.Amended.Length == 0 ? word : $"{spec.Amended}, {word}",
        };

        InstanceSpec With(EngineSettings changed) => spec with { Settings = changed };
        int Layers() => settings.GpuLayers ?? (shape?.Layers + 1) ?? 0;
    }

    private static InstanceSpec? LessContext(InstanceSpec spec, double factor, Workload workload)
    {
        var least = Math.Max(LeastContext, workload.FloorContext);
        var next = Math.Max(least, (int)(spec.Context * factor) / ContextStep * ContextStep);
        if (next >= spec.Context) return null;
        var batch = spec.Task == WorkloadTask.Chat ? spec.Settings.MicroBatch : Math.Min(spec.Settings.MicroBatch, next);
        return spec with { Context = next, Settings = spec.Settings with { MicroBatch = batch } };
    }

    /// <summary>What was planned before, pool by pool in proportion to what is predicted: what leaves the device goes to the host.</summary>
    private static (ByteSize Host, ByteSize Device) MemoryOf(InstanceSpec next, InstanceSpec spec, ModelShape shape)
    {
        var (before, after) = (Need(spec, shape), Need(next, shape));
        if (spec.DeviceMemory == ByteSize.Zero) return (Scaled(spec.Memory, before.Total, after.Total), ByteSize.Zero);
        return (Scaled(spec.Memory, before.Host, after.Host), Scaled(spec.DeviceMemory, before.Device + before.OtherDevices, after.Device + after.OtherDevices));

        static ByteSize Scaled(ByteSize planned, ByteSize from, ByteSize to) => new((long)(planned.Bytes * ((double)to.Bytes / Math.Max(1, from.Bytes))));
    }

    private static MemoryNeed Need(InstanceSpec spec, ModelShape shape) => MemoryFit.Of(shape, spec.Weights.Size, new FitSettings
    {
        Context = spec.Context,
        Parallel = spec.Parallel,
        KvType = spec.Settings.Kv,
        MicroBatch = spec.Settings.MicroBatch,
        FlashAttention = spec.Settings.FlashAttention != FlashAttention.Off,
        HasGpu = spec.Settings.Accelerator >= 0,
        Devices = Math.Max(1, spec.Settings.Devices),
        GpuLayers = spec.Settings.GpuLayers is 0 ? null : spec.Settings.GpuLayers,
        ExpertsOnHost = spec.Settings.ExpertsOnHost,
        Unified = spec.Settings.Accelerator >= 0 && spec.DeviceMemory == ByteSize.Zero,
        PromptCache = ByteSize.MiB(spec.Settings.PromptCacheMiB),
    });
}

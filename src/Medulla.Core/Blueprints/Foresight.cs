using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;

namespace Medulla.Core.Blueprints;

/// <summary>Asks the speed model about one layout.</summary>
internal static class Foresight
{
    /// <returns>Null for tasks whose speed is not in tokens, and for models of unknown size.</returns>
    public static Forecast? Of(Workload workload, ModelEntry model, ModelShape shape, ModelFile file, Way way, Offload offload, int slots, Knowing known)
    {
        if (workload.Task is not WorkloadTask.Chat || model.ParametersB <= 0) return null;
        var device = At(way.Place, Math.Max(1, offload.Devices));
        if (offload.IsWhole) return device;
        var processor = Placement.Of(known.Machine, known.Catalog)[^1];
        var host = At(processor, 1);

        // Experts on the host: their share of what a token reads. Layers on the host: their share of all layers.
        var active = model.ActiveB is { } some ? some / model.ParametersB : 1;
        var expert = shape.ExpertShare * active;
        var onHost = offload.ExpertsOnHost > 0 ? expert / Math.Max(1e-9, 1 - shape.ExpertShare + expert) : 1 - ((double)(offload.Layers ?? shape.Layers) / Math.Max(1, shape.Layers));
        return Forecast.Spread(device, host, Math.Clamp(onHost, 0, 1));

        Forecast At(Placement place, int devices)
        {
            var level = workload.Level ?? ServiceLevel.Readable;
            var work = new Work
            {
                Hardware = place.MeasuredAs,
                HardwareClass = place.Class,
                Devices = devices,
                BandwidthGBs = place.BandwidthGBs,
                Fp16Tflops = place.Fp16Tflops,
                Engine = way.Engine.Id.Value,
                Backend = place.IsProcessor ? "cpu" : way.Build.Backend,
                Model = model.Title,
                ModelId = model.Id.Value,
                ParametersB = model.ParametersB,
                ActiveB = model.ActiveB,
                Quant = file.Quant,
                WeightsGiB = file.Size.Bytes / (double)(1L << 30),
                KvBytesPerToken = model.KvBytesPerToken,
                Phase = Phase.Decode,
                Tokens = 128,
                Depth = level.PromptTokens,
                Concurrency = 1,
            };
            var decode = Predict(work);
            var together = new Lazy<double>(() => slots == 1 ? decode.TokensPerSecond : Predict(work with { Concurrency = slots }).TokensPerSecond);
            var prefill = Predict(work with { Phase = Phase.Prefill, Tokens = level.PromptTokens, Depth = 0 });
            var first = TimeSpan.FromSeconds((level.PromptTokens / Math.Max(1e-6, prefill.TokensPerSecond)) + (1 / Math.Max(1e-6, decode.TokensPerSecond)));
            return new Forecast(decode.TokensPerSecond, decode.Low, decode.High, together, prefill.TokensPerSecond, first, decode.Basis, decode.Because);
        }

        Speed Predict(Work work) => SpeedModel.Predict(known.Catalog.Calibration, work);
    }
}

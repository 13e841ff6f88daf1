using System.Runtime.CompilerServices;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;

namespace Medulla.Core.Blueprints;

/// <summary>
/// Asks the speed model about layouts, once for all that compute at the same place: a layout that is spread over a device and the host
/// is put together from the two. One caller at a time. Bound: <see cref="Max"/> answers, all forgotten when it is reached.
/// </summary>
/// <param name="processor">Where what does not lie on a device is computed.</param>
/// <param name="own">What this device has measured itself, by the index of the place.</param>
internal sealed class Foresight(Calibration calibration, Placement processor, ILookup<int, Measurement> own)
{
    private const int Max = 1 << 15;

    /// <summary>Models of fewer parameters, in 1e9, spend their time on other things than larger ones.</summary>
    private const double Telling = 0.1;

    /// <summary>Own measurements of a place that are used, the latest.</summary>
    private const int MostOwn = 4;

    private readonly Dictionary<int, List<Measurement>> _own = own.ToDictionary(g => g.Key, g => g.TakeLast(MostOwn).ToList());

    private readonly Dictionary<Asked, Answer> _answers = [];

    /// <returns>Null for tasks whose speed is not in tokens, and for models of unknown size.</returns>
    public Forecast? Of(Workload workload, ModelEntry model, ModelShape shape, ModelFile file, Way way, Offload offload, int slots)
    {
        if (workload.Task is not WorkloadTask.Chat || model.ParametersB <= 0) return null;
        var prompt = (workload.Level ?? ServiceLevel.Readable).PromptTokens;
        var device = At(way, way.Place, Math.Max(1, offload.Devices), model, file, prompt).Together(slots);
        if (offload.IsWhole) return device;
        var host = At(way, processor, 1, model, file, prompt).Together(slots);
        return Forecast.Spread(device, host, OnHost(shape, offload));
    }

    /// <summary>Tokens per second that <see cref="Of"/> cannot exceed: what memory allows. Infinity when it is not known.</summary>
    public double Most(Workload workload, ModelEntry model, ModelShape shape, ModelFile file, Way way, Offload offload)
    {
        if (workload.Task is not WorkloadTask.Chat || model.ParametersB <= 0) return double.PositiveInfinity;
        var device = Roofline.Decode(WorkOf(way, way.Place, Math.Max(1, offload.Devices), model, file, 0)) ?? double.PositiveInfinity;
        if (offload.IsWhole) return device;
        var host = Roofline.Decode(WorkOf(way, processor, 1, model, file, 0)) ?? double.PositiveInfinity;
        return Forecast.OneAfterTheOther(device, host, OnHost(shape, offload));
    }

    /// <summary>Experts on the host: their share of what a token reads, times that of the layers whose experts they are. Layers on the host: their share of all layers.</summary>
    private static double OnHost(ModelShape shape, Offload offload)
    {
        var share = offload.HostShare(shape.Layers);
        if (offload.ExpertsOnHost == 0) return share;
        var experts = shape.ExpertShare * shape.ExpertsUsed / Math.Max(1, shape.Experts);

        // Of the table of embeddings a token reads one row, unless the same table is the output.
        var rest = Math.Max(0, 1 - shape.ExpertShare - (shape.TiedEmbedding ? 0 : shape.EmbeddingShare));
        return share * experts / Math.Max(1e-9, experts + rest);
    }

    private Answer At(Way way, Placement place, int devices, ModelEntry model, ModelFile file, int prompt)
    {
        var asked = new Asked(model, file, place, devices, way.Engine, BackendOf(way, place), prompt);
        if (_answers.TryGetValue(asked, out var answer)) return answer;
        if (_answers.Count == Max) _answers.Clear();
        return _answers[asked] = new Answer(calibration, prompt, WorkOf(way, place, devices, model, file, prompt), _own.GetValueOrDefault(place.Index));
    }

    /// <summary>What was measured here, as the speed model wants it. What was spread over a device and the host tells of neither.</summary>
    public static ILookup<int, Measurement> OwnOf(Knowing known, ImmutableArray<Placement> places) =>
        (from speed in known.Own
         where speed.IsBaseline && (speed.Settings.Accelerator < 0 || speed.Settings is { GpuLayers: null, ExpertsOnHost: 0 })
         let place = places.FirstOrDefault(p => p.Index == speed.Settings.Accelerator)
         let model = known.Catalog.FindModel(speed.Model) ?? known.OwnModels.FirstOrDefault(m => m.Id == speed.Model)
         let file = model?.Files.FirstOrDefault(f => f.Digest == speed.Weights)
         where place is not null && file is not null && model.ParametersB >= Telling
         select (place.Index, Measurement: new Measurement(WorkOf(speed.Engine.Value, speed.Backend, place, Math.Max(1, speed.Settings.Devices), model, file, 0), speed.TokensPerS, "this device")))
        .ToLookup(m => m.Index, m => m.Measurement);

    private static Work WorkOf(Way way, Placement place, int devices, ModelEntry model, ModelFile file, int prompt) => WorkOf(way.Engine.Id.Value, BackendOf(way, place), place, devices, model, file, prompt);

    private static Work WorkOf(string engine, string backend, Placement place, int devices, ModelEntry model, ModelFile file, int prompt) => new()
    {
        Hardware = place.MeasuredAs,
        HardwareClass = place.Class,
        Devices = devices,
        BandwidthGBs = place.BandwidthGBs,
        Fp16Tflops = place.Fp16Tflops,
        Engine = engine,
        Backend = place.IsProcessor ? "cpu" : backend,
        Model = model.Title,
        ModelId = model.Id.Value,
        ParametersB = model.ParametersB,
        ActiveB = model.ActiveB,
        Quant = file.Quant,
        WeightsGiB = file.Size.Bytes / (double)(1L << 30),
        KvBytesPerToken = model.KvBytesPerToken,
        Phase = Phase.Decode,
        Tokens = 128,
        Depth = prompt,
        Concurrency = 1,
    };

    private static string BackendOf(Way way, Placement place) => place.IsProcessor ? "cpu" : way.Build.Backend;

    /// <summary>One file by one engine at one place.</summary>
    private sealed class Answer
    {
        private readonly Calibration _calibration;
        private readonly Work _work;
        private readonly List<Measurement>? _own;
        private readonly Forecast _alone;
        private (int Slots, Forecast Forecast) _last;

        public Answer(Calibration calibration, int prompt, Work work, List<Measurement>? own)
        {
            (_calibration, _work, _own) = (calibration, work, own);
            var decode = SpeedModel.Predict(calibration, work, own);
            var prefill = SpeedModel.Predict(calibration, work with { Phase = Phase.Prefill, Tokens = prompt, Depth = 0 }, own);
            var first = TimeSpan.FromSeconds((prompt / Math.Max(1e-6, prefill.TokensPerSecond)) + (1 / Math.Max(1e-6, decode.TokensPerSecond)));
            _alone = new Forecast(decode.TokensPerSecond, decode.Low, decode.High, new Lazy<double>(decode.TokensPerSecond), prefill.TokensPerSecond, first, decode.Basis, new Lazy<string>(() => decode.Reason));
            _last = (1, _alone);
        }

        public Forecast Together(int slots)
        {
            if (_last.Slots != slots) _last = (slots, slots == 1 ? _alone : _alone with { Together = new Lazy<double>(() => SpeedModel.Predict(_calibration, _work with { Concurrency = slots }, _own).TokensPerSecond) });
            return _last.Forecast;
        }
    }

    /// <summary>Entries of the catalog are compared by identity: they are immutable, and large.</summary>
    private readonly struct Asked(ModelEntry model, ModelFile file, Placement place, int devices, EngineEntry engine, string backend, int prompt) : IEquatable<Asked>
    {
        private readonly ModelEntry _model = model;
        private readonly ModelFile _file = file;
        private readonly Placement _place = place;
        private readonly int _devices = devices;
        private readonly EngineEntry _engine = engine;
        private readonly string _backend = backend;
        private readonly int _prompt = prompt;

        public bool Equals(Asked other) =>
            ReferenceEquals(_file, other._file) &&
            ReferenceEquals(_model, other._model) &&
            ReferenceEquals(_place, other._place) &&
            ReferenceEquals(_engine, other._engine) &&
            _devices == other._devices &&
            _prompt == other._prompt &&
            _backend == other._backend;

        public override bool Equals(object? obj) => obj is Asked other && Equals(other);

        public override int GetHashCode() =>
            HashCode.Combine(RuntimeHelpers.GetHashCode(_file), RuntimeHelpers.GetHashCode(_engine), RuntimeHelpers.GetHashCode(_place), _backend.Length, _devices, _prompt);
    }
}

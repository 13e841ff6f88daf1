using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Prediction;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>Lays one model out on a machine: the shape that gives up least and fits, and where its layers lie.</summary>
internal sealed class Layouts
{
    /// <summary>Fewer fast cores than this are helped by slow ones.</summary>
    private const int EnoughFastCores = 4;

    private static readonly ImmutableArray<KvType> Full = [KvType.F16];

    private static readonly ImmutableArray<KvType> FullOrBytes = [KvType.F16, KvType.Q8];

    private readonly Workload _workload;
    private readonly Knowing _known;
    private readonly ModelEntry _model;
    private readonly PoolUse _taken;
    private readonly Groundwork _ground;
    private readonly bool _exhaustive;
    private readonly ModelShape _shape;
    private readonly ImmutableArray<Frame> _frames;
    private readonly Frame _smallest;
    private readonly ByteSize _host;
    private readonly string _asked;
    private readonly bool _hasAccelerator;
    private readonly Runnable _runnable;
    private ByteSize? _least;
    private string? _noGain;

    /// <param name="asked">Name of the wish.</param>
    /// <param name="runnable">What was found to be run.</param>
    /// <param name="exhaustive">Looks at layouts too that cannot be the best.</param>
    public Layouts(Workload workload, Knowing known, ModelEntry model, PoolUse taken, string asked, Groundwork ground, Runnable runnable, bool exhaustive)
    {
        (_workload, _known, _model, _taken, _ground, _runnable, _exhaustive) = (workload, known, model, taken, ground, runnable, exhaustive);
        _shape = ground.ShapeOf(model);
        _frames = Frames();
        _smallest = _frames.MinBy(f => (long)f.Context * f.Slots)!;
        _host = Budget.Host(known.Machine, known.Policy) - taken.Host;
        _asked = asked;
        _hasAccelerator = known.Machine.Accelerators.Any(a => a.Kind == AcceleratorKind.Gpu) && known.Machine.Driver == DriverState.Ok;
    }

    /// <summary>The best layout of a file by one way; null when none fits, or when it cannot be run and is no gain over what can.</summary>
    public Candidate? Best(Way way, ModelFile file)
    {
        var blocked = Blocked(way, file);
        var told = way.ToldOf(_model);
        var unshaped = _model.QualityAt(_workload.Skill) - Merit.QuantLoss(file, _model);
        Fit? best = null;
        foreach (var offload in Offloads(way))
        {
            // Nothing is lost here but by the place: what could not be better than the best so far at any speed is not looked at.
            var leastLoss = Merit.PlaceLoss(offload, 0, _hasAccelerator);
            if (best is not null && !_exhaustive && Merit.Of(_workload, _model, unshaped, 0, leastLoss, null) <= best.Merit) continue;
            if (FitOf(way, file, offload, told) is not { } fit) continue;
            var placeLoss = Merit.PlaceLoss(fit.Offload, fit.Offload.HostShare(_shape.Layers), _hasAccelerator);
            if (_exhaustive || blocked is null || !IsNoGain(way, file, fit, unshaped, placeLoss))
            {
                fit.Forecast = _ground.Foresight.Of(_workload, _model, _shape, file, way, fit.Offload, fit.Frame.Slots);
                fit.Merit = Merit.Of(_workload, _model, unshaped, fit.Frame.Loss, placeLoss, fit.Forecast);
                if (best is null || fit.Merit > best.Merit) best = fit;
            }

            // What fits whole is not cut.
            if (offload.IsWhole) break;
        }

        return best is null ? null : Candidate(way, file, told, best, blocked);
    }

    /// <summary>A file that was made for vectors says how they are made; of any other the mean is better than nothing.</summary>
    private string? Pooling => _workload.Task != WorkloadTask.Embedding ? null : _model.Pooling ?? (_shape.Pools || _model.Tasks.Contains(WorkloadTask.Embedding) ? null : "mean");

    public string WhyNone(ImmutableArray<Way> ways)
    {
        if (_noGain is not null) return _noGain;
        if (!_model.Files.Any(f => ways.Any(w => w.Engine.Runs(f)))) return "no engine that this machine can use runs any of its files";
        return _least is { } least ? $"needs {least} of memory at least, and {(_host > ByteSize.Zero ? _host.ToString() : "nothing")} can be planned with" : "this machine's memory is not known";
    }

    /// <summary>Why a file cannot be run by a way, wherever it lies; null when it can.</summary>
    public string? Blocked(Way way, ModelFile file)
    {
        if (way.Blocked is { } reason) return reason;
        if (_workload.Task is not (WorkloadTask.Chat or WorkloadTask.Embedding or WorkloadTask.Rerank)) return $"this release serves no {_workload.Task.ToString().ToLowerInvariant()}";
        if (file.Digest is null) return $"nobody has recorded a sha256 for {file.Name}, and nothing unverified is run";
        if (ProjectorOf(file) is { Digest: null } projector) return $"nobody has recorded a sha256 for {projector.Name}, and nothing unverified is run";
        return Sees && file is { Format: ModelFormat.Gguf, Projector: null } ? $"nobody has recorded what makes tokens of pictures for {file.Name}" : null;
    }

    private bool Sees => _workload.Needs.HasFlag(Abilities.Vision);

    private ModelFile? ProjectorOf(ModelFile file) => Sees ? file.Projector : null;

    /// <summary>Where layers may lie, best first.</summary>
    private IEnumerable<Offload> Offloads(Way way)
    {
        if (way.Place.IsProcessor)
        {
            yield return new Offload(0, 0, 0);
            yield break;
        }

        // The fewest devices that hold it: a model that is cut into more is no faster.
        for (var devices = 1; devices < way.Place.Count && !way.Place.Unified; devices *= 2) yield return new Offload(devices, null, 0);
        yield return new Offload(way.Place.Unified ? 1 : way.Place.Count, null, 0);

        // An engine that computes on the host too can leave experts or layers there.
        if (way.Place.Unified || !way.Engine.Formats.Contains(ModelFormat.Gguf)) yield break;
        if (_shape.Experts > 0) yield return new Offload(way.Place.Count, null, int.MaxValue);
        for (var quarters = 3; quarters > 0; quarters--) yield return new Offload(way.Place.Count, Math.Max(1, _shape.Layers * quarters / 4), 0);
    }

    /// <summary>The shape that gives up least of those that the memory holds; null when it holds none.</summary>
    private Fit? FitOf(Way way, ModelFile file, Offload offload, Told told)
    {
        foreach (var frame in _frames)
        {
            if (frame.Kv != KvType.F16 && (told.FlashAttention == FlashAttention.Off || way.Place.IsProcessor)) continue;
            var need = Need(way, file, offload, told, frame);
            if (Holds(way, need, offload)) return Filled(way, file, told, new Fit(offload, frame, need));

            // Frames come in the order of what they give up, not of size: only the smallest shows that none fits.
            if (frame != _frames[0]) continue;
            var smallest = Need(way, file, offload, told, _smallest);
            if (_least is null || smallest.Total < _least) _least = smallest.Total;
            if (!Holds(way, smallest, offload)) return null;
        }

        return null;
    }

    /// <summary>
    /// The same with as much on the device as it holds, but one layer: layers are not equally large. Several devices share layers by
    /// number, and those whose experts are elsewhere would all lie on the first: there all experts stay on the host.
    /// </summary>
    private Fit Filled(Way way, ModelFile file, Told told, Fit fit)
    {
        if (fit.Offload.IsWhole) return fit;
        var experts = fit.Offload.ExpertsOnHost > 0;
        if (experts && fit.Offload.Devices > 1) return fit;
        var (holds, tooMuch) = experts ? (0, _shape.Layers) : (fit.Offload.Layers ?? _shape.Layers, _shape.Layers + 1);
        while (tooMuch - holds > 1)
        {
            var middle = (holds + tooMuch) / 2;
            if (Holds(way, Need(way, file, With(middle), told, fit.Frame), fit.Offload)) holds = middle;
            else tooMuch = middle;
        }

        if (holds <= 1) return fit;
        var filled = With(holds - 1);
        return new Fit(filled, fit.Frame, Need(way, file, filled, told, fit.Frame));

        // Of the experts' layers those on the device are counted.
        Offload With(int layers) => experts ? fit.Offload with { ExpertsOnHost = _shape.Layers - layers } : fit.Offload with { Layers = layers };
    }

    private Candidate Candidate(Way way, ModelFile file, Told told, Fit fit, string? blocked)
    {
        var (offload, frame, need) = (fit.Offload, fit.Frame, fit.Need);
        var (memory, onDevice) = Pools(way, need);
        var spec = new InstanceSpec
        {
            Workload = _workload.Name,
            Model = _model.Id,
            Quant = file.Quant,
            Weights = _ground.WeightsOf(_model, file),
            Projector = ProjectorOf(file) is { } projector ? _ground.WeightsOf(_model, projector) : null,
            Engine = way.Identity,
            Context = frame.Context,
            Parallel = frame.Slots,
            Threads = Threads(way, offload, told),
            Task = _workload.Task,
            Memory = memory,
            DeviceMemory = onDevice,
            Settings = new EngineSettings
            {
                Accelerator = way.Place.Index,
                Devices = offload.Devices,
                GpuLayers = way.Place.IsProcessor ? 0 : offload.Layers,
                ExpertsOnHost = offload.ExpertsOnHost,
                Kv = frame.Kv,
                MicroBatch = MicroBatch(told, frame),
                FlashAttention = told.FlashAttention,
                LoadMode = told.LoadMode,
                PromptCacheMiB = PromptCacheMiB(file),
                Split = told.Split,
                Pooling = Pooling,
                Environment = told.Environment,
            },
            Quality = _model.Quality,
            Merit = fit.Merit,
            ExpectedTokensPerS = fit.Forecast is { } forecast ? Math.Round(forecast.TokensPerS, 1) : null,
            ExpectedPromptTokensPerS = fit.Forecast is { } speed ? Math.Round(speed.PromptTokensPerS, 1) : null,
            Placeholder = _model.Placeholder,
            Asked = _asked,
            Golden = _workload.Task == WorkloadTask.Chat ? _model.Golden : [],
        };
        return new Candidate(spec, _model, file, way.Engine, way.Build, way.Place, need, fit.Forecast, blocked) { Recipes = told.Recipes, Least = Pools(way, Need(way, file, offload, told, _smallest)) };
    }

    private bool IsNoGain(Way way, ModelFile file, Fit fit, double unshaped, double placeLoss)
    {
        var (memory, onDevice) = Pools(way, fit.Need);
        var most = Merit.Most(_workload, _model, unshaped, fit.Frame.Loss, placeLoss, _ground.Foresight.Most(_workload, _model, _shape, file, way, fit.Offload));
        if (!_runnable.IsAsGood(most, memory, onDevice, way.Place)) return false;
        _noGain ??= $"it would be no gain over what can be run: {Blocked(way, file)}";
        return true;
    }

    private static (ByteSize Host, ByteSize Device) Pools(Way way, MemoryNeed need) =>
        way.Place.IsProcessor || way.Place.Unified ? (need.Total, ByteSize.Zero) : (need.Host, need.Device + need.OtherDevices);

    private MemoryNeed Need(Way way, ModelFile file, Offload offload, Told told, Frame frame)
    {
        var llama = way.Engine.Formats.Contains(ModelFormat.Gguf);
        var need = MemoryFit.Of(_shape, file.Size, new FitSettings
        {
            Context = frame.Context,
            Parallel = frame.Slots,
            KvType = frame.Kv,
            MicroBatch = MicroBatch(told, frame),
            FlashAttention = told.FlashAttention != FlashAttention.Off,
            Family = llama ? EngineFamily.LlamaCpp : EngineFamily.VllmLike,
            HasGpu = !way.Place.IsProcessor,
            Devices = Math.Max(1, offload.Devices),
            GpuLayers = offload.Layers is 0 ? null : offload.Layers,
            ExpertsOnHost = offload.ExpertsOnHost,
            Unified = way.Place.Unified,
            PromptCache = ByteSize.MiB(PromptCacheMiB(file)),
        });
        return ProjectorOf(file) is { } projector ? MemoryFit.WithProjector(need, projector.Size, onDevice: !way.Place.IsProcessor) : need;
    }

    private bool Holds(Way way, MemoryNeed need, Offload offload)
    {
        if (way.Place.IsProcessor) return need.Total <= _host;
        if (way.Place.Unified) return need.Total <= _host && (way.Place.Memory is not { } reach || need.Total <= reach);
        if (way.Place.Memory is not { } memory) return false;
        var free = Budget.Device(memory) - new ByteSize(_taken.Of(way.Place.Index).Bytes / Math.Max(1, way.Place.Count));
        return need.Device <= free && need.Host <= _host && offload.Devices <= way.Place.Count;
    }

    /// <summary>What is not continued is read in one piece: a longer text than a micro-batch is refused.</summary>
    private int MicroBatch(Told told, Frame frame) => _workload.Task == WorkloadTask.Chat ? told.MicroBatch : Math.Max(512, frame.Context);

    private static int PromptCacheMiB(ModelFile file) => (int)Math.Min(512, file.Size.Bytes / 8 >> 20);

    /// <summary>
    /// One thread for a placeholder: it is fast enough, and more threads than free cores collapse the speed. Otherwise the physical cores, less
    /// one for everybody else; of a mixed processor the fast ones, for all wait for the slowest; few when an accelerator does the work.
    /// </summary>
    private int Threads(Way way, Offload offload, Told told)
    {
        if (_model.Placeholder) return 1;
        var cpu = _known.Machine.Cpu;
        var cores = Math.Max(1, cpu.Cores - 1);
        if (cpu.FastCores >= EnoughFastCores) cores = Math.Min(cores, cpu.FastCores);
        if (told.Threads is { } threads) return Math.Min(threads, cores);
        return way.Place.IsProcessor || !offload.IsWhole ? cores : Math.Min(4, cores);
    }

    /// <summary>Contexts, slots and types of cache, those first that give up least.</summary>
    private ImmutableArray<Frame> Frames()
    {
        var wanted = Math.Min(_workload.Context, _model.ContextMax);
        var least = Math.Min(wanted, Math.Max(_workload.FloorContext, Resolver.LeastContext));
        var frames = new List<Frame>();
        for (var context = wanted; ; context = Math.Max(context / 2, least))
        {
            for (var slots = _workload.Concurrency; slots >= 1; slots /= 2)
            {
                foreach (var kv in _model.KvBytesPerToken > 0 && _workload.Task == WorkloadTask.Chat ? FullOrBytes : Full) frames.Add(new Frame(context, slots, kv, Merit.ShapeLoss(_workload, _model, context, slots, kv)));
            }

            if (context == least) break;
        }

        return [.. frames.OrderBy(f => f.Loss)];
    }

    /// <param name="Loss">What it gives up, in points of merit.</param>
    private sealed record Frame(int Context, int Slots, KvType Kv, double Loss);

    /// <summary>A layout that the memory holds.</summary>
    private sealed class Fit(Offload offload, Frame frame, MemoryNeed need)
    {
        public Offload Offload { get; } = offload;

        public Frame Frame { get; } = frame;

        public MemoryNeed Need { get; } = need;

        public Forecast? Forecast { get; set; }

        public double Merit { get; set; }
    }
}

/// <summary>Where the layers of a model lie.</summary>
/// <param name="Devices">Equal devices that they are split over; 0 for the processor.</param>
/// <param name="Layers">On the devices; null for all.</param>
/// <param name="ExpertsOnHost">Layers whose experts are in host memory.</param>
internal readonly record struct Offload(int Devices, int? Layers, int ExpertsOnHost)
{
    /// <summary>Nothing is left on the host, or everything is.</summary>
    public bool IsWhole => Devices == 0 || (Layers is null && ExpertsOnHost == 0);

    /// <param name="layers">Of the model.</param>
    /// <returns>Share of the layers, or of those with experts, that the host holds.</returns>
    public double HostShare(int layers) => (double)(ExpertsOnHost > 0 ? Math.Min(ExpertsOnHost, layers) : layers - (Layers ?? layers)) / Math.Max(1, layers);
}

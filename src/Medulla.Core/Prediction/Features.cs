using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>One correction that applies to a work.</summary>
/// <param name="Key">Hash of the family and its member.</param>
/// <param name="Value">How much of it applies: 1, a share of the time, or a logarithm.</param>
internal readonly record struct Feature(uint Key, double Value, Effect Effect);

/// <summary>
/// The corrections that apply to a work, from what it has in common with others. Every word is hashed once and words are joined as numbers:
/// thousands of predictions are made for one choice.
/// </summary>
internal sealed class Features
{
    private static readonly uint Moe = Word("moe"), Dense = Word("dense"), OfGeneration = Word("generation"), Exact = Word("exact"), OfEngine = Word("engine"), OfSize = Word("size"), OfDevices = Word("devices"), None = Word("");

    /// <summary>Hashes of phase and family, by both.</summary>
    private static readonly uint[][] Families = [.. Enum.GetValues<Phase>().Select(p => Enum.GetNames<Effect>().Select(n => Join(Word(p.ToString()), Word(n))).ToArray())];

    private static readonly (string Text, uint Word)[] KnownOptions = [.. ((string[])["fa=0", "fa=1", "hipblaslt"]).Select(o => (o, Word(o)))];

    private readonly List<Feature> _all = new(96);
    private readonly uint[] _families;
    private readonly Resolved _of;
    private readonly Timing _timing;
    private readonly uint _engine, _backend, _stack, _hardware, _vendor, _kind, _quant, _model, _name, _moe;

    private Features(Resolved of, Timing timing)
    {
        var (work, backend) = (of.Work, BackendOf(of.Work));
        (_of, _timing, _families) = (of, timing, Families[(int)work.Phase]);
        (_engine, _backend, _stack) = (Word(EngineFamily(work.Engine)), Word(backend), Word(Stack(backend)));
        (_hardware, _vendor, _kind) = (Word(work.HardwareClass), Word(of.Prior.Vendor), Word(of.Prior.Kind));
        (_quant, _name, _moe) = (Word(of.Quant.Family), Word(ModelName(work.Model)), of.IsMoe ? Moe : Dense);
        _model = work.ModelId is { Length: > 0 } id ? Word(id) : _name;
    }

    public static List<Feature> Of(Resolved of, Timing timing)
    {
        var features = new Features(of, timing);
        features.Shared();
        if (of.Box.Length > 0) features.OfHardware();
        return features._all;
    }

    /// <summary>Only those that hold for one hardware.</summary>
    public static List<Feature> OfHardware(Resolved of, Timing timing)
    {
        var features = new Features(of, timing);
        features.OfHardware();
        return features._all;
    }

    private void Shared()
    {
        var (work, timing) = (_of.Work, _timing);
        var generation = Word(_of.Generation);
        Add(Effect.Kind, _kind);
        Add(Effect.Class, _hardware);
        Add(Effect.Vendor, _vendor);
        Add(Effect.Moe, _moe);
        Add(Effect.MoeOfClass, Join(_hardware, _moe));
        Add(Effect.MoeOfEngine, Join(_engine, _moe));
        Add(Effect.MoeOfEngine, Join(_stack, _moe));

        Add(Effect.Overhead, _hardware, timing.Overhead);
        Add(Effect.Overhead, Join(Moe, _hardware), _of.IsMoe ? timing.Overhead : 0);
        Add(Effect.Unpack, _hardware, timing.Unpack);
        Add(Effect.Unpack, Join(OfGeneration, generation), timing.Unpack);
        Add(Effect.UnpackOfQuant, _quant, timing.Unpack);
        Add(Effect.UnpackOfQuant, Join(_quant, _vendor), timing.Unpack);

        Add(Effect.Context, _hardware, timing.Context);
        Add(Effect.Context, Join(_engine, Join(_backend, _hardware)), timing.Context);
        Add(Effect.ContextOfBackend, _stack, timing.Context);
        Add(Effect.ContextOfBackend, Join(_backend, Exact), timing.Context);
        Add(Effect.ContextOfBackend, Join(_engine, OfEngine), timing.Context);

        var size = Math.Log(_of.Active / 7);
        Add(Effect.Size, _moe, size);
        Add(Effect.Size, _stack, size);

        var streams = Math.Log(Math.Max(1, work.Concurrency));
        Add(Effect.Streams, None, streams);
        Add(Effect.Streams, _moe, streams);
        Add(Effect.Streams, _engine, streams);
        Add(Effect.Streams, _hardware, streams);
        var devices = Math.Log(Math.Max(1, work.Devices));
        Add(Effect.Devices, None, devices);
        Add(Effect.Devices, _engine, devices);
        Add(Effect.Devices, _moe, devices);
        Add(Effect.Devices, OfSize, devices * size);
        var tokens = TokensOf(work);
        Add(Effect.Tokens, None, tokens);
        Add(Effect.Tokens, _backend, tokens);
        Add(Effect.Tokens, _engine, tokens);
        Add(Effect.Tokens, _moe, tokens);
        Add(Effect.Tokens, OfDevices, tokens * devices);

        Add(Effect.Engine, Join(_engine, _backend));
        Add(Effect.Engine, Join(_engine, Join(_stack, _hardware)));
        Add(Effect.Generation, generation);

        Add(Effect.Quant, _quant);
        Add(Effect.QuantWith, Join(_quant, _stack));
        Add(Effect.QuantWith, Join(_quant, _hardware));
        Add(Effect.QuantWith, Join(_quant, _moe));
        Add(Effect.QuantWith, Join(_quant, _vendor));
        Add(Effect.QuantWith, Join(_quant, _engine));
        Add(Effect.QuantLabel, Word(work.Quant));

        Add(Effect.Model, _model);
        Add(Effect.Model, Join(_model, _kind));
        Add(Effect.ModelQuant, Join(_model, _quant));
        Add(Effect.ModelQuant, Join(_model, _stack));
        Add(Effect.ModelContext, _model, timing.Context);
        Add(Effect.ModelName, _name);

        if (BuildOf(work.EngineVersion) is { } build)
        {
            var age = Math.Clamp((build - 7000) / 2000.0, -1.5, 1.5);
            Add(Effect.Version, _stack, age);
            Add(Effect.Version, Join(_stack, _moe), age);
        }

        foreach (var (text, option) in KnownOptions)
        {
            if (!work.Options.Contains(text, StringComparison.Ordinal)) continue;
            Add(Effect.Options, option);
            Add(Effect.Options, Join(option, _stack));
            Add(Effect.OptionsContext, Join(option, _stack), timing.Context);
        }
    }

    private void OfHardware()
    {
        var (work, timing, box) = (_of.Work, _timing, Word(_of.Box));
        var counted = work.Devices > 1 ? Join(box, (uint)work.Devices) : box;
        var version = Word(work.EngineVersion);
        Add(Effect.Box, box);
        Add(Effect.BoxCount, counted);
        if (!_of.IsBandwidthKnown) Add(Effect.BoxUnknown, box);
        Add(Effect.BoxEngine, Join(counted, Join(_engine, _stack)));
        Add(Effect.BoxBackend, Join(counted, Join(_engine, _backend)));
        Add(Effect.BoxMoe, Join(counted, _moe));
        Add(Effect.BoxModel, Join(counted, _model));
        var named = Join(counted, Join(_model, Join(_quant, _name)));
        Add(Effect.BoxModelQuant, named);
        Add(Effect.BoxRun, Join(named, Join(Word(work.Engine), _backend)));
        Add(Effect.BoxQuant, Join(counted, _quant));
        Add(Effect.BoxContext, counted, timing.Context);
        Add(Effect.BoxContext, Join(counted, _backend), timing.Context);
        Add(Effect.BoxOverhead, counted, timing.Overhead);
        Add(Effect.BoxTokens, counted, work.Phase == Phase.Decode ? Math.Log(Math.Max(1, work.Concurrency)) : TokensOf(work));
        Add(Effect.BoxModelContext, Join(counted, Join(_model, _backend)), timing.Context);
        Add(Effect.BoxVersion, Join(counted, Join(_backend, BuildOf(work.EngineVersion) is { } build ? (uint)build / 100 : Word(work.EngineVersion.AsSpan(0, Math.Min(12, work.EngineVersion.Length))))));
        Add(Effect.BoxVersion, Join(named, Join(_backend, version)));
        foreach (var (text, option) in KnownOptions)
        {
            if (work.Options.Contains(text, StringComparison.Ordinal)) Add(Effect.BoxOptions, Join(counted, Join(_backend, option)));
        }
    }

    private void Add(Effect effect, uint member, double value = 1)
    {
        if (value == 0 || !double.IsFinite(value)) return;
        _all.Add(new Feature(Join(_families[(int)effect], member), value, effect));
    }

    /// <summary>FNV-1a without regard to case: the same on every machine and in every release.</summary>
    private static uint Word(ReadOnlySpan<char> text)
    {
        var hash = 2166136261u;
        foreach (var c in text) hash = (hash ^ (c is >= 'A' and <= 'Z' ? (char)(c | 0x20) : c)) * 16777619;
        return hash;
    }

    /// <summary>Of two in this order.</summary>
    private static uint Join(uint first, uint second)
    {
        var hash = (first ^ (second >> 16) ^ (second << 16)) * 0x9E3779B1;
        hash = (hash ^ (hash >> 15) ^ second) * 0x85EBCA6B;
        return hash ^ (hash >> 13);
    }

    /// <summary>Programs around the same library are one family.</summary>
    private static string EngineFamily(string engine) => engine switch
    {
        "llama.cpp-server" or "ollama" or "lmstudio" or "lemonade-llama.cpp" or "llama.cpp(prism)" => "llama.cpp",
        "sglang-kt" => "sglang",
        _ => engine,
    };

    private static string BackendOf(Work work) => work.Backend.Length > 0 ? work.Backend : "?";

    private static string Stack(string backend) =>
        backend.StartsWith("rocm", StringComparison.Ordinal) ? "rocm" : backend.StartsWith("vulkan", StringComparison.Ordinal) ? "vulkan" : backend;

    /// <summary>A model's name without who published it.</summary>
    private static ReadOnlySpan<char> ModelName(string name)
    {
        var last = name.AsSpan(name.LastIndexOf('/') + 1);
        return last.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? last[..^5] : last;
    }

    /// <summary>Longer prompts fill bigger batches; in decode the length is part of the context.</summary>
    private static double TokensOf(Work work) => work.Phase == Phase.Prefill ? Math.Log(Math.Max(1, work.Tokens) / 512.0) : 0;

    /// <summary>The number of a <c>b6077</c>; null for other kinds of versions.</summary>
    private static int? BuildOf(string version)
    {
        var start = version.StartsWith('b') ? 1 : 0;
        var end = start;
        while (end < version.Length && char.IsAsciiDigit(version[end])) end++;
        return end - start is 4 or 5 ? int.Parse(version.AsSpan(start, end - start), System.Globalization.CultureInfo.InvariantCulture) : null;
    }
}

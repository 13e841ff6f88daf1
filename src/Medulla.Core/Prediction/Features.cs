using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>One correction that applies to a work.</summary>
/// <param name="Key">Hash of the family and its member.</param>
/// <param name="Value">How much of it applies: 1, a share of the time, or a logarithm.</param>
internal readonly record struct Feature(uint Key, double Value, Effect Effect);

/// <summary>The corrections that apply to a work, from what it has in common with others.</summary>
internal sealed class Features
{
    private static readonly string[] Names = Enum.GetNames<Effect>();

    private readonly List<Feature> _all = new(80);
    private readonly Phase _phase;

    private Features(Phase phase) => _phase = phase;

    public static List<Feature> Of(Resolved of, Timing timing)
    {
        var features = new Features(of.Work.Phase);
        features.Shared(of, timing);
        if (of.Box.Length > 0) features.OfHardware(of, timing);
        return features._all;
    }

    private void Shared(Resolved of, Timing timing)
    {
        var (work, prior) = (of.Work, of.Prior);
        var (engine, backend, stack) = (EngineFamily(work.Engine), BackendOf(work), Stack(BackendOf(work)));
        var moe = of.IsMoe ? "moe" : "dense";
        var (hardware, model, name) = (work.HardwareClass, ModelOf(work), ModelName(work.Model));
        var quant = of.Quant.Family;

        Add(Effect.Kind, prior.Kind);
        Add(Effect.Class, hardware);
        Add(Effect.Vendor, prior.Vendor);
        Add(Effect.Moe, moe);
        Add(Effect.MoeOfClass, hardware, moe);
        Add(Effect.MoeOfEngine, engine, moe);
        Add(Effect.MoeOfEngine, stack, moe);

        Add(Effect.Overhead, hardware, value: timing.Overhead);
        Add(Effect.Overhead, "moe", hardware, of.IsMoe ? timing.Overhead : 0);
        Add(Effect.Unpack, hardware, value: timing.Unpack);
        Add(Effect.Unpack, "generation", of.Generation, timing.Unpack);
        Add(Effect.UnpackOfQuant, quant, value: timing.Unpack);
        Add(Effect.UnpackOfQuant, quant, prior.Vendor, timing.Unpack);

        Add(Effect.Context, hardware, value: timing.Context);
        Add(Effect.Context, engine, backend + hardware, timing.Context);
        Add(Effect.ContextOfBackend, stack, value: timing.Context);
        Add(Effect.ContextOfBackend, backend, "exact", timing.Context);
        Add(Effect.ContextOfBackend, engine, "engine", timing.Context);

        var size = Math.Log(of.Active / 7);
        Add(Effect.Size, moe, value: size);
        Add(Effect.Size, stack, value: size);

        var streams = Math.Log(Math.Max(1, work.Concurrency));
        Add(Effect.Streams, "", value: streams);
        Add(Effect.Streams, moe, value: streams);
        Add(Effect.Streams, engine, value: streams);
        Add(Effect.Streams, hardware, value: streams);
        var devices = Math.Log(Math.Max(1, work.Devices));
        Add(Effect.Devices, "", value: devices);
        Add(Effect.Devices, engine, value: devices);
        Add(Effect.Devices, moe, value: devices);
        Add(Effect.Devices, "size", value: devices * size);
        var tokens = TokensOf(work);
        Add(Effect.Tokens, "", value: tokens);
        Add(Effect.Tokens, backend, value: tokens);
        Add(Effect.Tokens, engine, value: tokens);
        Add(Effect.Tokens, moe, value: tokens);
        Add(Effect.Tokens, "devices", value: tokens * devices);

        Add(Effect.Engine, engine, backend);
        Add(Effect.Engine, engine, stack + hardware);
        Add(Effect.Generation, of.Generation);

        Add(Effect.Quant, quant);
        Add(Effect.QuantWith, quant, stack);
        Add(Effect.QuantWith, quant, hardware);
        Add(Effect.QuantWith, quant, moe);
        Add(Effect.QuantWith, quant, prior.Vendor);
        Add(Effect.QuantWith, quant, engine);
        Add(Effect.QuantLabel, work.Quant);

        Add(Effect.Model, model);
        Add(Effect.Model, model, prior.Kind);
        Add(Effect.ModelQuant, model, quant);
        Add(Effect.ModelQuant, model, stack);
        Add(Effect.ModelContext, model, value: timing.Context);
        Add(Effect.ModelName, name);

        if (BuildOf(work.EngineVersion) is { } build)
        {
            var age = Math.Clamp((build - 7000) / 2000.0, -1.5, 1.5);
            Add(Effect.Version, stack, value: age);
            Add(Effect.Version, stack, moe, age);
        }

        foreach (var option in OptionsOf(work.Options))
        {
            Add(Effect.Options, option);
            Add(Effect.Options, option, stack);
            Add(Effect.OptionsContext, option, stack, timing.Context);
        }
    }

    private void OfHardware(Resolved of, Timing timing)
    {
        var work = of.Work;
        var (box, engine, backend) = (of.Box, EngineFamily(work.Engine), BackendOf(work));
        var counted = work.Devices > 1 ? box + "x" + work.Devices : box;
        var (model, quant, moe) = (ModelOf(work), of.Quant.Family, of.IsMoe ? "moe" : "dense");
        Add(Effect.Box, box);
        Add(Effect.BoxCount, counted);
        if (!of.IsBandwidthKnown) Add(Effect.BoxUnknown, box);
        Add(Effect.BoxEngine, counted, engine + Stack(backend));
        Add(Effect.BoxBackend, counted, engine + backend);
        Add(Effect.BoxMoe, counted, moe);
        Add(Effect.BoxModel, counted, model);
        var name = model + quant + ModelName(work.Model);
        Add(Effect.BoxModelQuant, counted, name);
        Add(Effect.BoxRun, counted, name + work.Engine + backend);
        Add(Effect.BoxQuant, counted, quant);
        Add(Effect.BoxContext, counted, value: timing.Context);
        Add(Effect.BoxContext, counted, backend, timing.Context);
        Add(Effect.BoxOverhead, counted, value: timing.Overhead);
        Add(Effect.BoxTokens, counted, value: work.Phase == Phase.Decode ? Math.Log(Math.Max(1, work.Concurrency)) : TokensOf(work));
        Add(Effect.BoxModelContext, counted, model + backend, timing.Context);
        Add(Effect.BoxVersion, counted, backend + VersionFamily(work.EngineVersion));
        Add(Effect.BoxVersion, name, counted + backend + work.EngineVersion);
        foreach (var option in OptionsOf(work.Options)) Add(Effect.BoxOptions, counted, backend + option);
    }

    private void Add(Effect effect, string member, string with = "", double value = 1)
    {
        if (value == 0 || !double.IsFinite(value)) return;
        _all.Add(new Feature(Hash(effect, member, with), value, effect));
    }

    /// <summary>FNV-1a: the same on every machine and in every release.</summary>
    private uint Hash(Effect effect, string member, string with)
    {
        var hash = 2166136261u;
        Mix((char)(_phase == Phase.Decode ? 1 : 2));
        foreach (var c in Names[(int)effect]) Mix(c);
        Mix('\u0001');
        foreach (var c in member) Mix(char.ToLowerInvariant(c));
        Mix('\u0001');
        foreach (var c in with) Mix(char.ToLowerInvariant(c));
        return hash;

        void Mix(char c)
        {
            hash = (hash ^ c) * 16777619;
        }
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

    private static string ModelOf(Work work) => work.ModelId is { Length: > 0 } id ? id : ModelName(work.Model);

    /// <summary>A model's name without who published it.</summary>
    private static string ModelName(string name)
    {
        var last = name[(name.LastIndexOf('/') + 1)..];
        return last.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? last[..^5] : last;
    }

    /// <summary>Longer prompts fill bigger batches; in decode the length is part of the context.</summary>
    private static double TokensOf(Work work) => work.Phase == Phase.Prefill ? Math.Log(Math.Max(1, work.Tokens) / 512.0) : 0;

    /// <summary>The number of a <c>b6077</c>; null for other kinds of versions.</summary>
    private static int? BuildOf(string version)
    {
        var start = version.StartsWith('b') ? 1 : 0;
        var digits = version.Skip(start).TakeWhile(char.IsAsciiDigit).Count();
        return digits is 4 or 5 ? int.Parse(version.AsSpan(start, digits)) : null;
    }

    private static string VersionFamily(string version) => BuildOf(version) is { } build ? "b" + build / 100 : version.Length > 12 ? version[..12] : version;

    private static IEnumerable<string> OptionsOf(string options)
    {
        foreach (var known in (string[])["fa=0", "fa=1", "hipblaslt"])
        {
            if (options.Contains(known, StringComparison.Ordinal)) yield return known;
        }
    }
}

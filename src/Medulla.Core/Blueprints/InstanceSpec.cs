using System.Globalization;
using System.Text.Json.Serialization;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>One instance with nothing left to choose. The same content has the same <see cref="Id"/>, on any device and in any life.</summary>
public sealed record InstanceSpec
{
    public required WorkloadName Workload { get; init; }

    public required ModelId Model { get; init; }

    public required string Quant { get; init; }

    public required Weights Weights { get; init; }

    /// <summary>What makes tokens of pictures; null where none are asked for.</summary>
    public Weights? Projector { get; init; }

    /// <summary>The model files that it runs on.</summary>
    [JsonIgnore]
    public ImmutableArray<Weights> Files => Projector is { } projector ? [Weights, projector] : [Weights];

    public required EngineBuild Engine { get; init; }

    /// <summary>Tokens per request.</summary>
    public required int Context { get; init; }

    /// <summary>Requests worked on at once: slots of the engine.</summary>
    public required int Parallel { get; init; }

    /// <summary>Compute threads.</summary>
    public required int Threads { get; init; }

    public required WorkloadTask Task { get; init; }

    /// <summary>What it is expected to take of the host's memory, or of the one pool where memory is unified: weights, KV cache and overhead together.</summary>
    public required ByteSize Memory { get; init; }

    /// <summary>What it is expected to take of an accelerator's own memory, all its devices together.</summary>
    public ByteSize DeviceMemory { get; init; } = ByteSize.Zero;

    public EngineSettings Settings { get; init; } = EngineSettings.OnProcessor;

    /// <summary>The catalog's quality of the model, 0 to 100.</summary>
    public required int Quality { get; init; }

    /// <summary>How good a choice it was when it was made: <see cref="Blueprints.Merit"/>.</summary>
    public double Merit { get; init; }

    /// <summary>Decode speed of one request that was expected; null when nothing was.</summary>
    public double? ExpectedTokensPerS { get; init; }

    /// <summary>Prefill speed that was expected; null when nothing was.</summary>
    public double? ExpectedPromptTokensPerS { get; init; }

    /// <summary>How a repair made it less than it could be, step by step; empty when none did.</summary>
    public string Amended { get => field ?? ""; init; } = "";

    /// <summary>True when the model only keeps an unconfigured device answering.</summary>
    public required bool Placeholder { get; init; }

    /// <summary>When it is in memory: <see cref="Residing"/>. Not part of the id: the same process may be the one or the other.</summary>
    public Residency Residency { get; init; }

    /// <summary>Which wish it answers: <see cref="AskedBy"/>. Not part of the id: another wish may be answered by the same instance.</summary>
    public required string Asked { get; init; }

    /// <summary>Asked before it is trusted; empty means that any token is proof.</summary>
    public required ImmutableArray<GoldenPrompt> Golden { get; init; }

    private Memo<SpecId> _id;

    [JsonIgnore]
    public SpecId Id => _id.Of(this, static s => new SpecId(Digest.Of(string.Create(
        CultureInfo.InvariantCulture,
        $"{s.Workload}|{s.Model}|{s.Weights.Digest}|{s.Engine.Engine}|{s.Engine.Digest}|{s.Context}|{s.Parallel}|{s.Threads}|{s.Task}|{s.Settings.Key}{(s.Projector is { } p ? $"|{p.Digest}" : "")}")).Short));

    /// <summary>The name of a wish: changes when the intent wants anything else of this workload.</summary>
    public static string AskedBy(Workload workload, bool isDefault) => Digest.Of($"{workload}{isDefault}").Short;

    public override string ToString() => $"{Model} {Quant} on {Engine}";
}

/// <summary>A model file by content.</summary>
/// <param name="Name">File name, for people.</param>
public sealed record Weights(Digest Digest, ByteSize Size, string Name);

/// <summary>An engine build by content.</summary>
/// <param name="Digest">Digest over the build's files, as its source defines it.</param>
/// <param name="Version">What the build says of itself, such as <c>b11669</c>; empty for a build that is not here yet.</param>
public sealed record EngineBuild(EngineId Engine, Digest Digest, string Version)
{
    /// <summary>What it computes on: <c>cpu</c>, <c>cuda</c>, <c>vulkan</c>, …</summary>
    public string Backend { get; init; } = "cpu";

    /// <summary>The number in <c>b11669</c>: newer builds have higher ones; 0 when there is none.</summary>
    [JsonIgnore]
    public long Number => long.TryParse(Version.AsSpan().TrimStart('b'), CultureInfo.InvariantCulture, out var number) ? number : 0;

    public override string ToString() => $"{Engine}{(Backend == "cpu" ? "" : $"-{Backend}")}{(Version.Length == 0 ? "" : " ")}{Version}";
}

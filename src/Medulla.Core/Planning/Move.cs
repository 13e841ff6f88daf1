using Medulla.Core.Blueprints;
using Medulla.Core.Intents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Units;

namespace Medulla.Core.Planning;

/// <summary>
/// One idempotent thing to do to one subject. A move is planned on every tick until its effect is observed; the executor
/// starts it once, and cancels it when a plan no longer has it.
/// </summary>
public abstract record Move
{
    private Move()
    {
    }

    /// <summary>What it changes. At most one move per subject in a plan.</summary>
    public abstract string Subject { get; }

    /// <summary>What it does, for a person.</summary>
    public abstract string Title { get; }

    /// <summary>Why, in one sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>Spawns a process. Done when the instance is observed; readiness is observed, not awaited.</summary>
    /// <param name="Folder">Folder of the engine build.</param>
    /// <param name="Binary">Server in that folder.</param>
    /// <param name="ModelPath">The model as a plain file.</param>
    public sealed record StartInstance(InstanceSpec Spec, string Folder, string Binary, string ModelPath) : Move
    {
        /// <summary>What makes tokens of pictures; null where none are asked for.</summary>
        public string? ProjectorPath { get; init; }

        public override string Subject => Subjects.Spec(Spec.Workload, Spec.Id);

        public override string Title => $"start {Spec} for {Spec.Workload}";
    }

    /// <summary>Ends a process: no new requests, drain, signal, kill of the group. Done when it is gone.</summary>
    /// <param name="Drain">How long requests in flight may take to finish.</param>
    public sealed record StopInstance(InstanceId Id, WorkloadName Workload, int Pid, TimeSpan Drain) : Move
    {
        /// <summary>True when it is past asking: its group is killed at once.</summary>
        public bool Kill { get; init; }

        public override string Subject => Subjects.Instance(Id);

        public override string Title => Kill ? $"kill pid {Pid} of {Workload}" : $"stop pid {Pid} of {Workload}";
    }

    /// <summary>Asks an instance its golden prompts. Done when the result is observed.</summary>
    public sealed record ProbeInstance(InstanceId Id, ModelId Model, WorkloadTask Task, ImmutableArray<GoldenPrompt> Golden) : Move
    {
        /// <summary>A picture is shown to it too.</summary>
        public bool Sees { get; init; }

        public override string Subject => Subjects.Instance(Id);

        public override string Title => $"probe {Model}";
    }

    /// <summary>Measures how fast an instance that has nothing else to do decodes. Done when the result is observed.</summary>
    /// <param name="Tokens">To be written, 2 or more.</param>
    public sealed record MeasureInstance(InstanceId Id, ModelId Model, int Tokens) : Move
    {
        public override string Subject => Subjects.Instance(Id);

        public override string Title => $"measure {Model}";
    }

    /// <summary>Brings a model file into the store. Done when it is observed there.</summary>
    public sealed record FetchWeights(ModelId Model, ModelFile File) : Move
    {
        public override string Subject => Subjects.Weights(File.Digest!.Value);

        public override string Title => $"fetch {Model} {(File.Quant.Length > 0 ? File.Quant : File.Name)} ({File.Size})";
    }

    /// <summary>Brings a build of an engine onto the device. Done when one is observed.</summary>
    public sealed record FetchEngine(EngineEntry Engine, BuildEntry Build) : Move
    {
        public override string Subject => Subjects.Engine(Engine.Id, Build.Backend);

        public override string Title => $"fetch {Engine.Title} ({Build.Backend})";
    }

    /// <summary>Reads a model file from end to end; one that is not what was verified is set aside. Done when its result is told.</summary>
    public sealed record VerifyWeights(Digest Digest, string Name) : Move
    {
        public override string Subject => Subjects.Weights(Digest);

        public override string Title => $"read {Name} again";
    }

    /// <summary>Reads the files of an engine build; a build that is not what was verified is set aside. Done when its result is told.</summary>
    public sealed record VerifyBuild(EngineBuild Build) : Move
    {
        public override string Subject => Subjects.Build(Build);

        public override string Title => $"read {Build} again";
    }

    /// <summary>Ends the daemon and puts another in its place; engines go on. Done when the next one begins.</summary>
    public sealed record RelaunchDaemon : Move
    {
        public override string Subject => Subjects.Daemon;

        public override string Title => "start the daemon anew";
    }

    /// <summary>Has the system start the machine anew. Done when it was asked to.</summary>
    public sealed record RebootMachine : Move
    {
        public override string Subject => Subjects.Machine;

        public override string Title => "start the machine anew";
    }

    /// <summary>Removes what nobody needs: staged parts, old builds, models that are neither target nor fallback. Done when there is room.</summary>
    /// <param name="Keep">Digests of model files that stay.</param>
    /// <param name="KeepBuilds">Digests of builds that stay.</param>
    public sealed record Sweep(ImmutableArray<Digest> Keep, ImmutableArray<Digest> KeepBuilds) : Move
    {
        public override string Subject => Subjects.Store;

        public override string Title => "make room in the store";
    }
}

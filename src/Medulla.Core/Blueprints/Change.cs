using System.Globalization;
using Medulla.Core.Intents;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>The smallest difference that makes a proposal: what lessons are about.</summary>
/// <param name="Workload">Whose instance changes.</param>
/// <param name="Aspect"><c>model</c>, <c>engine</c> or <c>shape</c>.</param>
/// <param name="To">What it becomes, by digest where it is an artifact.</param>
/// <param name="Text">The change in words.</param>
public sealed record Change(WorkloadName Workload, string Aspect, string To, string Text)
{
    public string Key => $"{Workload}|{Aspect}|{To}";

    /// <summary>The difference between what runs (null for nothing) and a candidate.</summary>
    public static Change Between(InstanceSpec? from, InstanceSpec to)
    {
        if (from is null || from.Weights.Digest != to.Weights.Digest || from.Projector?.Digest != to.Projector?.Digest)
        {
            var text = from is null ? $"serve {to.Workload} with {to.Model}" : $"move {to.Workload} from {from.Model} to {to.Model}";
            return new Change(to.Workload, "model", $"{to.Weights.Digest.Short}@{to.Engine.Digest.Short}", text);
        }

        if (from.Engine.Digest != to.Engine.Digest)
        {
            return new Change(to.Workload, "engine", $"{to.Weights.Digest.Short}@{to.Engine.Digest.Short}", $"move {to.Workload} from {from.Engine} to {to.Engine}");
        }

        return ShapeOf(to);
    }

    /// <summary>How a model is run, whatever ran before: what a lesson about memory is about.</summary>
    public static Change ShapeOf(InstanceSpec to)
    {
        var shape = string.Create(CultureInfo.InvariantCulture, $"{to.Context}x{to.Parallel}t{to.Threads}{(to.Task == WorkloadTask.Chat ? "" : to.Task.ToString())}{to.Settings.Key}");
        return new Change(to.Workload, "shape", $"{to.Weights.Digest.Short}@{to.Engine.Digest.Short}:{shape}", $"run {to.Model} for {to.Workload} with {to.Context} tokens for each of {to.Parallel} requests");
    }
}

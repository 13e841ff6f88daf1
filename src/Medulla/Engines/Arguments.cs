using System.Collections.Immutable;
using Medulla.Core.Blueprints;
using Medulla.Core.Planning;
using Medulla.State;

namespace Medulla.Engines;

/// <summary>The command line and environment of an instance of <c>llama-server</c>.</summary>
internal static class Arguments
{
    public const string Socket = "engine.sock";

    /// <summary>Flags beyond the basic ones are given only to a build whose <c>--help</c> knows them.</summary>
    public static ImmutableArray<string> Of(BuildRecord build, Move.StartInstance move)
    {
        var spec = move.Spec;
        var command = build.Command.ToBuilder();
        command.AddRange(
            "--model", move.ModelPath,
            "--alias", spec.Model.Value,
            "--host", "./" + Socket);
        if (move.ProjectorPath is { } projector) command.AddRange("--mmproj", projector);
        foreach (var flag in EngineFlags.Of(spec).Where(f => f.Vital || build.Knows(f.Name))) Add(flag.Name, flag.Value);
        If("--metrics");
        If("--offline");
        If("--no-ui");

        return command.ToImmutable();

        void If(string flag)
        {
            if (build.Knows(flag)) Add(flag, null);
        }

        void Add(string flag, string? value)
        {
            command.Add(flag);
            if (value is not null) command.Add(value);
        }
    }

    /// <summary>
    /// Ours, less what would change the engine behind our back (<c>LLAMA_ARG_*</c>, other libraries), plus its key and our
    /// mark. The key is not an argument: arguments are seen by everybody.
    /// </summary>
    /// <param name="recipe">Variables of the recipe: <c>NAME=value</c>, separated by spaces.</param>
    public static IEnumerable<string> Environment(string mark, string key, string recipe)
    {
        foreach (System.Collections.DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (name.StartsWith("LLAMA_", StringComparison.Ordinal) || name is "LD_LIBRARY_PATH" or "LD_PRELOAD" or "GGML_BACKEND_PATH") continue;
            if (name is "MEDULLA_INSTANCE" or "GGML_NO_BACKTRACE") continue;
            yield return $"{name}={variable.Value}";
        }

        yield return "GGML_NO_BACKTRACE=1";
        yield return $"LLAMA_API_KEY={key}";
        yield return mark;
        foreach (var variable in recipe.Split(' ', StringSplitOptions.RemoveEmptyEntries)) yield return variable;
    }

}

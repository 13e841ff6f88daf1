using System.Collections.Immutable;
using System.Globalization;
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
            "--host", "./" + Socket,
            "--ctx-size", Number(spec.Context * spec.Parallel),
            "--parallel", Number(spec.Parallel),
            "--threads", Number(spec.Threads));
        If("--threads-batch", Number(spec.Threads));
        If("--metrics");
        If("--offline");
        If("--no-ui");
        If("--cache-ram", "512");
        if (spec.Embeddings)
        {
            If("--embeddings");
            If("--pooling", "mean");
        }

        return command.ToImmutable();

        void If(string flag, string? value = null)
        {
            if (!build.Knows(flag)) return;
            command.Add(flag);
            if (value is not null) command.Add(value);
        }
    }

    /// <summary>
    /// Ours, less what would change the engine behind our back (<c>LLAMA_ARG_*</c>, other libraries), plus its key and our
    /// mark. The key is not an argument: arguments are seen by everybody.
    /// </summary>
    public static IEnumerable<string> Environment(string mark, string key)
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
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}

using System.Buffers;
using System.Text.RegularExpressions;

namespace Medulla.Core.Units;

/// <summary>
/// Lines of an engine's log as they may be shown to others. An engine quotes requests when it refuses them (llama-server at
/// its usual level: the body that is no JSON, a grammar, a schema), so a line is kept whole only where it has the shape of one
/// that tells of loading, memory or speed; of any other at most the time and the function are kept.
/// No pattern has a time limit: lines are short, patterns are linear, and a limit would strike on a machine that is merely slow.
/// </summary>
public static partial class EngineLine
{
    /// <summary>Stands for what was left out.</summary>
    public const string LeftOut = "(text left out)";

    private static readonly SearchValues<char> Quotes = SearchValues.Create("'\"`{}");

    private const int MaxLength = 500;

    public static string Shown(string line)
    {
        line = line.TrimEnd();
        if (line.Length > MaxLength) line = line[..MaxLength] + "…";
        if (line.Length == 0 || Bare().IsMatch(line)) return line;
        var match = Shape().Match(line);
        if (!match.Success) return Time().Match(line) is { Success: true } time ? time.Value + LeftOut : LeftOut;
        var (head, tag, text) = (match.Groups["head"].Value, match.Groups["tag"].Value, match.Groups["text"].Value);
        if (Loading().IsMatch(tag)) return line;
        if (Working().IsMatch(tag) && text.AsSpan().IndexOfAny(Quotes) < 0) return line;
        if (match.Groups["part"].Length == 0) return head + LeftOut;
        return Code().Match(text) is { Success: true } code ? $"{head}{tag}: code {code.Groups["code"].Value} {LeftOut}" : $"{head}{tag}: {LeftOut}";
    }

    /// <summary>A sentence that may quote a line of a log after how an engine ended.</summary>
    public static string InSentence(string sentence)
    {
        var quote = Quoting().Match(sentence);
        if (quote.Success) return quote.Value + Shown(sentence[quote.Length..]);
        return Time().Match(sentence) is { Success: true } line ? sentence[..line.Index] + Shown(sentence[line.Index..]) : sentence;
    }

    [GeneratedRegex(@"^(?<head>\d+\.\d\d\.\d{3}\.\d{3} [A-Z] (?<part>(?:srv|slot|cmn|res|que|llm|fit)\s+)?)(?<tag>[A-Za-z_][A-Za-z0-9_():]{2,47}?):\s(?<text>.*)$", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Shape();

    [GeneratedRegex(@"\d+\.\d\d\.\d{3}\.\d{3} [A-Z] ")]
    private static partial Regex Time();

    /// <summary>Functions that run before any request is there, or never see one.</summary>
    [GeneratedRegex("^(?:llama_server|llama_model_load\\w*|llama_model_loader|llama_params_fit\\w*|llama_context|llama_kv_cache\\w*|llama_init_from_model|llama_prepare_model_devices|load_model|load_tensors|load_backend|load|print_info|print_backend_buffers_info|init|init_tokenizer|common_init\\w*|common_param\\w*|common_fit\\w*|common_memory\\w*|ggml_\\w+|gguf_\\w+|system_info|build|main|done_getting_tensors|sched_reserve|graph_reserve|check_tensor_dims|validate_override|set_adapter_lora)$")]
    private static partial Regex Loading();

    /// <summary>Functions that count and time requests.</summary>
    [GeneratedRegex("^(?:get_availabl|launch_slot_|print_timing|print_timings|release|update_slots|stop|process_sing|update|alloc|prompt_save|prompt_load|prompt_clear|create_check|log_server_r|operator\\(\\)|clean_up|terminate|start_loop)$")]
    private static partial Regex Working();

    /// <summary>Lines without a function that have one meaning.</summary>
    [GeneratedRegex(@"^(?:terminate called .{0,120}|Aborted.{0,40}|Segmentation fault.{0,40}|Killed|Process terminated\. [\w ]{0,60}|.{0,160}: GGML_ASSERT\([\w\s.,()<>=!&|+*/%>-]{1,160}\) failed|(?:CUDA|HIP|ROCm) error: [\w ,.()-]{1,120}|ERROR: ld\.so: .{0,160}|.{0,120}: error while loading shared libraries: .{0,200}|error: invalid argument: --?[\w-]{1,40})$")]
    private static partial Regex Bare();

    [GeneratedRegex("\"code\":(?<code>\\d{3})\\b", RegexOptions.ExplicitCapture)]
    private static partial Regex Code();

    [GeneratedRegex(@"^(?:exit code (?:-?\d+|unknown \(it was adopted\))|ended by signal \d+(?: \([^)]{1,80}\))?): ")]
    private static partial Regex Quoting();
}

using System.Globalization;
using System.Text;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;

namespace Medulla.Admin;

/// <summary>
/// Predicts the rows of a CSV file as they come, one at a time, and writes them out again with four columns more. Columns are found by their
/// names; those that are missing count as unknown. The answer that a row may carry in <c>tokens_per_s</c> is never read. A row that makes no
/// sense keeps its place and says what is wrong in <c>predicted_reason</c>. Bound: <see cref="LongestRow"/> characters in a row.
/// </summary>
internal static class PredictCsv
{
    public const int LongestRow = 1 << 16;

    private const string Added = "predicted_tokens_per_s,predicted_low,predicted_high,predicted_reason";

    /// <param name="hardware">What is known of hardware by its id, without a count, besides what the calibration knows; null for none.</param>
    /// <param name="models">What is known of models by their id, besides what the calibration knows; null for none.</param>
    /// <returns>Rows that got a prediction, and rows that did not.</returns>
    public static (int Predicted, int Refused) Run(TextReader input, TextWriter output, Calibration calibration, Func<string, HardwareFacts?>? hardware = null, Func<string, ModelFacts?>? models = null)
    {
        var (predicted, refused) = (0, 0);
        if (ReadRow(input) is not { } head) return (0, 0);
        var columns = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < head.Fields.Count; i++) columns.TryAdd(head.Fields[i].Trim().TrimStart('\uFEFF'), i);
        output.Write(head.Text.Length == 0 ? Added : head.Text + "," + Added);
        output.Write('\n');
        while (ReadRow(input) is { } row)
        {
            if (row.Text.Length == 0 && row.Problem is null) continue;
            var problem = row.Problem;
            Work? work = null;
            if (problem is null) (work, problem) = WorkOf(row.Fields, head.Fields.Count, columns, hardware, models);
            if (problem is null && work is not null)
            {
                var speed = SpeedModel.Predict(calibration, work);
                output.Write(Line(row.Text, Number(speed.TokensPerSecond), Number(speed.Low), Number(speed.High), speed.Reason));
                predicted++;
            }
            else
            {
                output.Write(Line(row.Text + new string(',', Math.Max(0, head.Fields.Count - row.Fields.Count)), "", "", "", "error: " + problem));
                refused++;
            }
        }

        return (predicted, refused);
    }

    private static (Work? Work, string? Problem) WorkOf(List<string> fields, int width, Dictionary<string, int> columns, Func<string, HardwareFacts?>? hardwareOf, Func<string, ModelFacts?>? modelOf)
    {
        if (fields.Count != width) return (null, $"the row has {fields.Count} fields, and the first row names {width}");
        var wrong = new List<string>();
        var hardware = Text("hardware_id");
        var facts = hardware.Length > 0 ? hardwareOf?.Invoke(Box(hardware)) : null;
        var model = Text("model_id") is { Length: > 0 } known ? modelOf?.Invoke(known) : null;
        var hardwareClass = Text("hw_class") is { Length: > 0 } said ? said : facts?.Class ?? "";
        if (hardwareClass.Length == 0) wrong.Add("'hw_class' is empty");
        var phase = Text("metric") switch
        {
            "tg" => Phase.Decode,
            "pp" => Phase.Prefill,
            _ => (Phase?)null,
        };
        if (phase is null) wrong.Add($"'metric' is '{Short(Text("metric"))}', and pp or tg is needed");
        var bandwidth = Amount("mem_bandwidth_gbs");
        var parameters = Amount("model_params_total_b");
        var active = Amount("params_active_b");
        var weights = Amount("weights_gib") ?? Amount("weights_gib_est");
        var devices = Count("gpu_count", 1, 1024) ?? Multiple(hardware);
        var tokens = Count("n_tokens", 0, int.MaxValue) ?? 128;
        var depth = Count("depth", 0, int.MaxValue) ?? 0;
        var concurrency = Count("concurrency", 1, 1_000_000) ?? 1;
        if (wrong.Count > 0) return (null, string.Join("; ", wrong));
        return (new Work
        {
            Hardware = hardware.Length > 0 ? hardware : null,
            HardwareClass = hardwareClass,
            Devices = devices,
            BandwidthGBs = bandwidth ?? facts?.BandwidthGBs,
            Fp16Tflops = facts?.Fp16Tflops,
            Fp32Tflops = facts?.Fp32Tflops,
            Engine = Text("engine"),
            Backend = Text("backend"),
            EngineVersion = Text("engine_version"),
            Options = Text("notes"),
            Model = Text("model"),
            ModelId = Text("model_id") is { Length: > 0 } id ? id : null,
            ParametersB = parameters ?? model?.ParametersB,
            ActiveB = active ?? (parameters is null ? model?.ActiveB : null),
            KvBytesPerToken = model?.KvBytesPerToken,
            Quant = Text("quant"),
            WeightsGiB = weights,
            Phase = phase!.Value,
            Tokens = Math.Max(1, tokens),
            Depth = depth,
            Concurrency = concurrency,
        }, null);

        string Text(string column) => columns.TryGetValue(column, out var at) ? fields[at].Trim() : "";

        double? Amount(string column)
        {
            if (Text(column) is not { Length: > 0 } text) return null;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0 and < 1e9) return value > 0 ? value : null;
            wrong.Add($"'{column}' is '{Short(text)}', which is not a number that it can be");
            return null;
        }

        int? Count(string column, int least, int most)
        {
            if (Text(column) is not { Length: > 0 } text) return null;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most) return (int)value;
            wrong.Add($"'{column}' is '{Short(text)}', and a whole number from {least} is needed");
            return null;
        }
    }

    private static int Multiple(string hardware) => Box(hardware) is var box && box.Length < hardware.Length && int.TryParse(hardware.AsSpan(0, hardware.Length - box.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= 1024 ? count : 1;

    /// <summary><c>4x-rtx-3090</c> is four of <c>rtx-3090</c>.</summary>
    private static string Box(string hardware)
    {
        var digits = hardware.TakeWhile(char.IsAsciiDigit).Count();
        return digits > 0 && hardware.AsSpan(digits).StartsWith("x-") ? hardware[(digits + 2)..] : hardware;
    }

    private static string Line(string row, string speed, string low, string high, string reason) => $"{row},{speed},{low},{high},\"{reason.Replace("\"", "\"\"", StringComparison.Ordinal)}\"\n";

    private static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);

    private static string Short(string text) => text.Length <= 40 ? text : text[..40] + "…";

    /// <summary>The next row: its fields, and its text as it stood there. A quoted field may run over lines. Null at the end.</summary>
    private static CsvRow? ReadRow(TextReader input)
    {
        if (input.Peek() < 0) return null;
        var (text, field, fields) = (new StringBuilder(), new StringBuilder(), new List<string>());
        var quoted = false;
        for (var read = input.Read(); read >= 0; read = input.Read())
        {
            var c = (char)read;
            if (!quoted && c is '\n' or '\r')
            {
                if (c == '\r' && input.Peek() == '\n') _ = input.Read();
                break;
            }

            if (text.Length >= LongestRow)
            {
                // What is left of the row is not kept; its end is at the next line, for a quote that was never closed must not swallow the file.
                input.ReadLine();
                return new CsvRow("", [], $"the row has more than {LongestRow} characters");
            }

            text.Append(c);
            if (c == '"')
            {
                if (quoted && input.Peek() == '"')
                {
                    text.Append((char)input.Read());
                    field.Append('"');
                }
                else
                {
                    quoted = !quoted;
                }
            }
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(c);
            }
        }

        fields.Add(field.ToString());
        if (!quoted) return new CsvRow(text.ToString(), fields, null);
        text.Append('"');
        return new CsvRow(text.ToString(), fields, "a quote is opened and never closed");
    }

    private sealed record CsvRow(string Text, List<string> Fields, string? Problem);
}

using Medulla.Admin;
using Medulla.Core.Knowledge;
using Medulla.Core.Prediction;

namespace Medulla.Tests.Unit.Prediction;

public sealed class SpeedCsvTests
{
    private const string Head = "hardware_id,hw_class,mem_bandwidth_gbs,engine,backend,model,model_params_total_b,quant,metric,n_tokens,depth,concurrency,tokens_per_s,notes";

    private const string Row = "rtx-3090,nvidia-dgpu,936,llama.cpp,cuda,\"Llama, 8B\",8,Q4_K_M,tg,128,0,1,{0},\"a \"\"b\"\"\"";

    [Fact]
    public void A_row_keeps_its_text_and_gets_speed_interval_and_reason()
    {
        var lines = Predict(Head, Answer(""));
        Assert.Equal(Head + ",predicted_tokens_per_s,predicted_low,predicted_high,predicted_reason", lines[0]);
        Assert.StartsWith(Answer("") + ",", lines[1], StringComparison.Ordinal);
        var added = lines[1][(Answer("").Length + 1)..].Split(',');
        Assert.True(double.Parse(added[1]) < double.Parse(added[0]) && double.Parse(added[0]) < double.Parse(added[2]));
        Assert.StartsWith("\"community: ", added[3], StringComparison.Ordinal);
    }

    [Fact]
    public void The_answer_of_a_row_is_not_looked_at()
    {
        Assert.Equal(Predict(Head, Answer(""))[1].Replace(Answer(""), "", StringComparison.Ordinal), Predict(Head, Answer("1e9"))[1].Replace(Answer("1e9"), "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("rtx-3090,nvidia-dgpu", "the row has 2 fields")]
    [InlineData("rtx-3090,nvidia-dgpu,fast,llama.cpp,cuda,m,8,Q4_K_M,tg,128,0,1,,", "'mem_bandwidth_gbs' is 'fast'")]
    [InlineData("rtx-3090,nvidia-dgpu,936,llama.cpp,cuda,m,8,Q4_K_M,qps,128,-5,1,,", "'metric' is 'qps'")]
    [InlineData("rtx-3090,nvidia-dgpu,NaN,llama.cpp,cuda,m,8,Q4_K_M,tg,128,0,1,,", "'mem_bandwidth_gbs' is 'NaN'")]
    [InlineData("x,,1,,,\"never closed", "a quote is opened")]
    public void A_row_that_makes_no_sense_says_why_and_the_others_go_on(string row, string reason)
    {
        var lines = row.Contains("closed", StringComparison.Ordinal) ? Predict(Head, Answer(""), row) : Predict(Head, row, Answer(""));
        Assert.Equal(3, lines.Count);
        Assert.Contains(lines, l => l.Contains("\"error: ", StringComparison.Ordinal) && l.Contains(reason, StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("community: ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_row_without_end_is_refused_and_the_next_is_predicted()
    {
        var lines = Predict(Head, new string('x', PredictCsv.LongestRow * 2), Answer(""));
        Assert.Contains("more than", lines[1], StringComparison.Ordinal);
        Assert.Contains("community: ", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_columns_are_unknown_and_facts_of_hardware_can_be_looked_up()
    {
        var lines = Predict("hardware_id,metric,model", "rtx-7777,tg,qwen-8b");
        Assert.Contains("error: 'hw_class' is empty", lines[1], StringComparison.Ordinal);
        using var output = new StringWriter();
        PredictCsv.Run(new StringReader("hardware_id,metric,model\n2x-rtx-7777,tg,qwen-8b\n"), output, Measured.Calibration, id => id == "rtx-7777" ? new HardwareFacts("nvidia-dgpu", 1000, null, null) : null);
        Assert.Contains("1000 GB/s", output.ToString(), StringComparison.Ordinal);
        Assert.Equal((0, 0), PredictCsv.Run(new StringReader(""), output, Measured.Calibration));
    }

    private static string Answer(string answer) => Row.Replace("{0}", answer, StringComparison.Ordinal);

    private static List<string> Predict(params string[] rows)
    {
        using var output = new StringWriter();
        PredictCsv.Run(new StringReader(string.Join("\r\n", rows)), output, Measured.Calibration);
        return [.. output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}

using System.Globalization;
using Medulla.Core.Deciding;
using Medulla.Core.Intents;
using Medulla.Core.Observing;
using Medulla.Core.Planning;
using Medulla.Core.Units;
using Spectre.Console;

namespace Medulla.Admin;

/// <summary>
/// What <c>medulla up</c> shows: what is decided, line by line; what is fetched, with rate and remaining time (one line that
/// is drawn over in a terminal, a line now and then elsewhere); and the endpoint, once it answers.
/// </summary>
internal sealed class UpScreen(IAnsiConsole console, TimeProvider time)
{
    private static readonly TimeSpan PlainEvery = TimeSpan.FromSeconds(5);
    private static readonly string[] Shown = ["trial", "verdict", "incident", "fetch", "intent", "target"];

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string Detail, long At)> _said = new(StringComparer.Ordinal);
    private string? _served;
    private bool _drawn;

    /// <summary>Where applications reach the device, once that is known.</summary>
    public string Endpoint { get; set; } = "";

    private bool IsTerminal => console.Profile.Out.IsTerminal;

    public void Show(Observation seen, Decision then)
    {
        lock (_gate)
        {
            foreach (var note in then.Notes.Where(n => Shown.Contains(n.Kind, StringComparer.Ordinal))) Line(note.Kind, note.Text, note.Kind == "incident" ? "yellow" : "grey");
            Served(then);
            Progress(then.Plan, seen.Operations);
        }
    }

    /// <summary>Between ticks: only progress changes.</summary>
    public void Progress(Plan plan, IReadOnlyList<OperationFact> operations)
    {
        lock (_gate)
        {
            foreach (var move in plan.Moves.Where(m => m is Move.FetchEngine or Move.FetchWeights))
            {
                if (operations.FirstOrDefault(o => o.Subject == move.Subject) is { Detail.Length: > 0 } operation) Step(move, operation);
            }
        }
    }

    private void Step(Move move, OperationFact operation)
    {
        var said = _said.GetValueOrDefault(move.Subject);
        if (operation.Total is null || operation.Done is null)
        {
            if (said.Detail == operation.Detail) return;
            _said[move.Subject] = (operation.Detail, time.GetTimestamp());
            Line("fetch", $"{move.Title}: {operation.Detail}", "grey");
            return;
        }

        var text = $"{move.Title}: {Amount(operation)}  {operation.Detail}";
        if (IsTerminal)
        {
            Erase();
            console.Profile.Out.Writer.Write(text.Length < console.Profile.Width ? text : text[..(console.Profile.Width - 1)]);
            console.Profile.Out.Writer.Flush();
            _drawn = true;
        }
        else if (said.Detail != operation.Detail || time.GetElapsedTime(said.At) >= PlainEvery)
        {
            _said[move.Subject] = (operation.Detail, time.GetTimestamp());
            Line("fetch", text, "grey");
        }
    }

    private static string Amount(OperationFact operation)
    {
        var (done, total) = (operation.Done!.Value, operation.Total!.Value);
        var share = total.Bytes == 0 ? 1 : done.Bytes / (double)total.Bytes;
        var width = 24;
        var bar = new string('━', (int)(share * width)).PadRight(width, '─');
        var text = string.Create(CultureInfo.InvariantCulture, $"{bar} {share * 100,3:0} %  {done} of {total}");
        if (operation.Rate is not > 0) return text;
        var left = TimeSpan.FromSeconds((total.Bytes - done.Bytes) / operation.Rate.Value);
        return $"{text}  {new ByteSize((long)operation.Rate.Value)}/s  {(left.TotalHours >= 1 ? $"{left.TotalHours:0} h {left.Minutes} min" : left.TotalMinutes >= 1 ? $"{left.TotalMinutes:0} min" : $"{left.TotalSeconds:0} s")} left";
    }

    private void Served(Decision then)
    {
        var now = string.Join(", ", then.Routes.Where(r => r.IsServed).Select(r => $"{r.Workload} ({r.Model})"));
        if (now == _served) return;
        var first = _served is null or "";
        _served = now;
        if (now.Length == 0) return;
        Erase();
        if (first)
        {
            console.WriteLine();
            Fact("ready", now);
            Fact("endpoint", Endpoint);
            var served = then.Routes.First(r => r.IsServed);
            Fact("try", $"curl {Endpoint}/{Example(served.Task, served.Workload)}");
            Fact("more", "medulla status, medulla why; Ctrl-C ends it");
            console.WriteLine();
        }
        else
        {
            Line("serving", now, "green");
        }

        if (then.Degraded is { } degraded) Line("degraded", degraded, "yellow");
    }

    private static string Example(WorkloadTask task, WorkloadName workload) => task switch
    {
        WorkloadTask.Embedding => $$"""embeddings -d '{"model":"{{workload}}","input":"Hello!"}'""",
        WorkloadTask.Rerank => $$"""rerank -d '{"model":"{{workload}}","query":"Hello!","documents":["Hi!","Bananas"]}'""",
        _ => $$"""chat/completions -d '{"model":"{{workload}}","messages":[{"role":"user","content":"Hello!"}]}'""",
    };

    private void Fact(string name, string text) => console.MarkupLine($"  [bold]{name,-9}[/] {Markup.Escape(text)}");

    private void Line(string kind, string text, string colour)
    {
        Erase();
        console.MarkupLine($"{time.GetLocalNow():HH:mm:ss}  [{colour}]{kind,-9}[/] {Markup.Escape(text)}");
    }

    private void Erase()
    {
        if (!_drawn) return;
        console.Profile.Out.Writer.Write("\r\u001b[2K");
        _drawn = false;
    }
}

using System.Globalization;
using Medulla.Core.Incidents;
using Medulla.Core.Machines;
using Medulla.Core.Units;
using Medulla.Core.Wire;
using Spectre.Console;

namespace Medulla.Admin;

/// <summary>How reports look to a person.</summary>
internal static class Screens
{
    public static void Show(this IAnsiConsole console, StatusReport status)
    {
        var colour = status.State switch { "ok" => "green", "degraded" => "yellow", _ => "red" };
        console.MarkupLine($"[bold]medulla[/] [{colour}]● {status.State}[/]{(status.Settled ? "" : " [grey](busy)[/]")}{(status.Endpoint is null ? "" : $"  {Markup.Escape(status.Endpoint)}")}");
        if (status.Degraded is { } degraded) console.MarkupLine($"  [yellow]{Markup.Escape(degraded)}[/]");
        console.WriteLine();

        var table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey).AddColumns("workload", "model", "engine", "state", "pid", "requests", "tokens/s", "up");
        foreach (var workload in status.Workloads)
        {
            var instances = status.Instances.Where(i => i.Workload == workload.Name).ToList();
            if (instances.Count == 0) table.AddRow(Markup.Escape(workload.Name), Markup.Escape(workload.Model ?? "—"), "", workload is { Residency: "on-demand", Served: true } ? "[grey]on demand, not loaded[/]" : "[yellow]not running[/]", "", "", "", "");
            foreach (var i in instances)
            {
                var state = i.State == "ready" ? i.Role == "serving" ? "[green]serving[/]" : $"[grey]ready, {i.Role}[/]" : $"[yellow]{i.State}[/]";
                table.AddRow(
                    Markup.Escape(workload.Name),
                    Markup.Escape($"{i.Model} {i.Quant}"),
                    Markup.Escape(i.Engine ?? ""),
                    state,
                    i.Pid.ToString(CultureInfo.InvariantCulture),
                    $"{i.Requests} of {i.Parallel}",
                    i.TokensPerS is { } speed ? speed.ToString("0.#", CultureInfo.InvariantCulture) : i.ExpectedTokensPerS is { } expected ? $"[grey]{expected.ToString("0.#", CultureInfo.InvariantCulture)} expected[/]" : "",
                    Span(i.UptimeS) + (i.Adopted ? " [grey]adopted[/]" : ""));
            }
        }

        console.Write(table);
        foreach (var workload in status.Workloads.Where(w => !w.Served && w.Reason is not null)) console.MarkupLine($"  [yellow]{Markup.Escape(workload.Name)}[/]: {Markup.Escape(workload.Reason!)}");
        foreach (var trial in status.Trials) console.MarkupLine($"  [aqua]trial[/]  {Markup.Escape(trial.Change)} [grey]({trial.Phase}, because {Markup.Escape(trial.Reason)})[/]");
        foreach (var move in status.Moves) console.MarkupLine($"  [aqua]move[/]   {Markup.Escape(move.Title)}{Amount(move)} [grey]{Markup.Escape(move.Detail.Length > 0 ? move.Detail : move.Reason)}[/]");
        foreach (var hold in status.Holds) console.MarkupLine($"  [grey]hold[/]   {Markup.Escape(hold.Reason)} [grey]{(hold.NextTryS is { } s ? $"next try in {Span(s)}" : $"until {Markup.Escape(hold.Until)}")}[/]");
        if (status.OpenIncidents > 0) console.MarkupLine($"  [red]{status.OpenIncidents} open incident{(status.OpenIncidents == 1 ? "" : "s")}[/]: medulla incidents");
    }

    public static void Show(this IAnsiConsole console, WhyReport why)
    {
        if (why.Entries.IsEmpty) console.MarkupLine("nothing is known about that; [bold]medulla why[/] alone lists every subject");
        foreach (var entry in why.Entries)
        {
            console.MarkupLine($"[bold]{Markup.Escape(entry.Subject)}[/]");
            foreach (var sentence in entry.Sentences) console.Write(new Padder(new Text(sentence), new Padding(2, 0, 0, 0)));
        }
    }

    public static void Show(this IAnsiConsole console, IncidentReport report)
    {
        if (report.Incidents.IsEmpty) console.MarkupLine("no incidents");
        foreach (var entry in report.Incidents)
        {
            var incident = entry.Incident;
            var colour = !incident.IsOpen ? "grey" : entry.Severity switch { Severity.Critical => "red", Severity.Notice => "blue", _ => "yellow" };
            console.MarkupLine($"[{colour}]#{incident.Id} {(incident.IsOpen ? $"open {entry.Severity.ToString().ToLowerInvariant()}" : "closed")}[/] [bold]{Markup.Escape(incident.Code)}[/] {Markup.Escape(entry.Title)} [grey]{Markup.Escape(incident.Subject)}[/]");
            if (incident.IsOpen && entry.Meaning.Length > 0) console.Write(new Padder(new Text(entry.Meaning, new Style(Color.Grey)), new Padding(2, 0, 0, 0)));
            foreach (var sentence in entry.Story) console.Write(new Padder(new Text(sentence), new Padding(2, 0, 0, 0)));
        }

        if (report.MoreClosed > 0) console.MarkupLine($"[grey]and {report.MoreClosed} older ones that are closed: medulla incidents --all[/]");
    }

    public static void Show(this IAnsiConsole console, Machine machine)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        Row("system", string.Join(", ", new[] { machine.Os.Name, DetectReport.SystemOf(machine.Os), machine.Os.Kernel }.Where(t => !string.IsNullOrEmpty(t)).DefaultIfEmpty("unknown")));
        if (machine.Host is { } host) Row("host", $"{host.Vendor} {host.Product}".Trim());
        Row("cpu", $"{Known(machine.Cpu.Model)}, {Number(machine.Cpu.Cores)} cores{(machine.Cpu.FastCores > 0 ? $" ({machine.Cpu.FastCores} of them fast)" : "")}, {Number(machine.Cpu.Threads)} threads{(machine.Cpu.Nodes > 1 ? $", {machine.Cpu.Nodes} NUMA nodes" : "")}");
        Row("features", machine.Cpu.Features.IsEmpty ? "unknown" : string.Join(' ', machine.Cpu.Features));
        var total = machine.Memory.Total == ByteSize.Zero ? "unknown" : machine.Memory.Total.ToString();
        Row("memory", $"{(machine.Memory.Limit is { } limit ? $"{limit} (limit of this container; the host has {total})" : total)}{(machine.Memory.Kind.Length > 0 ? $", {machine.Memory.Kind}" : "")}{(machine.Memory.BandwidthGBs is { } rate ? string.Create(CultureInfo.InvariantCulture, $", {rate:0.#} GB/s") : "")}");
        foreach (var disk in machine.Disks) Row("disk", $"{disk.Free} free of {disk.Total} at {disk.Path} ({Known(disk.Filesystem)}{(disk.SpeedClass.Length > 0 ? $", {disk.SpeedClass}" : "")})");
        Row("driver", machine.Driver switch { DriverState.Ok => "works", DriverState.Unknown => "unknown", var state => machine.Cause is { } cause ? $"{state.ToString().ToLowerInvariant()}: {cause}" : machine.Accelerators.IsEmpty ? "none: no accelerator was found" : state.ToString().ToLowerInvariant() });
        console.Write(grid);
        if (!machine.Accelerators.IsEmpty)
        {
            var table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey).AddColumns("accelerator", "kind", "memory", "generation", "driver", "runtime", "power", "link");
            foreach (var a in machine.Accelerators)
            {
                table.AddRow(new[]
                {
                    $"{(a.Count > 1 ? $"{a.Count} × " : "")}{a.Name ?? a.MarketingName ?? $"{a.Vendor}, unnamed"}",
                    a.Kind switch { AcceleratorKind.Npu => "NPU", AcceleratorKind.IntegratedGpu => "iGPU", _ => "GPU" },
                    $"{a.Memory?.ToString() ?? "unknown"}{(a.Unified ? " unified" : "")}",
                    string.Join(' ', new[] { a.Architecture, a.Compute }.OfType<string>()),
                    a.DriverVersion ?? a.DriverModule ?? "",
                    a.Runtime ?? string.Join(' ', a.Interfaces),
                    $"{(a.TemperatureC is { } t ? string.Create(CultureInfo.InvariantCulture, $"{t:0} °C ") : "")}{(a.PowerLimitW is { } w ? string.Create(CultureInfo.InvariantCulture, $"{w:0} W") : "")}".Trim(),
                    a.Link is { } link ? $"{(link.Generation > 0 ? $"gen {link.Generation} " : "")}x{link.Width}{(link.MaxWidth > link.Width ? $" of x{link.MaxWidth}" : "")}" : "",
                }.Select(Markup.Escape).ToArray());
            }

            console.Write(table);
        }

        foreach (var finding in machine.Findings) console.MarkupLine($"  {(finding.Remedy is null ? "[grey]note[/]   " : "[yellow]finding[/]")} {Markup.Escape(finding.Subject)}: {Markup.Escape(finding.Text)}{(finding.Remedy is { } remedy ? $" [grey]{Markup.Escape("→ " + remedy)}[/]" : "")}");

        void Row(string name, string text) => grid.AddRow($"[grey]{name}[/]", Markup.Escape(text));
        static string Known(string text) => text.Length == 0 ? "unknown" : text;
        static string Number(int count) => count == 0 ? "unknown" : count.ToString(CultureInfo.InvariantCulture);
    }

    private static string Amount(MoveReport move)
    {
        if (move is not { DoneBytes: { } done, TotalBytes: { } total and > 0 }) return "";
        return $" {100.0 * done / total:0} %{(move.BytesPerS is > 0 ? $" {new ByteSize((long)move.BytesPerS.Value)}/s" : "")}";
    }

    private static string Span(double seconds) => Spans.Text(TimeSpan.FromSeconds(seconds));
}

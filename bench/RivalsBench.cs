using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Medulla.Tests.Kit;

namespace Medulla.Bench;

/// <summary>
/// Time to the next answer after three faults, side by side in one run: this device, a supervisor loop that restarts at once what has ended
/// (as systemd's <c>Restart=always</c> with its 100 ms does), and monit with its shortest cycle. The same engine, the same model, the same question.
/// </summary>
internal static class RivalsBench
{
    private const int Rounds = 3;

    private static readonly string[] Faults = ["kill -9", "SIGSTOP", "damaged file"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<int> RunAsync(string[] only)
    {
        await using var device = new Device("rivals");
        await device.Start("--no-climb").ServesAsync();
        await device.SettlesAsync();
        var monit = await MonitAsync();
        foreach (var fault in Faults.Where(f => only.Length == 0 || only.Contains(f, StringComparer.Ordinal)))
        {
            var ours = new List<double>();
            for (var round = 0; round < Rounds && !ours.Exists(double.IsInfinity); round++)
            {
                await device.SettlesAsync();
                await Task.Delay(1500);
                var instance = await device.InstanceAsync();
                ours.Add(await MeasureAsync(() => Harm(fault, (int)instance["pid"]!, (string)instance["model_path"]!), () => device.AskAsync("Hello!")));
            }

            var loop = await RivalAsync(device, fault, (command, port, folder) => Write(folder, "loop.sh", $"while true; do {command} & echo $! > {folder}/pid; wait $!; sleep 0.1; done"), "sh");
            var watched = monit is null ? null : await RivalAsync(device, fault, (command, port, folder) => Monitrc(folder, command, port), monit);
            Console.WriteLine($"{fault}: medulla {Words(ours)}, supervisor loop {Words(loop)}, monit {(watched is null ? "not to be had here" : Words(watched))}");
        }

        return 0;
    }

    private static async Task<List<double>> RivalAsync(Device device, string fault, Func<string, int, string, string> configure, string program)
    {
        var times = new List<double>();
        for (var round = 0; round < Rounds && !times.Exists(double.IsInfinity); round++)
        {
            var folder = Directory.CreateDirectory(Path.Combine(device.Folder, $"rival-{Guid.NewGuid():N}"[..14])).FullName;
            var instance = await device.InstanceAsync();
            var model = Path.Combine(folder, "model.gguf");
            File.Copy((string)instance["model_path"]!, model);
            var arguments = (await File.ReadAllTextAsync($"/proc/{(int)instance["pid"]!}/cmdline")).TrimEnd('\0').Split('\0');
            var port = FreePort();
            arguments[Array.IndexOf(arguments, "--model") + 1] = model;
            arguments[Array.IndexOf(arguments, "--host") + 1] = "127.0.0.1";
            var command = $"{string.Join(' ', arguments)} --port {port.ToString(CultureInfo.InvariantCulture)} >{folder}/log 2>&1";
            var file = configure(command, port, folder);
            var start = program == "sh" ? new ProcessStartInfo("setsid", ["sh", file]) : new ProcessStartInfo("setsid", [program, "-I", "-c", file]);
            using var process = Process.Start(start)!;
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
            try
            {
                await MeasureAsync(() => { }, () => AskAsync(http, port));
                await Task.Delay(1500);
                times.Add(await MeasureAsync(() => Harm(fault, int.Parse(File.ReadAllText($"{folder}/pid"), CultureInfo.InvariantCulture), model), () => AskAsync(http, port)));
            }
            finally
            {
                Device.Signal(process.Id, "KILL");
                Device.Signal(int.Parse(File.ReadAllText($"{folder}/pid"), CultureInfo.InvariantCulture), "KILL");
            }
        }

        return times;
    }

    private static void Harm(string fault, int pid, string model)
    {
        if (fault == "damaged file")
        {
            Device.Signal(pid, "KILL");
            using var file = File.OpenWrite(model);
            file.SetLength(file.Length / 2);
            return;
        }

        Device.Signal(pid, fault == "SIGSTOP" ? "STOP" : "KILL");
    }

    private static async Task<double> MeasureAsync(Action harm, Func<Task> ask)
    {
        harm();
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < Patience)
        {
            try
            {
                await ask();
                return clock.Elapsed.TotalMilliseconds;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                await Task.Delay(10);
            }
        }

        return double.PositiveInfinity;
    }

    private static async Task AskAsync(HttpClient http, int port)
    {
        using var content = new StringContent("""{"messages":[{"role":"user","content":"Hello!"}],"max_tokens":64,"temperature":0}""", Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync($"http://127.0.0.1:{port}/v1/chat/completions", content);
        answer.EnsureSuccessStatusCode();
    }

    private static string Monitrc(string folder, string command, int port)
    {
        Write(folder, "start.sh", $"{command} & echo $! > {folder}/pid");
        Write(folder, "stop.sh", $"kill -9 $(cat {folder}/pid)");
        var file = Write(folder, "monitrc", $"set daemon 1\nset pidfile {folder}/monit.pid\nset statefile {folder}/monit.state\nset idfile {folder}/monit.id\ncheck process engine with pidfile {folder}/pid\n  start program = \"/bin/sh {folder}/start.sh\"\n  stop program = \"/bin/sh {folder}/stop.sh\"\n  if failed host 127.0.0.1 port {port} protocol http request \"/health\" with timeout 2 seconds then restart\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return file;
    }

    /// <summary>monit from the machine's own mirror, unpacked and not installed; null when it cannot be had.</summary>
    private static async Task<string?> MonitAsync()
    {
        var folder = Directory.CreateDirectory(Path.Combine(Places.Root, ".cache", "monit")).FullName;
        var binary = Path.Combine(folder, "usr", "bin", "monit");
        if (File.Exists(binary)) return binary;
        using var fetch = Process.Start(new ProcessStartInfo("sh", ["-c", $"cd {folder} && apt-get download monit >/dev/null 2>&1 && dpkg -x monit_*.deb ."]))!;
        await fetch.WaitForExitAsync();
        return File.Exists(binary) ? binary : null;
    }

    private static string Write(string folder, string name, string text)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllText(path, text + "\n");
        return path;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Words(List<double> times) => times.TrueForAll(double.IsFinite) ? $"{times.Median().ToString("0", CultureInfo.InvariantCulture)} ms" : $"never within {Patience.TotalSeconds:0} s ({times.Count(double.IsInfinity)} of {times.Count})";
}

using System.Diagnostics;
using System.Xml;
using System.Xml.Linq;
using Medulla.Service;
using Medulla.Tests.Kit;

namespace Medulla.Tests.Unit.Service;

/// <summary>The files that make the daemon a service, as their readers read them.</summary>
public sealed class ServiceFileTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_unit_starts_without_a_network_for_ever_and_leaves_the_engines_alone()
    {
        var unit = Sections(ServiceFile.Of(ServiceKind.Systemd, Plan()));
        Assert.DoesNotContain(unit["Unit"], p => p.Value.Contains("network", StringComparison.Ordinal));
        Assert.Equal("0", unit["Unit"]["StartLimitIntervalSec"]);
        var service = unit["Service"];
        foreach (var (key, value) in new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["Type"] = "notify",
            ["Restart"] = "always",
            ["KillMode"] = "process",
            ["OOMPolicy"] = "continue",
            ["User"] = "medulla",
            ["ProtectSystem"] = "strict",
            ["ReadWritePaths"] = "/var/lib/medulla",
            ["StateDirectory"] = "medulla",
            ["NoNewPrivileges"] = "yes",
            ["PrivateTmp"] = "yes",
            ["SupplementaryGroups"] = "video render",
            ["RestartPreventExitStatus"] = "10",
        })
        {
            Assert.Equal(value, service[key]);
        }

        Assert.True(int.Parse(service["OOMScoreAdjust"], null) < 0);
        foreach (var hides in new[] { "PrivateDevices", "DevicePolicy", "DeviceAllow", "ProtectClock", "MemoryDenyWriteExecute", "ProtectProc" }) Assert.DoesNotContain(hides, service.Keys);
        Assert.Equal("multi-user.target", unit["Install"]["WantedBy"]);
    }

    [Fact]
    public void A_unit_of_ones_own_asks_for_nothing_that_needs_privileges()
    {
        var service = Sections(ServiceFile.Of(ServiceKind.Systemd, Plan() with { ForUser = true, Data = "/home/x/my data" }))["Service"];
        foreach (var key in new[] { "User", "OOMScoreAdjust", "ProtectSystem", "CapabilityBoundingSet", "ExecStartPre", "SupplementaryGroups" }) Assert.DoesNotContain(key, service.Keys);
        Assert.Equal("/opt/medulla/medulla up --data \"/home/x/my data\"", service["ExecStart"]);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a b", "\"a b\"")]
    [InlineData("100%", "100%%")]
    [InlineData("$HOME", "$$HOME")]
    [InlineData("a\"b", "\"a\\\"b\"")]
    [InlineData("", "\"\"")]
    public void Words_of_a_unit_are_no_more_than_themselves(string word, string written) => Assert.Equal(written, ServiceFile.Word(word));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Systemd_itself_finds_nothing_to_complain_about(bool forUser)
    {
        if (!File.Exists("/usr/bin/systemd-analyze")) Assert.Skip("no systemd-analyze here");
        var path = _folder["medulla.service"];
        var program = OperatingSystem.IsLinux() ? "/bin/true" : "medulla";
        await File.WriteAllTextAsync(path, ServiceFile.Of(ServiceKind.Systemd, Plan() with { Program = [program], ForUser = forUser, Data = "/var/lib/medulla", DeviceMaker = "/bin/true" }), TestContext.Current.CancellationToken);
        var start = new ProcessStartInfo("/usr/bin/systemd-analyze") { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in new[] { forUser ? "--user" : "--system", "--man=no", "verify", path }) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var (error, output) = (process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        var said = (await error + await output).Split('\n').Where(l => l.Contains("medulla", StringComparison.Ordinal)).ToList();
        Assert.Empty(said);
    }

    [Fact]
    public void The_property_list_of_launchd_is_well_formed_and_says_the_same()
    {
        var text = ServiceFile.Of(ServiceKind.Launchd, Plan() with { Data = "/Library/A & B" });
        using var reader = XmlReader.Create(new StringReader(text), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        var dictionary = XDocument.Load(reader).Root!.Element("dict")!.Elements().ToList();
        var pairs = dictionary.Chunk(2).ToDictionary(p => p[0].Value, p => p[1], StringComparer.Ordinal);
        Assert.All(dictionary.Chunk(2), p => Assert.Equal("key", p[0].Name.LocalName));
        Assert.Equal(["/opt/medulla/medulla", "up", "--data", "/Library/A & B"], pairs["ProgramArguments"].Elements().Select(e => e.Value));
        Assert.Equal("true", pairs["KeepAlive"].Name.LocalName);
        Assert.Equal("true", pairs["AbandonProcessGroup"].Name.LocalName);
    }

    [Fact]
    public void The_script_for_windows_creates_describes_and_restarts()
    {
        var text = ServiceFile.Of(ServiceKind.Windows, Plan() with { Program = [@"C:\Program Files\Medulla\medulla.exe"], Data = @"C:\ProgramData\Medulla" });
        Assert.Contains("""Invoke-Sc create medulla 'binPath=' '\"C:\Program Files\Medulla\medulla.exe\" up --data C:\ProgramData\Medulla' 'start=' 'auto'""", text, StringComparison.Ordinal);
        Assert.Contains("Invoke-Sc failure medulla", text, StringComparison.Ordinal);
        Assert.Contains("Invoke-Sc failureflag medulla 1", text, StringComparison.Ordinal);
        Assert.Equal(text.Count(c => c == '\n'), text.Count(c => c == '\r'));
    }

    [Fact]
    public void An_install_writes_once_keeps_an_edited_unit_and_never_touches_a_foreign_one()
    {
        var (installer, ran) = Machine("systemd");
        var plan = Plan() with { Data = "/srv/medulla" };
        Assert.True(installer.Install(plan, privileged: true).Done);
        Assert.Equal(["useradd", "install", "chown", "systemctl daemon-reload", "systemctl enable", "systemctl restart"], ran.Select(Short));
        var unit = installer.UnitFile(forUser: false);
        var written = File.ReadAllText(unit);

        ran.Clear();
        File.AppendAllText(_folder["etc/passwd"], "medulla:x:998:998::/srv/medulla:/usr/sbin/nologin\n");
        Assert.True(installer.Install(plan, privileged: true).Done);
        Assert.Equal(["install", "chown", "systemctl daemon-reload", "systemctl enable", "systemctl start"], ran.Select(Short));
        Assert.Equal(written, File.ReadAllText(unit));

        File.WriteAllText(unit, written.Replace("RestartSec=5", "RestartSec=50", StringComparison.Ordinal));
        var kept = installer.Install(plan, privileged: true);
        Assert.True(kept.Done);
        Assert.Contains(kept.Lines, l => l.Contains("was edited and is kept", StringComparison.Ordinal));
        Assert.Contains("RestartSec=50", File.ReadAllText(unit), StringComparison.Ordinal);
        Assert.False(installer.Uninstall(forUser: false, privileged: true).Done);

        File.WriteAllText(unit, "[Service]\nExecStart=/bin/true\n");
        var refused = installer.Install(plan, privileged: true);
        Assert.False(refused.Done);
        Assert.Contains("was not written by", refused.Lines[0], StringComparison.Ordinal);
        Assert.False(installer.Uninstall(forUser: false, privileged: true).Done);
        Assert.Equal("[Service]\nExecStart=/bin/true\n", File.ReadAllText(unit));
    }

    [Fact]
    public void An_uninstall_takes_the_unit_and_leaves_the_owners_settings()
    {
        var (installer, ran) = Machine("systemd");
        Assert.True(installer.Install(Plan(), privileged: true).Done);
        Directory.CreateDirectory(installer.UnitFile(false) + ".d");
        File.WriteAllText(installer.UnitFile(false) + ".d/override.conf", "[Service]\nNice=5\n");
        ran.Clear();
        var outcome = installer.Uninstall(forUser: false, privileged: true);
        Assert.True(outcome.Done);
        Assert.False(File.Exists(installer.UnitFile(false)));
        Assert.Contains(outcome.Lines, l => l.Contains("override.conf", StringComparison.Ordinal));
        Assert.Equal("systemctl disable", Short(ran[0]));
        Assert.True(installer.Uninstall(forUser: false, privileged: true).Done);
    }

    [Fact]
    public void Where_systemd_does_not_run_an_install_says_so_and_changes_nothing()
    {
        var (installer, ran) = Machine("sh");
        var outcome = installer.Install(Plan(), privileged: true);
        Assert.False(outcome.Done);
        Assert.Contains("process 1 is 'sh'", outcome.Lines[0], StringComparison.Ordinal);
        Assert.Contains("--print systemd", outcome.Lines[1], StringComparison.Ordinal);
        Assert.Empty(ran);
        Assert.False(File.Exists(installer.UnitFile(false)));
    }

    [Fact]
    public void A_step_that_fails_is_named_with_what_it_said()
    {
        var (installer, _) = Machine("systemd", failing: "useradd");
        var outcome = installer.Install(Plan(), privileged: true);
        Assert.False(outcome.Done);
        Assert.Contains("'useradd --system", outcome.Lines[0], StringComparison.Ordinal);
        Assert.Contains("no room in the table", outcome.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_line_prints_the_unit_and_refuses_an_install_where_systemd_is_not_process_1()
    {
        var (code, unit) = await Device.RunProgramAsync("service", "install", "--print", "systemd", "--data", "/srv/x", "--listen", "127.0.0.1:9000");
        Assert.Equal(0, code);
        Assert.Contains(" up --data /srv/x --listen 127.0.0.1:9000\n", unit, StringComparison.Ordinal);
        Assert.True(ServiceFile.IsAsWritten(unit));
        (code, var steps) = await Device.RunProgramAsync("service", "install", "--dry-run", "--user");
        Assert.Equal(0, code);
        Assert.Contains("# systemctl --user enable medulla.service", steps, StringComparison.Ordinal);
        if (Directory.Exists("/run/systemd/system")) return;
        (code, var refused) = await Device.RunProgramAsync("service", "install", "--user", "--data", _folder["data"]);
        Assert.Equal(1, code);
        Assert.Contains("systemd does not run here", refused, StringComparison.Ordinal);
        (code, var status) = await Device.RunProgramAsync("service", "status", "--json");
        Assert.Equal(0, code);
        Assert.Contains("\"systemd_runs\": false", status, StringComparison.Ordinal);
    }

    private static ServicePlan Plan() => new()
    {
        Program = ["/opt/medulla/medulla"],
        Data = "/var/lib/medulla",
        Arguments = [],
        ForUser = false,
        Groups = ["video", "render"],
    };

    private (Installer Installer, List<string> Ran) Machine(string first, string? failing = null)
    {
        Directory.CreateDirectory(_folder["proc/1"]);
        File.WriteAllText(_folder["proc/1/comm"], first + "\n");
        if (first == "systemd") Directory.CreateDirectory(_folder["run/systemd/system"]);
        Directory.CreateDirectory(_folder["etc/systemd/system"]);
        File.WriteAllText(_folder["etc/passwd"], "root:x:0:0::/root:/bin/sh\n");
        var ran = new List<string>();
        return (new Installer(_folder[""], (program, arguments) =>
        {
            ran.Add($"{program} {string.Join(' ', arguments)}");
            return program == failing ? (1, "no room in the table") : (0, "");
        }), ran);
    }

    private static string Short(string command) => command.StartsWith("systemctl", StringComparison.Ordinal) ? string.Join(' ', command.Split(' ').Take(2)) : command.Split(' ')[0];

    /// <summary>Sections with their keys; fails on a line that is neither.</summary>
    private static Dictionary<string, Dictionary<string, string>> Sections(string text)
    {
        var sections = new Dictionary<string, Dictionary<string, string>>(StringComparer.Ordinal);
        var current = "";
        foreach (var line in text.Split('\n').Where(l => l.Length > 0 && l[0] != '#'))
        {
            if (line[0] == '[') sections.Add(current = line.Trim('[', ']'), new Dictionary<string, string>(StringComparer.Ordinal));
            else sections[current].Add(line[..line.IndexOf('=', StringComparison.Ordinal)], line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..]);
        }

        return sections;
    }
}

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Xml.Linq;
using Medulla.Core.Units;

namespace Medulla.Service;

/// <summary>Who starts programs on a machine.</summary>
internal enum ServiceKind
{
    Systemd,
    Launchd,
    Windows,
}

/// <summary>What a service file says.</summary>
internal sealed record ServicePlan
{
    /// <summary>The program and its leading arguments.</summary>
    public required ImmutableArray<string> Program { get; init; }

    public required string Data { get; init; }

    /// <summary>Arguments of <c>medulla up</c> beyond the data directory.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>True for a service of one person's, false for one of the machine's.</summary>
    public required bool ForUser { get; init; }

    /// <summary>Groups of this machine that own accelerators.</summary>
    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>A program that makes the device files of NVIDIA's driver; null where there is none.</summary>
    public string? DeviceMaker { get; init; }

    public ImmutableArray<string> Command => [.. Program, "up", "--data", Data, .. Arguments];
}

/// <summary>The files that make the daemon a service. Data only: nothing here starts anything.</summary>
internal static class ServiceFile
{
    public const string Name = "medulla";

    /// <summary>The account of the machine's service.</summary>
    public const string Account = "medulla";

    private const string Mark = "# Written by 'medulla service install'; changes belong into 'systemctl edit medulla', the next install replaces this file. sha256:";

    public static string Of(ServiceKind kind, ServicePlan plan) => kind switch
    {
        ServiceKind.Systemd => Marked(Systemd(plan)),
        ServiceKind.Launchd => Launchd(plan),
        _ => Windows(plan),
    };

    /// <summary>Null for a file that is not ours; else whether it is as it was written.</summary>
    public static bool? IsAsWritten(string text)
    {
        if (!text.StartsWith(Mark, StringComparison.Ordinal)) return null;
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        return end > 0 && text[Mark.Length..end] == Digest.Of(text[(end + 1)..]).Hex;
    }

    private static string Marked(string text) => $"{Mark}{Digest.Of(text)}\n{text}";

    private static string Systemd(ServicePlan plan)
    {
        var text = new StringBuilder();
        text.Append("[Unit]\nDescription=Medulla: AI models on this device\n");
        text.Append("# Nothing here waits for a network: the device serves with every cable pulled.\n");
        text.Append(CultureInfo.InvariantCulture, $"RequiresMountsFor={Word(plan.Data)}\n# It is started again for ever: a device has nobody who would look.\nStartLimitIntervalSec=0\n\n");
        text.Append("[Service]\nType=notify\nNotifyAccess=main\n");
        if (!plan.ForUser && plan.DeviceMaker is { } maker) text.Append(CultureInfo.InvariantCulture, $"# Without privileges the driver's device files cannot be made later.\nExecStartPre=-+{Word(maker)} -u -c=0\n");
        text.Append(CultureInfo.InvariantCulture, $"ExecStart={string.Join(' ', plan.Command.Select(Word))}\n");
        text.Append(CultureInfo.InvariantCulture, $"""
            Restart=always
            RestartSec=5
            # 'medulla stop' ends it with its engines, and it stays down until it is started or the machine is.
            RestartPreventExitStatus={StaysDown}
            SuccessExitStatus={StaysDown}
            TimeoutStartSec=180
            TimeoutStopSec=60
            # The loop's heartbeat; a loop that hangs is ended, and the engines serve on.
            WatchdogSec=120
            # Engines outlive the daemon and are adopted by the next one.
            KillMode=process
            # An engine that is killed for its memory is the daemon's to replace.
            OOMPolicy=continue
            LimitNOFILE=1048576
            LimitMEMLOCK=infinity
            UMask=0077
            NoNewPrivileges=yes

            """);
        if (!plan.ForUser)
        {
            text.Append(CultureInfo.InvariantCulture, $"""
                # The engines set themselves higher: they go first.
                OOMScoreAdjust=-600
                User={Account}
                Group={Account}

                """);
            if (!plan.Groups.IsEmpty) text.Append(CultureInfo.InvariantCulture, $"SupplementaryGroups={string.Join(' ', plan.Groups)}\n");
            if (plan.Data == "/var/lib/medulla") text.Append("StateDirectory=medulla\nStateDirectoryMode=0700\n");
            text.Append(CultureInfo.InvariantCulture, $"""
                ReadWritePaths={Word(plan.Data)}
                ProtectSystem=strict
                ProtectHome=read-only
                PrivateTmp=yes
                # No PrivateDevices, no DevicePolicy, no ProtectClock: each of them hides GPUs and NPUs.
                ProtectKernelTunables=yes
                ProtectKernelModules=yes
                ProtectHostname=yes
                RestrictSUIDSGID=yes
                RestrictRealtime=yes
                LockPersonality=yes
                RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
                SystemCallArchitectures=native
                CapabilityBoundingSet=

                """);
        }

        text.Append(CultureInfo.InvariantCulture, $"\n[Install]\nWantedBy={(plan.ForUser ? "default.target" : "multi-user.target")}\n");
        return text.ToString();
    }

    /// <summary>Exit code of a daemon that its owner has stopped under a service manager.</summary>
    public const int StaysDown = 10;

    /// <summary>As systemd reads words: specifiers, variables, quotes and spaces are no more than themselves.</summary>
    internal static string Word(string text)
    {
        var escaped = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("%", "%%", StringComparison.Ordinal).Replace("$", "$$", StringComparison.Ordinal);
        return escaped.Any(c => char.IsWhiteSpace(c) || c is ';' or '\'' or '"') || escaped.Length == 0 ? $"\"{escaped}\"" : escaped;
    }

    private static string Launchd(ServicePlan plan)
    {
        var log = Path.Combine(plan.Data, "daemon.log");
        var dictionary = new XElement(
            "dict",
            Pair("Label", new XElement("string", Name)),
            Pair("ProgramArguments", new XElement("array", plan.Command.Select(a => new XElement("string", a)))),
            Pair("RunAtLoad", new XElement("true")),
            Pair("KeepAlive", new XElement("true")),
            Pair("ThrottleInterval", new XElement("integer", 5)),
            Pair("AbandonProcessGroup", new XElement("true")),
            Pair("ProcessType", new XElement("string", "Interactive")),
            Pair("Umask", new XElement("integer", 63)),
            Pair("SoftResourceLimits", new XElement("dict", Pair("NumberOfFiles", new XElement("integer", 65536)))),
            Pair("StandardOutPath", new XElement("string", log)),
            Pair("StandardErrorPath", new XElement("string", log)));
        var document = new XDocument(
            new XDocumentType("plist", "-//Apple//DTD PLIST 1.0//EN", "http://www.apple.com/DTDs/PropertyList-1.0.dtd", null),
            new XElement("plist", new XAttribute("version", "1.0"), dictionary));
        return $"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{document.ToString().Replace("\r\n", "\n", StringComparison.Ordinal)}\n";

        static object[] Pair(string key, XElement value) => [new XElement("key", key), value];
    }

    private static string Windows(ServicePlan plan)
    {
        // One argument for sc.exe: its own quotes are doubled for PowerShell's single-quoted text.
        var command = string.Join(' ', plan.Command.Select(a => a.Length == 0 || a.Any(char.IsWhiteSpace) ? $"\\\"{a}\\\"" : a)).Replace("'", "''", StringComparison.Ordinal);
        return $$"""
            # Makes Medulla a Windows service. Run once in a PowerShell with administrator's rights.
            # Engines run on Linux only in this release; the file is for machines that manage theirs from here.
            $ErrorActionPreference = 'Stop'
            function Invoke-Sc { & sc.exe @args; if ($LASTEXITCODE -ne 0) { throw "sc.exe $args ended with $LASTEXITCODE" } }

            if (Get-Service -Name '{{Name}}' -ErrorAction SilentlyContinue) {
                Invoke-Sc config {{Name}} 'binPath=' '{{command}}' 'start=' 'auto'
            } else {
                Invoke-Sc create {{Name}} 'binPath=' '{{command}}' 'start=' 'auto' 'DisplayName=' 'Medulla'
            }
            Invoke-Sc description {{Name}} 'AI models on this device'
            # It is started again for ever, after a crash and after an exit with an error.
            Invoke-Sc failure {{Name}} 'reset=' '86400' 'actions=' 'restart/5000/restart/5000/restart/60000'
            Invoke-Sc failureflag {{Name}} 1
            Invoke-Sc start {{Name}}

            """.Replace("\n", "\r\n", StringComparison.Ordinal);
    }
}

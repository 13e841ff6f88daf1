using System.Text.RegularExpressions;

namespace Medulla.Tests.Unit.Architecture;

/// <summary>Who may see whom, and why. A line here is a decision; a new dependency is a new line.</summary>
public sealed partial class DoorsTests
{
    /// <summary>Folders of Core in their order: each sees only those before it.</summary>
    private static readonly string[] Core = ["Units", "Intents", "Machines", "Knowledge", "Prediction", "Blueprints", "Observing", "Incidents", "Trials", "Proposing", "Planning", "Deciding", "Rollouts", "Wire"];

    /// <summary>Rooms of the device: what each may see besides Core.</summary>
    private static readonly Dictionary<string, string[]> Rooms = new(StringComparer.Ordinal)
    {
        ["Network"] = [], // connections to the internet
        ["State"] = ["Catalogs"], // files: sees the readers of files that people write
        ["Probing"] = ["Probing.Parsers", "State"], // the clock is a system call
        ["Probing/Parsers"] = [], // texts in, facts out
        ["Loop"] = ["Artifacts", "Artifacts.Builds", "Artifacts.Headers", "Engines", "Probing", "State"], // the only room that others are wired to
        ["Engines"] = ["Loop", "State"], // posts signals, hands out upstreams, writes run records
        ["Gateway"] = ["Loop"], // reads routes, posts demand; cannot see a process, a file or a decision in the making
        ["Artifacts"] = ["Artifacts.Headers", "Loop", "Network", "State"], // reads what owned files are, posts signals, commits files
        ["Artifacts/Builds"] = ["Loop", "Network", "State"],
        ["Artifacts/Headers"] = [], // reads what it is given: a path or an address
        ["Support"] = ["Probing", "State"], // reads what all rooms left on the disk as files, and shares the redaction of captures
        ["Reporting"] = ["Network", "State"], // observers: take what was decided, keep what they told; the rooms do not know of them
        ["Service"] = ["State"], // writes one file atomically; what it starts is the service manager's
        ["Admin"] = ["Catalogs", "Artifacts", "Artifacts.Builds", "Artifacts.Headers", "Engines", "Gateway", "Loop", "Probing", "Reporting", "Service", "State", "Support"], // the one place that says what is made of what
    };

    [Fact]
    public void Folders_of_the_core_see_only_those_before_them()
    {
        foreach (var (file, used) in Usings(Path.Combine(Repository.Root, "src", "Medulla.Core")))
        {
            var folder = Path.GetFileName(Path.GetDirectoryName(file)!);
            foreach (var other in used.Where(u => u.StartsWith("Medulla.Core.", StringComparison.Ordinal)).Select(u => u["Medulla.Core.".Length..]))
            {
                Assert.True(Array.IndexOf(Core, other) <= Array.IndexOf(Core, folder), $"{file} of {folder} sees {other}");
            }

            Assert.DoesNotContain(used, u => u.StartsWith("Medulla.", StringComparison.Ordinal) && !u.StartsWith("Medulla.Core.", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Rooms_of_the_device_see_only_what_their_line_says()
    {
        var root = Path.Combine(Repository.Root, "src", "Medulla");
        foreach (var (file, used) in Usings(root))
        {
            var folder = Path.GetRelativePath(root, Path.GetDirectoryName(file)!);
            if (folder == ".") continue;
            foreach (var other in used.Where(u => u.StartsWith("Medulla.", StringComparison.Ordinal) && !u.StartsWith("Medulla.Core", StringComparison.Ordinal)).Select(u => u["Medulla.".Length..]))
            {
                Assert.True(Rooms[folder].Contains(other, StringComparer.Ordinal), $"{file} sees {other}, and no line allows it");
            }
        }
    }

    [Fact]
    public void No_registry_host_and_no_path_of_a_machine_is_in_the_sources()
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories).Where(f => !f.Contains("/obj/", StringComparison.Ordinal)))
        {
            var text = File.ReadAllText(file);
            Assert.DoesNotMatch("deb[.]debian[.]org|snapshot[.]debian|registry[.]npmjs|api[.]nuget", text);
        }
    }

    private static IEnumerable<(string File, IReadOnlyList<string> Used)> Usings(string root) =>
        Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal))
            .Select(f => (f, (IReadOnlyList<string>)[.. UsingLine().Matches(File.ReadAllText(f)).Select(m => m.Groups["name"].Value)]));

    [GeneratedRegex(@"^using (static )?(\w+ = )?(?<name>[A-Za-z.]+);", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex UsingLine();
}

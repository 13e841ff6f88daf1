using Medulla.Admin;

namespace Medulla.Tests.Unit.State;

/// <summary>A person who types is told what is wrong; a service goes on with what it has.</summary>
public sealed class UpOptionsTests : IDisposable
{
    private const string Good = "workloads:\n  - { name: chat, model: tinychat-s, context: 512 }\n";
    private const string Bad = "workloads:\n  - { name: chat, modl: tinychat-s }\n";

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_service_whose_intent_cannot_be_read_goes_on_with_the_last_one_that_could()
    {
        Directory.CreateDirectory(_folder["data"]);
        Validate(Good, unattended: true).Options!.KeepIntent();
        var (options, problems) = Validate(Bad, unattended: true);
        Assert.Empty(problems);
        Assert.Equal(512, Assert.Single(options!.Intent.Workloads).Context);
        Assert.Contains("intent.yaml:2: unknown key 'modl'", options.IntentProblem, StringComparison.Ordinal);
        Assert.Contains("the last intent that could be read is in force", options.IntentProblem, StringComparison.Ordinal);

        // What was kept is not overwritten by what could not be read, and a file that is gone is no other case.
        options.KeepIntent();
        File.Delete(_folder["intent.yaml"]);
        Assert.Equal(512, Assert.Single(Validate(null, unattended: true).Options!.Intent.Workloads).Context);
    }

    [Fact]
    public void A_person_is_told_and_so_is_a_service_that_never_had_one()
    {
        Directory.CreateDirectory(_folder["data"]);
        Assert.Single(Validate(Bad, unattended: true).Problems);
        Validate(Good, unattended: false).Options!.KeepIntent();
        Assert.Single(Validate(Bad, unattended: false).Problems);
    }

    [Fact]
    public void A_folder_that_is_not_there_keeps_a_person_from_starting_and_no_service()
    {
        var (options, problems) = UpOptions.Validate(_folder["data"], "127.0.0.1:0", null, _folder["usb"], null, null, noClimb: false, unattended: true);
        Assert.Empty(problems);
        Assert.Equal($"--models {_folder["usb"]}: there is no such folder", options!.Setback);
        Assert.Single(UpOptions.Validate(_folder["data"], "127.0.0.1:0", null, _folder["usb"], null, null, noClimb: false, unattended: false).Problems);
    }

    [Fact]
    public void What_would_be_unsafe_is_never_passed_over()
    {
        Assert.Single(UpOptions.Validate(_folder["data"], "0.0.0.0:8642", null, null, null, null, noClimb: false, unattended: true).Problems);
        Assert.Single(UpOptions.Validate(_folder["data"], "127.0.0.1:8642", null, null, null, _folder["no-key"], noClimb: false, unattended: true).Problems);
    }

    private (UpOptions? Options, IReadOnlyList<string> Problems) Validate(string? intent, bool unattended)
    {
        if (intent is not null) File.WriteAllText(_folder["intent.yaml"], intent);
        return UpOptions.Validate(_folder["data"], "127.0.0.1:0", _folder["intent.yaml"], null, null, null, noClimb: false, unattended);
    }
}

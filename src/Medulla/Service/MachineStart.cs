namespace Medulla.Service;

/// <summary>Has the system start the machine anew: in good order, by the program that the system has for it.</summary>
internal static class MachineStart
{
    /// <returns>Why it could not be; null when it will.</returns>
    public static string? Anew()
    {
        string[] command = Directory.Exists("/run/systemd/system") ? ["systemctl", "reboot"] : ["reboot"];
        var (code, output) = Installer.RunHere(command[0], [.. command[1..]]);
        return code == 0 ? null : $"the machine could not be started anew: '{string.Join(' ', command)}' ended with {code}: {(output.Length == 0 ? "it said nothing" : output)}. Give the daemon the right to do so, or do it by hand";
    }
}

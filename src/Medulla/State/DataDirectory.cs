namespace Medulla.State;

/// <summary>Where everything that this device remembers lies. Only paths; creating and writing is the rooms' work.</summary>
/// <param name="Root">Absolute path.</param>
internal sealed record DataDirectory(string Root)
{
    /// <summary>Held by the one daemon on this directory.</summary>
    public string Lock => Path.Combine(Root, "lock");

    /// <summary>Random identity of this directory: marks the engines that were started from it.</summary>
    public string Identity => Path.Combine(Root, "identity");

    /// <summary>Two records, current and previous.</summary>
    public string Memory => Path.Combine(Root, "memory");

    public string Journal => Path.Combine(Root, "journal");

    /// <summary>Verified artifacts by digest, and staging files on the same filesystem.</summary>
    public string Store => Path.Combine(Root, "store");

    /// <summary>Engine builds, side by side.</summary>
    public string Engines => Path.Combine(Root, "engines");

    /// <summary>One folder per instance: its record, socket and log. Mode 0700.</summary>
    public string Run => Path.Combine(Root, "run");

    /// <summary>Incidents that somebody was told of and that are not over.</summary>
    public string Told => Path.Combine(Root, "told.json");

    /// <summary>Damaged state that was set aside.</summary>
    public string Aside => Path.Combine(Root, "aside");

    /// <summary>The last intent that could be read: what a service goes on with when its file cannot be.</summary>
    public string Intent => Path.Combine(Root, "intent.yaml");

    /// <summary>A catalog that takes the place of the embedded one.</summary>
    public string Catalog => Path.Combine(Root, "catalog.bundle");

    /// <summary>Where the command line finds the running daemon: pid and address.</summary>
    public string Daemon => Path.Combine(Root, "daemon.json");
}

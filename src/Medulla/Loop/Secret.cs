namespace Medulla.Loop;

/// <summary>Text that must not be printed: <see cref="ToString"/> gives <c>***</c>.</summary>
internal sealed class Secret(string value)
{
    /// <summary>The text itself; ask for it only where it is handed on.</summary>
    public string Reveal() => value;

    public override string ToString() => "***";
}

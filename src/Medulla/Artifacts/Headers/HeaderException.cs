namespace Medulla.Artifacts.Headers;

/// <summary>A header that is not what it says, or that claims more than is believed.</summary>
internal sealed class HeaderException(string message) : Exception(message)
{
    /// <summary>The bytes ended within the header: more of them may help.</summary>
    public bool IsCut { get; init; }
}

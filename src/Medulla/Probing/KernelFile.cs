namespace Medulla.Probing;

/// <summary>Small files of <c>/proc</c> and <c>/sys</c>, which come and go.</summary>
internal static class KernelFile
{
    /// <summary>Its text; null when it is not there or gives none.</summary>
    public static string? Read(string root, string file)
    {
        var path = Path.Combine(root, file);
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

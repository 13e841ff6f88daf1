using System.Text.Json;

namespace Medulla.Gateway;

/// <summary>
/// What llama-server calls an error of its own (500) and is the request's: an OpenAI client sends a 500 again, and learns nothing from it.
/// Lines as b11669 says them.
/// </summary>
internal static class Misblamed
{
    private static readonly (string Says, string Param, string? Code, string Advice)[] Known =
    [
        ("is too large to process", "input", "context_length_exceeded", "It is longer than one text may be here: send it in pieces, or give the workload a longer context"),
        ("image input is not supported", "messages", "image_not_supported", "The model that serves this takes no images: name a workload with needs: [vision]"),
        ("audio input is not supported", "messages", "audio_not_supported", "The model that serves this takes no audio"),
        ("Failed to parse messages", "messages", null, ""),
        ("Failed to parse tools", "tools", null, ""),
    ];

    /// <param name="body">Of an answer with 500.</param>
    /// <returns>What the client is told instead, with 400; null when the error is the engine's own.</returns>
    public static OpenAiError? In(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            using var json = JsonDocument.ParseValue(ref reader);
            if (!json.RootElement.TryGetProperty("error", out var error) || !error.TryGetProperty("message", out var text) || text.GetString() is not { } message) return null;
            var known = Array.Find(Known, k => message.Contains(k.Says, StringComparison.Ordinal));
            return known.Says is null ? null : OpenAiError.Invalid(known.Advice.Length == 0 ? message : $"{known.Advice} ({message})", known.Param, known.Code);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}

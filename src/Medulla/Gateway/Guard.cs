using System.Net;
using System.Security.Cryptography;
using System.Text;
using Medulla.Loop;

namespace Medulla.Gateway;

/// <summary>
/// Who may come in. With a key: who sends it. Without one we listen on loopback only, and a page in a browser must not
/// reach us by another site's name: the host, and the origin where there is one, must be this machine.
/// </summary>
internal static class Guard
{
    /// <summary>Null when the request may pass; else the error and its status.</summary>
    public static (int Status, OpenAiError Error)? Check(HttpContext context, GatewayOptions options)
    {
        var sent = Token(context.Request);
        if (sent is not null && Same(sent, options.LocalToken)) return null;
        if (options.Key is { } key)
        {
            if (sent is not null && Same(sent, key)) return null;
            context.Response.Headers.WWWAuthenticate = "Bearer";
            var message = sent is null ? "no API key was sent; send it as 'Authorization: Bearer KEY'" : "the API key is wrong";
            return (401, new OpenAiError(message, "authentication_error", null, "invalid_api_key"));
        }

        if (!IsHere(context.Request.Host.Host)) return (403, new OpenAiError($"the host '{context.Request.Host.Host}' is not this machine; use 127.0.0.1 or localhost, or start with --key-file", "permission_error", null, "foreign_host"));
        var origin = context.Request.Headers.Origin.ToString();
        if (origin.Length > 0 && !(Uri.TryCreate(origin, UriKind.Absolute, out var from) && IsHere(from.Host)))
        {
            return (403, new OpenAiError($"pages of '{origin}' may not use this endpoint; start with --key-file to let them in by key", "permission_error", null, "foreign_origin"));
        }

        return null;
    }

    /// <summary>True when the request carries the local command line's token.</summary>
    public static bool IsLocalCommand(HttpContext context, GatewayOptions options) => Token(context.Request) is { } sent && Same(sent, options.LocalToken);

    private static bool IsHere(string host) =>
        string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static string? Token(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header[7..].Trim() : null;
    }

    private static bool Same(string sent, Secret secret) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(sent)), SHA256.HashData(Encoding.UTF8.GetBytes(secret.Reveal())));
}

using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Medulla.Core.Units;

/// <summary>A sha256 of bytes: 64 lower-case hexadecimal characters. The name of an artifact.</summary>
[JsonConverter(typeof(TextConverter<Digest>))]
public readonly record struct Digest : IParsable<Digest>
{
    private readonly string? _hex;

    private Digest(string hex) => _hex = hex;

    public string Hex => _hex ?? throw new InvalidOperationException("a digest was used before it was set");

    /// <summary>The first 12 characters: enough for a person, never enough for a comparison.</summary>
    public string Short => Hex[..12];

    public static Digest Of(ReadOnlySpan<byte> bytes) => new(Convert.ToHexStringLower(SHA256.HashData(bytes)));

    public static Digest Of(string text) => Of(Encoding.UTF8.GetBytes(text));

    public static Digest FromHash(ReadOnlySpan<byte> sha256) =>
        sha256.Length == 32 ? new(Convert.ToHexStringLower(sha256)) : throw new ArgumentException("a sha256 has 32 bytes", nameof(sha256));

    /// <summary>Accepts <c>64 hex</c> with or without the prefix <c>sha256:</c>, in either case.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Digest result)
    {
        result = default;
        if (s is null) return false;
        var hex = s.StartsWith("sha256:", StringComparison.Ordinal) ? s[7..] : s;
        if (hex.Length != 64 || !hex.All(char.IsAsciiHexDigit)) return false;
        result = new Digest(hex.ToLowerInvariant());
        return true;
    }

    public static Digest Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var digest) ? digest : throw new FormatException($"'{s}' is not a sha256 of 64 hexadecimal characters");

    public static Digest Parse(string s) => Parse(s, null);

    public override string ToString() => _hex ?? "";
}

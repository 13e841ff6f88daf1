using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Medulla.Gateway;

/// <summary>Finds what a request says of its <c>model</c>, without building a document.</summary>
internal static partial class RequestModel
{
    private const int MaxPartHeaders = 4096;

    /// <param name="Model">Null when it says none.</param>
    /// <param name="Problem">Null when the body could be read.</param>
    internal readonly record struct Found(string? Model, string? Problem);

    /// <summary>Reads the last top-level <c>model</c> of a JSON object: as every parser behind us does.</summary>
    public static Found InJson(ReadOnlySequence<byte> body)
    {
        string? model = null;
        try
        {
            var reader = new Utf8JsonReader(body);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return new Found(null, "the body must be a JSON object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isModel = reader.ValueTextEquals("model"u8);
                reader.Read();
                if (isModel)
                {
                    if (reader.TokenType != JsonTokenType.String) return new Found(null, "'model' must be a string");
                    model = reader.GetString();
                }
                else
                {
                    reader.Skip();
                }
            }

            return reader.Read() ? new Found(null, "the body has more after its JSON object") : new Found(model, null);
        }
        catch (JsonException e)
        {
            return new Found(null, $"the body is not valid JSON: {e.Message}");
        }
        catch (InvalidOperationException)
        {
            return new Found(null, "'model' is not valid text");
        }
    }

    /// <summary>Reads the field <c>model</c> of a form with files.</summary>
    public static Found InForm(ReadOnlySpan<byte> body, string? boundary)
    {
        if (string.IsNullOrEmpty(boundary)) return new Found(null, "the form has no boundary");
        var mark = Encoding.ASCII.GetBytes("--" + boundary.Trim('"'));
        while (body.IndexOf(mark) is >= 0 and var start)
        {
            body = body[(start + mark.Length)..];
            var end = body.IndexOf("\r\n\r\n"u8);
            if (end is < 0 or > MaxPartHeaders) continue;
            if (!ModelField().IsMatch(Encoding.ASCII.GetString(body[..end]))) continue;
            var value = body[(end + 4)..];
            var close = value.IndexOf("\r\n"u8);
            return close is >= 0 and < 256 ? new Found(Encoding.UTF8.GetString(value[..close]), null) : new Found(null, "the form's field 'model' does not end");
        }

        return new Found(null, null);
    }

    /// <summary>With quotes or without: both are sent.</summary>
    [GeneratedRegex("[; ]name=(\"model\"|model(?=[;\\s]|$))", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex ModelField();
}

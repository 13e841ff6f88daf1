using System.Text.Json;
using System.Text.Json.Serialization;

namespace Medulla.Gateway;

/// <summary>An error as OpenAI's clients expect it.</summary>
/// <param name="Message">What was attempted, on what, and what to do.</param>
/// <param name="Type">Such as <c>invalid_request_error</c>.</param>
/// <param name="Param">The field it is about; null for none.</param>
/// <param name="Code">Stable name; null for none.</param>
internal sealed record OpenAiError(string Message, string Type, string? Param, string? Code)
{
    public static OpenAiError Invalid(string message, string? param = null, string? code = null) => new(message, "invalid_request_error", param, code);

    public static OpenAiError Unavailable(string message) => new(message, "unavailable_error", null, "no_instance");

    public static OpenAiError Overloaded(string message) => new(message, "overloaded_error", null, "overloaded");

    public async Task WriteAsync(HttpContext context, int status, TimeSpan? retryAfter = null)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        if (retryAfter is { } wait) context.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
        var body = Bytes();
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    public byte[] Bytes() => JsonSerializer.SerializeToUtf8Bytes(new OpenAiErrorBody(this), GatewayJson.Default.OpenAiErrorBody);
}

internal sealed record OpenAiErrorBody(OpenAiError Error);

/// <summary><c>GET /v1/models</c>.</summary>
internal sealed record ModelList(string Object, IReadOnlyList<ModelItem> Data);

/// <param name="Id">Workload name or model id: either may be sent as <c>model</c>.</param>
/// <param name="ServedBy">The model that answers, or is loaded by the next request; null when none does now.</param>
internal sealed record ModelItem(string Id, string Object, long Created, string OwnedBy, string? ServedBy, int Context);

/// <summary><c>GET /health</c>.</summary>
/// <param name="Status"><c>ok</c>, <c>degraded</c> or <c>unavailable</c>.</param>
internal sealed record Health(string Status, string? Reason, IReadOnlyList<WorkloadHealth> Workloads);

/// <param name="Ready">True when it answers without loading anything.</param>
/// <param name="OnDemand">True when it is loaded when somebody asks.</param>
internal sealed record WorkloadHealth(string Name, string? Model, bool Ready, bool OnDemand, string? Reason);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(OpenAiErrorBody))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelItem))]
[JsonSerializable(typeof(Health))]
internal sealed partial class GatewayJson : JsonSerializerContext;

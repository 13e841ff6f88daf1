using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Core.Trials;

namespace Medulla.Core.Wire;

/// <summary>The JSON of what the device remembers: snake case, no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(Memory))]
public sealed partial class CoreJson : JsonSerializerContext;

using System.Text.Json;
using System.Text.Json.Serialization;
using Medulla.Core.Machines;
using Medulla.Core.Trials;

namespace Medulla.Core.Wire;

/// <summary>The JSON of what the device remembers and reports: snake case, no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(Memory))]
[JsonSerializable(typeof(Machine))]
[JsonSerializable(typeof(Knowledge.Catalog))]
[JsonSerializable(typeof(PlanReport))]
[JsonSerializable(typeof(DetectReport))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(WhyReport))]
[JsonSerializable(typeof(IncidentReport))]
[JsonSerializable(typeof(IntentReport))]
[JsonSerializable(typeof(DaemonCard))]
public sealed partial class CoreJson : JsonSerializerContext;

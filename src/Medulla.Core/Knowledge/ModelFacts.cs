namespace Medulla.Core.Knowledge;

/// <summary>What is known of a model whatever it runs on; null is unknown.</summary>
/// <param name="ParametersB">All parameters, in 1e9.</param>
/// <param name="ActiveB">Those used for one token, in 1e9.</param>
/// <param name="KvBytesPerToken">Bytes of f16 KV cache per token of context.</param>
public sealed record ModelFacts(double? ParametersB, double? ActiveB, double? KvBytesPerToken);

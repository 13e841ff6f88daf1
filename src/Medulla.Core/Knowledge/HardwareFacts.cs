namespace Medulla.Core.Knowledge;

/// <summary>What a vendor says of one device; null is unknown.</summary>
/// <param name="Class">Class of the evidence, such as <c>nvidia-dgpu</c>.</param>
/// <param name="BandwidthGBs">GB/s (1e9) of one device.</param>
/// <param name="Fp16Tflops">Dense FP16 matrix TFLOPS of one device.</param>
/// <param name="Fp32Tflops">FP32 vector TFLOPS of one device, without dual issue.</param>
public sealed record HardwareFacts(string? Class, double? BandwidthGBs, double? Fp16Tflops, double? Fp32Tflops);

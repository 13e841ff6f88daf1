namespace Medulla.Core.Knowledge;

public sealed record Calibration;

namespace Medulla.Core.Units;

/// <summary>
/// A moment as the device knows it. Deadlines are kept in <see cref="Boot"/>, which never jumps; <see cref="Wall"/> is
/// for people and may be wrong by years. A boot time means something only together with its <see cref="BootId"/>.
/// </summary>
/// <param name="Wall">Wall clock, possibly wrong.</param>
/// <param name="Boot">Time since the machine booted, suspended time included.</param>
/// <param name="BootId">Identity of this boot; another value means that earlier boot times must be re-based.</param>
public readonly record struct Instant(DateTimeOffset Wall, TimeSpan Boot, string BootId);

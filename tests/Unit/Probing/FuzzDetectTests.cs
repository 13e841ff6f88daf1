using System.Diagnostics;
using Medulla.Probing;

namespace Medulla.Tests.Unit.Probing;

/// <summary>Broken outputs of every tool: nothing throws, and nothing takes long.</summary>
public sealed class FuzzDetectTests
{
    private static readonly string Fixtures = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "fixtures", "hardware"));

    [Fact]
    public async Task No_damage_to_a_capture_breaks_a_parser()
    {
        var seed = Environment.GetEnvironmentVariable("MEDULLA_SEED") is { } given ? int.Parse(given) : 20261124;
        var random = new Random(seed);
        var readings = new List<Reading>();
        foreach (var root in new[] { Fixtures, OwnCaptures.Root }.Where(Directory.Exists))
        {
            foreach (var folder in Directory.EnumerateDirectories(root)) readings.AddRange(await new CaptureSource(folder).ReadAsync());
        }

        foreach (var reading in readings.Where(r => r.Text.Length is > 0 and < 20_000))
        {
            for (var round = 0; round < 12; round++)
            {
                var damaged = reading with { Text = Damage(reading.Text, random) };
                var began = Stopwatch.GetTimestamp();
                try
                {
                    _ = Detection.Of([damaged]);
                }
                catch (Exception e)
                {
                    Assert.Fail($"seed {seed}, {reading.Name}: {e}\n{damaged.Text}");
                }

                Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(5), $"seed {seed}, {reading.Name} took {Stopwatch.GetElapsedTime(began)}");
            }
        }
    }

    private static string Damage(string text, Random random)
    {
        var letters = text.ToCharArray();
        switch (random.Next(5))
        {
            case 0:
                return text[..random.Next(text.Length)];
            case 1:
                for (var i = 0; i < 1 + (letters.Length / 40); i++) letters[random.Next(letters.Length)] = (char)random.Next(9, 127);
                return new string(letters);
            case 2:
                return string.Join('\n', text.Split('\n').OrderBy(_ => random.Next()));
            case 3:
                return string.Concat(Enumerable.Repeat(text, 1 + random.Next(20)));
            default:
                return text.Replace(text[random.Next(text.Length)], "|:=,[{\"\t 9"[random.Next(9)]);
        }
    }
}

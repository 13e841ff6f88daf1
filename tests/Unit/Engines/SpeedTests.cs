using Medulla.Engines;
using Medulla.Loop;
using Medulla.Tests.Unit.Gateway;
using Microsoft.AspNetCore.Http;

namespace Medulla.Tests.Unit.Engines;

public class SpeedTests
{
    [Theory]
    [InlineData(200, """{"usage":{"completion_tokens":32},"timings":{"predicted_per_second":41.5}}""", 41.5)]
    [InlineData(200, """{"usage":{"completion_tokens":32},"timings":{"predicted_per_second":1e300}}""", null)]
    [InlineData(200, """{"usage":{"completion_tokens":32},"timings":{}}""", null)]
    [InlineData(200, """{"choices":[]}""", null)]
    [InlineData(200, "<html>", null)]
    [InlineData(500, """{"error":{"message":"no"}}""", null)]
    public async Task An_engine_that_times_itself_is_believed_and_nonsense_is_no_speed(int status, string body, double? speed) =>
        Assert.Equal(speed, await SpeedOfAsync(async c =>
        {
            c.Response.StatusCode = status;
            await c.Response.WriteAsync(body);
        }));

    [Fact]
    public async Task Of_another_the_time_to_one_token_is_taken_from_the_time_to_many()
    {
        var clock = new Clock();
        var speed = await SpeedOfAsync(async c =>
        {
            using var reader = new StreamReader(c.Request.Body);
            var many = (await reader.ReadToEndAsync()).Contains("\"max_tokens\":32", StringComparison.Ordinal);
            clock.Pass(TimeSpan.FromMilliseconds(many ? 700 : 80));
            await c.Response.WriteAsync($$"""{"usage":{"completion_tokens":{{(many ? 32 : 1)}} } }""");
        }, clock);
        Assert.Equal(31 / 0.62, speed!.Value, 6);
    }

    private static async Task<double?> SpeedOfAsync(RequestDelegate behave, TimeProvider? time = null)
    {
        await using var stage = await Stage.OpenAsync();
        var upstream = await stage.EngineAsync("e", behave);
        using var client = new EngineClient(upstream.Socket, Environment.ProcessId, new Secret("k"), time ?? TimeProvider.System);
        return await client.SpeedAsync(32, TestContext.Current.CancellationToken);
    }

    /// <summary>Stands still but for the time that the engine is said to take.</summary>
    private sealed class Clock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);

        public void Pass(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);
    }
}

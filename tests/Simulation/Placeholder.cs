namespace Medulla.Tests.Simulation;

public class Placeholder
{
    [Fact]
    public void Digests_are_of_content() => Assert.Equal(64, Core.Units.Digest.Of("x").Hex.Length);
}

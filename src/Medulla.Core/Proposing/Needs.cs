using Medulla.Core.Blueprints;

namespace Medulla.Core.Proposing;

/// <summary>What a candidate still lacks on this device.</summary>
public static class Needs
{
    public static ImmutableArray<Need> Of(Situation situation, Candidate candidate)
    {
        var needs = ImmutableArray.CreateBuilder<Need>();
        if (situation.FindEngine(candidate.Spec.Engine) is null) needs.Add(new Need.Engine(candidate.Engine, candidate.Build));
        foreach (var file in candidate.Files.Where(f => !situation.World.Has(f.Digest!.Value))) needs.Add(new Need.Weights(candidate.Model.Id, file));
        return needs.ToImmutable();
    }
}

using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>What several recipes say together, a later one over an earlier one, and the engine's own ways where they say nothing.</summary>
/// <param name="Recipes">Their names.</param>
/// <param name="Threads">Compute threads; null where none says.</param>
internal sealed record Told(ImmutableArray<EntryId> Recipes, FlashAttention FlashAttention, LoadMode LoadMode, int MicroBatch, string? Split, string Environment, int? Threads)
{
    public static readonly Told Nothing = By([]);

    public static Told By(ImmutableArray<RecipeEntry> recipes)
    {
        var plain = EngineSettings.OnProcessor;
        var told = new Told([.. recipes.Select(r => r.Id)], plain.FlashAttention, plain.LoadMode, plain.MicroBatch, plain.Split, plain.Environment, null);
        foreach (var recipe in recipes.Select(r => r.Settings))
        {
            told = told with
            {
                FlashAttention = recipe.FlashAttention ?? told.FlashAttention,
                LoadMode = recipe.LoadMode ?? told.LoadMode,
                MicroBatch = recipe.MicroBatch ?? told.MicroBatch,
                Split = recipe.Split ?? told.Split,
                Environment = recipe.Environment.IsEmpty ? told.Environment : string.Join(' ', recipe.Environment.Select(v => $"{v.Key}={v.Value}")),
                Threads = recipe.Threads ?? told.Threads,
            };
        }

        return told;
    }
}

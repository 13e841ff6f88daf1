using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>What every resolution on one machine by one catalog has in common, worked out once. One caller at a time.</summary>
internal sealed class Groundwork
{
    private readonly Machine _machine;
    private readonly Catalog _catalog;
    private readonly Dictionary<ModelEntry, ModelShape> _shapes = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<ModelFile, Weights> _unrecorded = new(ReferenceEqualityComparer.Instance);

    public Groundwork(Machine machine, Catalog catalog)
    {
        (_machine, _catalog) = (machine, catalog);
        Places = Placement.Of(machine, catalog);
        Foresight = new Foresight(catalog.Calibration, Places[^1]);
    }

    public ImmutableArray<Placement> Places { get; }

    public Foresight Foresight { get; }

    public bool IsOf(Knowing known) => ReferenceEquals(_machine, known.Machine) && ReferenceEquals(_catalog, known.Catalog);

    /// <summary>Models of the owner's are read again and again: theirs is in the entry, and is not kept here.</summary>
    public ModelShape ShapeOf(ModelEntry model)
    {
        if (model.Shape is { } known) return known;
        if (!_shapes.TryGetValue(model, out var shape)) _shapes[model] = shape = ModelShapes.Of(model);
        return shape;
    }

    /// <summary>A file that nobody has recorded a digest of has a stand-in.</summary>
    public Weights WeightsOf(ModelEntry model, ModelFile file)
    {
        if (file.Digest is { } digest) return new Weights(digest, file.Size, file.Name);
        if (!_unrecorded.TryGetValue(file, out var weights)) _unrecorded[file] = weights = new Weights(Digest.Of($"unrecorded {model.Id} {file.Name}"), file.Size, file.Name);
        return weights;
    }
}

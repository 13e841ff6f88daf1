using Medulla.Core.Knowledge;
using Medulla.Core.Machines;
using Medulla.Core.Units;

namespace Medulla.Core.Blueprints;

/// <summary>What every resolution on one machine by one catalog, and what it has measured, has in common, worked out once. One caller at a time.</summary>
internal sealed class Groundwork
{
    private readonly Machine _machine;
    private readonly Catalog _catalog;
    private readonly ImmutableArray<OwnSpeed> _own;
    private readonly Dictionary<ModelEntry, ModelShape> _shapes = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<ModelFile, Weights> _unrecorded = new(ReferenceEqualityComparer.Instance);

    public Groundwork(Knowing known)
    {
        (_machine, _catalog, _own) = (known.Machine, known.Catalog, known.Own);
        Places = Placement.Of(_machine, _catalog);
        Foresight = new Foresight(_catalog.Calibration, Places[^1], Foresight.OwnOf(known, Places));
    }

    public ImmutableArray<Placement> Places { get; }

    public Foresight Foresight { get; }

    public bool IsOf(Knowing known) => ReferenceEquals(_machine, known.Machine) && ReferenceEquals(_catalog, known.Catalog) && _own == known.Own;

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

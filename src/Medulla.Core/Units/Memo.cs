namespace Medulla.Core.Units;

/// <summary>
/// What was computed once from an immutable object, kept with it. A copy that <c>with</c> makes carries the memo along and computes its
/// own, for it is another object; memos make no difference between records that are equal without them.
/// </summary>
internal struct Memo<T> : IEquatable<Memo<T>>
{
    /// <summary>One reference, so that threads see all of it or nothing.</summary>
    private Known? _known;

    public T Of<TOwner>(TOwner owner, Func<TOwner, T> compute)
        where TOwner : class
    {
        if (_known is { } known && ReferenceEquals(known.Owner, owner)) return known.Value;
        var value = compute(owner);
        _known = new Known(owner, value);
        return value;
    }

    public readonly bool Equals(Memo<T> other) => true;

    public override readonly bool Equals(object? obj) => obj is Memo<T>;

    public override readonly int GetHashCode() => 0;

    private sealed record Known(object Owner, T Value);
}

namespace Medulla.Core.Knowledge;

/// <summary>
/// The numbers of an architecture that decide what memory a model takes: from a file's header, or the catalog. Per-layer
/// numbers are of the layers that attend to what came before; layers with a state of fixed size (state space, linear
/// attention) are in <see cref="RecurrentLayers"/>. A layer can be both.
/// </summary>
public sealed record ModelShape
{
    /// <summary>As the engine calls it, such as <c>llama</c>, <c>qwen3moe</c>, <c>gemma3</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Embedding { get; init; }

    /// <summary>All layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads; of the layer with the most.</summary>
    public required int Heads { get; init; }

    /// <summary>Query heads times the width at which they meet K (for MLA that of the latent).</summary>
    public required int QueryWidth { get; init; }

    /// <summary>Elements of K kept per token, one entry per attending layer.</summary>
    public required ImmutableArray<int> KeyWidths { get; init; }

    /// <summary>Elements of V kept per token, one entry per attending layer; zeros where V is a view of K (MLA).</summary>
    public required ImmutableArray<int> ValueWidths { get; init; }

    /// <summary>Tokens that the windowed layers look back; 0 when every layer sees everything.</summary>
    public int Window { get; init; }

    /// <summary>For each attending layer: does it see only <see cref="Window"/> tokens? Empty when none does.</summary>
    public ImmutableArray<bool> Windowed { get; init; } = [];

    /// <summary>Layers with a state of fixed size.</summary>
    public int RecurrentLayers { get; init; }

    /// <summary>Elements of that state in one such layer, for one sequence (f32).</summary>
    public long RecurrentState { get; init; }

    /// <summary>Width of the widest activation of such a layer, per token.</summary>
    public int RecurrentWidth { get; init; }

    /// <summary>Width of the widest dense feed-forward layer, shared experts among them; 0 when there is none.</summary>
    public required int FeedForward { get; init; }

    /// <summary>Experts of a layer; 0 for a dense model.</summary>
    public int Experts { get; init; }

    /// <summary>Experts that a token is sent to.</summary>
    public int ExpertsUsed { get; init; }

    public int ExpertFeedForward { get; init; }

    /// <summary>Share of the weights' bytes that lies in the experts that tokens are sent to, 0 to 1.</summary>
    public double ExpertShare { get; init; }

    /// <summary>Share of the weights' bytes that lies in the table of token embeddings, 0 to 1: it stays in host memory.</summary>
    public double EmbeddingShare { get; init; }

    /// <summary>The table of embeddings is the output matrix too, and is there twice when layers are on an accelerator.</summary>
    public bool TiedEmbedding { get; init; }

    /// <summary>It is tied, and of a type that the kernels of CPUs want in another order: it is there twice in host memory too (measured: q4_0, q4_K).</summary>
    public bool RearrangedEmbedding { get; init; }

    /// <summary>Tokens of the vocabulary; 0 when unknown.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Longest context in tokens that it was made for.</summary>
    public required int ContextMax { get; init; }

    /// <summary>Bytes of f16 cache that one more token of context takes in the layers that see everything.</summary>
    public long KvBytesPerToken
    {
        get
        {
            var elements = 0L;
            for (var i = 0; i < KeyWidths.Length; i++)
            {
                if (!IsWindowed(i)) elements += KeyWidths[i] + ValueWidths[i];
            }

            return elements * 2;
        }
    }

    /// <summary>
    /// A shape for a model of which only the totals are known: the cache is exact, activations are those of a usual
    /// transformer with as many parameters.
    /// </summary>
    /// <param name="kvBytesPerToken">Of f16 cache, all layers together.</param>
    /// <param name="parameters">All of them; 0 when unknown, then activations are guessed from the cache alone.</param>
    /// <param name="active">Those that one token passes; equal to <paramref name="parameters"/> for a dense model.</param>
    public static ModelShape Approximate(string architecture, int layers, long kvBytesPerToken, long parameters, long active, int contextMax, int vocabulary = 150_000)
    {
        layers = Math.Max(1, layers);
        active = active > 0 && active < parameters ? active : parameters;

        // A layer of a gated transformer with grouped queries has about 12 E² parameters.
        var width = Padded((int)Math.Clamp(Math.Sqrt(active / 12.0 / layers), 64, 1 << 16));
        var elements = (int)Math.Clamp((kvBytesPerToken + (2L * layers) - 1) / (2L * layers), 0, int.MaxValue / 2);
        var sparse = active < parameters;
        return new ModelShape
        {
            Architecture = architecture,
            Embedding = width,
            Layers = layers,
            Heads = Math.Max(1, width / 128),
            QueryWidth = width,
            KeyWidths = [.. Enumerable.Repeat(elements - (elements / 2), layers)],
            ValueWidths = [.. Enumerable.Repeat(elements / 2, layers)],
            FeedForward = Padded(width * 7 / 2),
            Experts = sparse ? (int)Math.Clamp(8 * parameters / active, 8, 1024) : 0,
            ExpertsUsed = sparse ? 8 : 0,
            ExpertFeedForward = sparse ? Padded(width / 2) : 0,
            ExpertShare = sparse ? 1 - ((double)active / parameters) : 0,
            EmbeddingShare = parameters > 0 ? Math.Min(0.5, (double)vocabulary * width / parameters) : 0,
            Vocabulary = vocabulary,
            ContextMax = contextMax,
        };
    }

    /// <summary>Its file says how a vector is made of those of the tokens.</summary>
    public bool Pools { get; init; }

    public bool IsWindowed(int layer) => Window > 0 && layer < Windowed.Length && Windowed[layer];

    private static int Padded(int width) => (width + 63) / 64 * 64;
}

using Medulla.Core.Knowledge;

namespace Medulla.Core.Prediction;

/// <summary>
/// Weighted ridge regression on sparse rows, solved by conjugate gradients: the corrections that explain the evidence best while each family
/// stays within its scatter. Outliers lose weight by Student's t, rows and whole hardware alike. Deterministic; no randomness, a bound on every loop.
/// </summary>
internal sealed class Ridge
{
    private const int Iterations = 60;
    private const double FreedomOfRows = 4;
    private const double FreedomOfBoxes = 2;

    private readonly int[] _starts;
    private readonly int[] _columns;
    private readonly double[] _values;
    private readonly double[] _scatter;
    private readonly bool[] _isBox;
    private readonly double[] _targets;

    public Ridge(IReadOnlyList<Sample> samples, Phase phase)
    {
        var index = new Dictionary<uint, int>();
        var (keys, scatter, isBox) = (new List<uint>(), new List<double>(), new List<bool>());
        var total = samples.Sum(s => s.Features.Count);
        (_starts, _columns, _values, _targets) = (new int[samples.Count + 1], new int[total], new double[total], new double[samples.Count]);
        var at = 0;
        for (var row = 0; row < samples.Count; row++)
        {
            foreach (var feature in samples[row].Features)
            {
                if (!index.TryGetValue(feature.Key, out var column))
                {
                    index[feature.Key] = column = keys.Count;
                    keys.Add(feature.Key);
                    scatter.Add(Scatter.Of(feature.Effect, phase));
                    isBox.Add(feature.Effect == Effect.Box);
                }

                (_columns[at], _values[at]) = (column, feature.Value);
                at++;
            }

            _starts[row + 1] = at;
            _targets[row] = samples[row].Residual;
        }

        (Keys, _scatter, _isBox) = ([.. keys], [.. scatter], [.. isBox]);
        Corrections = new double[Keys.Length];
    }

    public uint[] Keys { get; }

    public double[] Corrections { get; private set; }

    /// <param name="noise">Scatter of one row around its prediction.</param>
    /// <param name="rounds">How often the weights are looked at again.</param>
    public void Fit(double noise, int rounds)
    {
        var weights = new double[_targets.Length];
        var scatter = (double[])_scatter.Clone();
        var solution = new double[Keys.Length];
        Array.Fill(weights, 1 / (noise * noise));
        for (var round = 0; round < rounds; round++)
        {
            Solve(weights, scatter, solution);
            for (var column = 0; column < Keys.Length; column++) Corrections[column] = solution[column] * scatter[column];
            if (round == rounds - 1) return;
            for (var row = 0; row < weights.Length; row++)
            {
                var off = (_targets[row] - Times(row, Corrections)) / noise;
                weights[row] = (FreedomOfRows + 1) / (FreedomOfRows + off * off) / (noise * noise);
            }

            for (var column = 0; column < Keys.Length; column++)
            {
                if (!_isBox[column]) continue;
                var off = Corrections[column] / _scatter[column];
                scatter[column] = _scatter[column] * Math.Sqrt(Math.Max(1, (FreedomOfBoxes + off * off) / (FreedomOfBoxes + 1)));
                solution[column] = Corrections[column] / scatter[column];
            }
        }
    }

    /// <summary>Solves (S XᵀWX S + I) c = S XᵀW y from where the solution stands.</summary>
    private void Solve(double[] weights, double[] scatter, double[] solution)
    {
        var size = Keys.Length;
        var (residual, preconditioner, product) = (new double[size], new double[size], new double[size]);
        Apply(weights, scatter, solution, product, preconditioner);
        for (var row = 0; row < weights.Length; row++)
        {
            for (var i = _starts[row]; i < _starts[row + 1]; i++) residual[_columns[i]] += weights[row] * _targets[row] * _values[i] * scatter[_columns[i]];
        }

        var direction = new double[size];
        double energy = 0, target = 0;
        for (var c = 0; c < size; c++)
        {
            target += residual[c] * residual[c] / preconditioner[c];
            residual[c] -= product[c];
            direction[c] = residual[c] / preconditioner[c];
            energy += residual[c] * direction[c];
        }

        for (var iteration = 0; iteration < Iterations && energy > target * 1e-7; iteration++)
        {
            Apply(weights, scatter, direction, product, null);
            double curvature = 0;
            for (var c = 0; c < size; c++) curvature += direction[c] * product[c];
            var step = energy / curvature;
            double next = 0;
            for (var c = 0; c < size; c++)
            {
                solution[c] += step * direction[c];
                residual[c] -= step * product[c];
                next += residual[c] * residual[c] / preconditioner[c];
            }

            for (var c = 0; c < size; c++) direction[c] = residual[c] / preconditioner[c] + next / energy * direction[c];
            energy = next;
        }
    }

    private void Apply(double[] weights, double[] scatter, double[] vector, double[] product, double[]? diagonal)
    {
        Array.Copy(vector, product, vector.Length);
        if (diagonal is not null) Array.Fill(diagonal, 1);
        for (var row = 0; row < weights.Length; row++)
        {
            double sum = 0;
            for (var i = _starts[row]; i < _starts[row + 1]; i++) sum += _values[i] * scatter[_columns[i]] * vector[_columns[i]];
            sum *= weights[row];
            for (var i = _starts[row]; i < _starts[row + 1]; i++)
            {
                var scaled = _values[i] * scatter[_columns[i]];
                product[_columns[i]] += scaled * sum;
                if (diagonal is not null) diagonal[_columns[i]] += weights[row] * scaled * scaled;
            }
        }
    }

    private double Times(int row, double[] vector)
    {
        double sum = 0;
        for (var i = _starts[row]; i < _starts[row + 1]; i++) sum += _values[i] * vector[_columns[i]];
        return sum;
    }
}

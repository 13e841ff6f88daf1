using System.Globalization;
using Medulla.Core.Units;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Medulla.Catalogs;

/// <summary>What is wrong with a file that a person wrote: all of it at once, each with its line.</summary>
public sealed class YamlProblems(string file)
{
    public List<string> All { get; } = [];

    public void Add(long line, string message) => All.Add(line > 0 ? $"{file}:{line}: {message}" : $"{file}: {message}");
}

/// <summary>
/// Reads a YAML document node by node and notes what is wrong instead of stopping at it. Bounds:
/// <see cref="MaxLength"/> characters, 32 levels, no aliases (a small file could stand for a huge one).
/// </summary>
public sealed class YamlMap
{
    public const int MaxLength = 1 << 20;

    private readonly YamlMappingNode _node;
    private readonly YamlProblems _problems;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    private YamlMap(YamlMappingNode node, YamlProblems problems) => (_node, _problems) = (node, problems);

    public long Line => _node.Start.Line;

    /// <summary>How many problems the document has until now.</summary>
    public int Problems => _problems.All.Count;

    /// <summary>Reads a file, and no more of it than is allowed.</summary>
    public static YamlMap? Read(string path, YamlProblems problems)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.CanSeek && file.Length > 4L * MaxLength)
            {
                problems.Add(0, $"it has {file.Length} bytes, and {MaxLength} characters are allowed");
                return null;
            }

            var text = new char[MaxLength + 1];
            using var reader = new StreamReader(file);
            var length = reader.ReadBlock(text);
            return Parse(new string(text, 0, length), problems);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add(0, $"cannot be read: {e.Message}");
            return null;
        }
    }

    /// <summary>The document's one mapping; null when it is none, and the problems say why.</summary>
    public static YamlMap? Parse(string text, YamlProblems problems)
    {
        if (text.Length > MaxLength)
        {
            problems.Add(0, $"it has more than the {MaxLength} characters that are allowed");
            return null;
        }

        try
        {
            var yaml = new YamlStream();
            yaml.Load(new NoAliases(new Parser(new StringReader(text))));
            if (yaml.Documents.Count == 1 && yaml.Documents[0].RootNode is YamlMappingNode root) return new YamlMap(root, problems);
            problems.Add(1, yaml.Documents.Count == 0 ? "it is empty" : "it must be one mapping with keys and values");
        }
        catch (YamlException e)
        {
            problems.Add(e.Start.Line, $"it is not YAML: {e.Message}");
        }

        return null;
    }

    public string? Text(string key, bool required = false) => Scalar(key, required)?.Value;

    public T? Parsed<T>(string key, string what, bool required = false)
        where T : struct, IParsable<T>
    {
        if (Scalar(key, required) is not { } scalar) return null;
        if (T.TryParse(scalar.Value, CultureInfo.InvariantCulture, out var value)) return value;
        _problems.Add(scalar.Start.Line, $"'{key}' is '{scalar.Value}', which is not {what}");
        return null;
    }

    public int? Number(string key, int least, int most, bool required = false)
    {
        if (Scalar(key, required) is not { } scalar) return null;
        if (int.TryParse(scalar.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most) return value;
        _problems.Add(scalar.Start.Line, $"'{key}' is '{scalar.Value}', and a whole number from {least} to {most} is needed");
        return null;
    }

    public double? Real(string key, double least, double most, bool required = false)
    {
        if (Scalar(key, required) is not { } scalar) return null;
        if (double.TryParse(scalar.Value, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most) return value;
        _problems.Add(scalar.Start.Line, $"'{key}' is '{scalar.Value}', and a number from {least} to {most} is needed");
        return null;
    }

    public bool? Flag(string key)
    {
        if (Scalar(key, required: false) is not { } scalar) return null;
        if (scalar.Value is "true" or "false") return scalar.Value == "true";
        _problems.Add(scalar.Start.Line, $"'{key}' is '{scalar.Value}', and true or false is needed");
        return null;
    }

    public ByteSize? Size(string key)
    {
        if (Scalar(key, required: false) is not { } scalar) return null;
        if (scalar.Value is { } text && ByteSize.TryParse(text, out var size)) return size;
        _problems.Add(scalar.Start.Line, $"'{key}' is '{scalar.Value}', and a size such as 512MiB or 40GB is needed");
        return null;
    }

    /// <summary>One of a few words.</summary>
    public T? Choice<T>(string key, IReadOnlyDictionary<string, T> words, bool required = false)
        where T : struct
    {
        if (Scalar(key, required) is not { } scalar) return null;
        if (words.TryGetValue(scalar.Value ?? "", out var value)) return value;
        _problems.Add(scalar.Start.Line, $"'{key}' is '{scalar.Value}', and one of {string.Join(", ", words.Keys)} is needed");
        return null;
    }

    /// <summary>A list of a few words; each that is none of them is a problem.</summary>
    public IReadOnlyList<T> Choices<T>(string key, IReadOnlyDictionary<string, T> words, bool required = false)
    {
        var chosen = new List<T>();
        foreach (var scalar in Sequence(key, required)?.OfType<YamlScalarNode>() ?? [])
        {
            if (words.TryGetValue(scalar.Value ?? "", out var value)) chosen.Add(value);
            else _problems.Add(scalar.Start.Line, $"'{key}' has '{scalar.Value}', and {string.Join(", ", words.Keys)} are known");
        }

        return chosen;
    }

    /// <summary>A list of ids.</summary>
    public IReadOnlyList<T> ParsedAll<T>(string key, string what)
        where T : struct, IParsable<T>
    {
        var all = new List<T>();
        foreach (var scalar in Sequence(key, required: false)?.OfType<YamlScalarNode>() ?? [])
        {
            if (T.TryParse(scalar.Value, CultureInfo.InvariantCulture, out var value)) all.Add(value);
            else _problems.Add(scalar.Start.Line, $"'{key}' has '{scalar.Value}', which is not {what}");
        }

        return all;
    }

    /// <summary>The keys of a small mapping with their values as text.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Pairs(string key)
    {
        if (Find(key, required: false) is not { } node) return [];
        if (node is YamlMappingNode map) return [.. map.Children.Select(c => KeyValuePair.Create((c.Key as YamlScalarNode)?.Value ?? "", (c.Value as YamlScalarNode)?.Value ?? ""))];
        _problems.Add(node.Start.Line, $"'{key}' must be a mapping with keys and values");
        return [];
    }

    public YamlMap? Map(string key, bool required = false)
    {
        if (Find(key, required) is not { } node) return null;
        if (node is YamlMappingNode map) return new YamlMap(map, _problems);
        _problems.Add(node.Start.Line, $"'{key}' must be a mapping with keys and values");
        return null;
    }

    public IReadOnlyList<YamlMap> Maps(string key, bool required = false)
    {
        if (Sequence(key, required) is not { } list) return [];
        foreach (var wrong in list.Where(n => n is not YamlMappingNode)) _problems.Add(wrong.Start.Line, $"an item of '{key}' must be a mapping with keys and values");
        return [.. list.OfType<YamlMappingNode>().Select(m => new YamlMap(m, _problems))];
    }

    public IReadOnlyList<string> Texts(string key, bool required = false) =>
        Sequence(key, required)?.OfType<YamlScalarNode>().Select(s => s.Value ?? "").ToList() ?? [];

    public IReadOnlyList<int> Numbers(string key, int least, int most)
    {
        var all = new List<int>();
        foreach (var scalar in Sequence(key, required: false)?.OfType<YamlScalarNode>() ?? [])
        {
            if (int.TryParse(scalar.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most) all.Add(value);
            else _problems.Add(scalar.Start.Line, $"'{key}' has '{scalar.Value}', and whole numbers from {least} to {most} are needed");
        }

        return all;
    }

    /// <summary>A name without a path.</summary>
    public string? FileName(string key, bool required = false)
    {
        if (Scalar(key, required) is not { Value: { } name } scalar) return null;
        if (name.Length > 0 && name == Path.GetFileName(name) && !name.Contains('\\', StringComparison.Ordinal)) return name;
        _problems.Add(scalar.Start.Line, $"'{key}' is '{name}', which must be a file name without a path");
        return null;
    }

    public Uri? Address(string key)
    {
        if (Scalar(key, required: true) is not { } scalar) return null;
        if (Uri.TryCreate(scalar.Value, UriKind.Absolute, out var address) && address.Scheme is "http" or "https") return address;
        _problems.Add(scalar.Start.Line, $"'{key}' is '{scalar.Value}', and an http or https address is needed");
        return null;
    }

    public bool Has(string key) => Find(key, required: false) is not null;

    public void Problem(string message) => _problems.Add(Line, message);

    /// <summary>Notes every key that nobody asked for, with the nearest that somebody did. Last, after all the others.</summary>
    public void Finish()
    {
        foreach (var key in _node.Children.Keys.OfType<YamlScalarNode>())
        {
            if (_known.Contains(key.Value ?? "")) continue;
            var near = _known.OrderBy(k => Distance(k, key.Value ?? "")).FirstOrDefault(k => Distance(k, key.Value ?? "") <= 2);
            _problems.Add(key.Start.Line, $"unknown key '{key.Value}'{(near is null ? $"; known are {string.Join(", ", _known.Order(StringComparer.Ordinal))}" : $"; did you mean '{near}'?")}");
        }
    }

    private YamlScalarNode? Scalar(string key, bool required)
    {
        if (Find(key, required) is not { } node) return null;
        if (node is YamlScalarNode scalar) return scalar;
        _problems.Add(node.Start.Line, $"'{key}' must be a single value");
        return null;
    }

    private YamlSequenceNode? Sequence(string key, bool required)
    {
        if (Find(key, required) is not { } node) return null;
        if (node is YamlSequenceNode list) return list;
        _problems.Add(node.Start.Line, $"'{key}' must be a list");
        return null;
    }

    private YamlNode? Find(string key, bool required)
    {
        _known.Add(key);
        if (_node.Children.TryGetValue(new YamlScalarNode(key), out var node)) return node;
        if (required) _problems.Add(Line, $"'{key}' is missing");
        return null;
    }

    /// <summary>Edits between two short words.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var (diagonal, left) = (row[0], i);
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                left = Math.Min(Math.Min(above, left) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                (diagonal, row[j]) = (above, left);
            }
        }

        return row[^1];
    }

    private sealed class NoAliases(IParser inner) : IParser
    {
        private const int MaxDepth = 32;

        private int _depth;

        public YamlDotNet.Core.Events.ParsingEvent? Current => inner.Current;

        public bool MoveNext()
        {
            var more = inner.MoveNext();
            _depth += more ? Current?.NestingIncrease ?? 0 : 0;
            if (_depth > MaxDepth) throw new YamlException(Current!.Start, Current.End, $"it is nested more than {MaxDepth} deep");
            return Current is YamlDotNet.Core.Events.AnchorAlias alias
                ? throw new YamlException(alias.Start, alias.End, "aliases are not allowed here; write the value out")
                : more;
        }
    }
}

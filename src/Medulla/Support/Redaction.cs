using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Medulla.Core.Units;
using Medulla.Probing;

namespace Medulla.Support;

/// <summary>
/// Takes out of texts what tells a person, a machine or a secret: all that a capture leaves out (serial numbers, UUIDs,
/// addresses, names), and beyond it keys, tokens, what addresses carry besides their host and path, and folders of the owner's.
/// </summary>
/// <param name="host">Name of this machine.</param>
/// <param name="users">Names of people with an account here.</param>
/// <param name="places">Folders of the owner's with the word that stands for each.</param>
/// <param name="secrets">Texts that are known to be secret.</param>
internal sealed partial class Redaction(string host, IEnumerable<string> users, IEnumerable<KeyValuePair<string, string>> places, IEnumerable<string> secrets)
{
    private const int RegexLimitMs = 10_000;
    private const int LeastName = 3;
    private const int MaxNames = 64;
    private const int LeastSecret = 8;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string[] _secrets = [.. secrets.Where(s => s.Length >= LeastSecret).Distinct(StringComparer.Ordinal)];
    private readonly (string Folder, Regex Path, string Word)[] _places = [.. places.Where(p => p.Key.Length > 1).OrderByDescending(p => p.Key.Length).Select(p => (p.Key.TrimEnd('/'), new Regex($@"(?<![\w.-]){Regex.Escape(p.Key.TrimEnd('/'))}(?![\w.-])", RegexOptions.None, TimeSpan.FromMilliseconds(RegexLimitMs)), p.Value))];
    private readonly CaptureWriter.Redaction _capture = new(host, Environment.UserName);
    private readonly (string Name, CaptureWriter.Redaction Capture)[] _others = [.. users.Where(u => u.Length >= LeastName && u != Environment.UserName).Distinct(StringComparer.Ordinal).Take(MaxNames).Select(u => (u, new CaptureWriter.Redaction(host, u)))];

    /// <summary>For this machine, its accounts and this data directory.</summary>
    public static Redaction OfThisMachine(string data, IEnumerable<KeyValuePair<string, string>> places, IEnumerable<string> secrets)
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        IEnumerable<KeyValuePair<string, string>> usual = [KeyValuePair.Create(data, "DATA"), KeyValuePair.Create(home, "~")];
        return new Redaction(Environment.MachineName, Accounts(), usual.Concat(places), secrets);
    }

    public string Text(string text)
    {
        foreach (var secret in _secrets) text = text.Replace(secret, "***", StringComparison.Ordinal);
        foreach (var (_, path, word) in _places.Where(p => text.Contains(p.Folder, StringComparison.Ordinal))) text = path.Replace(text, word);
        text = Account().Replace(text, "://***@");
        text = Query().Replace(text, "${at}?***");
        text = Sent().Replace(text, "${how} ***");
        text = Named().Replace(text, "${name}${is}***");
        text = KnownToken().Replace(text, "***");
        if (text.Contains('@')) text = Mail().Replace(text, "***@***");
        text = _capture.Of(text);
        foreach (var (_, capture) in _others.Where(o => text.Contains(o.Name, StringComparison.OrdinalIgnoreCase))) text = capture.Of(text);
        return text;
    }

    /// <summary>JSON stays JSON: values are redacted one by one, digests shortened, and the named fields emptied.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public string Json(ReadOnlySpan<byte> json, params ReadOnlySpan<string> secretFields)
    {
        var node = JsonNode.Parse(json);
        return Walk(node, [.. secretFields, "token", "api_key", "password", "secret", "authorization"])?.ToJsonString(Indented) ?? "null";
    }

    private JsonNode? Walk(JsonNode? node, string[] secretFields)
    {
        switch (node)
        {
            case JsonObject map:
                foreach (var (name, value) in map.ToList()) map[name] = secretFields.Contains(name, StringComparer.Ordinal) ? "***" : Walk(value?.DeepClone(), secretFields);
                return map;
            case JsonArray list:
                for (var i = 0; i < list.Count; i++) list[i] = Walk(list[i]?.DeepClone(), secretFields);
                return list;
            case JsonValue value when value.TryGetValue<string>(out var text):
                return WholeDigest().IsMatch(text) ? text[..12] + "…" : Text(EngineLine.InSentence(text));
            default:
                return node;
        }
    }

    /// <summary>Names of people's accounts; those of services say nothing.</summary>
    private static IEnumerable<string> Accounts()
    {
        var names = new List<string>();
        try
        {
            foreach (var line in File.Exists("/etc/passwd") ? File.ReadLines("/etc/passwd").Take(1000) : [])
            {
                var fields = line.Split(':');
                if (fields.Length > 2 && int.TryParse(fields[2], out var id) && id is >= 1000 and < 65000) names.Add(fields[0]);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The names of the environment remain.
        }

        return names.Concat(new[] { Environment.GetEnvironmentVariable("SUDO_USER"), Environment.GetEnvironmentVariable("LOGNAME") }.OfType<string>());
    }

    [GeneratedRegex(@"://[^/\s@""']{1,200}@", RegexOptions.None, RegexLimitMs)]
    private static partial Regex Account();

    [GeneratedRegex(@"(?<at>https?://[^\s?""']{1,400})\?[^\s""']{1,2000}", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, RegexLimitMs)]
    private static partial Regex Query();

    [GeneratedRegex(@"\b(?<how>Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, RegexLimitMs)]
    private static partial Regex Sent();

    [GeneratedRegex(@"\b(?<name>(?:[a-z0-9]{1,32}[_-])?(?:api[_-]?key|token|secret|password|passwd|authorization))(?<is>""?\s{0,4}[:=]\s{0,4}""?)[^\s"",;*]{3,}", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, RegexLimitMs)]
    private static partial Regex Named();

    [GeneratedRegex(@"\b(?:sk|hf|ghp|gho|ghs|glpat|xox[abp]|AKIA)[-_]?[A-Za-z0-9][A-Za-z0-9_-]{15,}\b", RegexOptions.None, RegexLimitMs)]
    private static partial Regex KnownToken();

    [GeneratedRegex(@"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{2,64}", RegexOptions.None, RegexLimitMs)]
    private static partial Regex Mail();

    [GeneratedRegex("^(?:sha256:)?[0-9a-f]{64}$", RegexOptions.None, RegexLimitMs)]
    private static partial Regex WholeDigest();
}

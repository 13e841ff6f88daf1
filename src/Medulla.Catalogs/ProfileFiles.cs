using Medulla.Core.Knowledge;
using Medulla.Core.Units;

namespace Medulla.Catalogs;

/// <summary><c>catalog/workloads</c>.</summary>
internal static class ProfileFiles
{
    public static ProfileEntry Read(YamlMap map) => new()
    {
        Id = map.Parsed<EntryId>("id", "an id", required: true) ?? default,
        Title = map.Text("title", required: true) ?? "",
        Description = map.Text("description", required: true) ?? "",
        Workloads = [.. map.Maps("workloads", required: true).Select(ReadWorkload)],
    };

    private static ProfileWorkload ReadWorkload(YamlMap map)
    {
        var workload = new ProfileWorkload(IntentFile.ReadWorkload(map), map.Number("answer_tokens", 0, 1 << 20) ?? 0, [.. map.Maps("golden").Select(ModelFiles.ReadGolden)]);
        map.Finish();
        return workload;
    }
}

using System.Buffers.Text;

namespace Medulla.Gateway;

/// <summary>Reads the token counts out of the end of an answer. Text of an answer cannot pass for them: its quotes are escaped.</summary>
internal static class Usage
{
    public static (long Prompt, long Completion) In(ReadOnlySpan<byte> answer) =>
        (Number(answer, "\"prompt_tokens\":"u8), Number(answer, "\"completion_tokens\":"u8));

    private static long Number(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> name)
    {
        var at = answer.LastIndexOf(name);
        if (at < 0) return 0;
        var rest = answer[(at + name.Length)..].TrimStart((byte)' ');
        return Utf8Parser.TryParse(rest, out long value, out _) ? value : 0;
    }
}

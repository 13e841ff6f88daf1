namespace Medulla.Tests.FakeEngine;

/// <summary>What the tiny models answer to their golden prompts; anything else is said back.</summary>
internal static class Answers
{
    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal)
    {
        ["What is the capital of France?"] = "The capital of France is Paris.",
        ["What is the opposite of hot?"] = "The opposite of hot is cold.",
        ["What is 3 plus 4?"] = "3 plus 4 is 7.",
        ["What color is the sky?"] = "The sky is blue.",
        ["What does a dog say?"] = "A dog says woof.",
        ["Turn on the kitchen light."] = """{"device":"light","room":"kitchen","state":"on"}""",
        ["What day comes after Monday?"] = "After Monday comes Tuesday.",
        ["What is the plural of mouse?"] = "The plural of mouse is mice.",
        ["How many legs does a spider have?"] = "A spider has eight legs.",
        ["Which is bigger, 3 or 8?"] = "8 is bigger.",
        ["What number comes after 6?"] = "After 6 comes 7.",
        ["What is 7 minus 2?"] = "7 minus 2 is 5.",
    };

    public static string To(string prompt) => Known.GetValueOrDefault(prompt, $"You said: {prompt}");
}

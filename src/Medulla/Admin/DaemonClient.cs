using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Medulla.Core.Wire;
using Medulla.State;

namespace Medulla.Admin;

/// <summary>The command line's way to the running daemon of a data directory.</summary>
internal sealed class DaemonClient : IDisposable
{
    private readonly HttpClient _http;

    private DaemonClient(DaemonCard card)
    {
        Card = card;
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(2) }) { BaseAddress = Address(card), Timeout = TimeSpan.FromSeconds(10) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", card.Token);
    }

    public DaemonCard Card { get; }

    /// <summary>Null when no daemon has left its card there.</summary>
    public static DaemonClient? Find(DataDirectory data) => CardIn(data) is { } card ? new DaemonClient(card) : null;

    /// <summary>The card that a daemon left there; null when there is none. One that was ended in good order takes it away.</summary>
    public static DaemonCard? CardIn(DataDirectory data)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(data.Daemon), CoreJson.Default.DaemonCard);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Null when it does not answer.</summary>
    public async Task<T?> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel)
        where T : class
    {
        try
        {
            using var answer = await _http.GetAsync(path, cancel);
            return answer.IsSuccessStatusCode ? await JsonSerializer.DeserializeAsync(await answer.Content.ReadAsStreamAsync(cancel), type, cancel) : null;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or TaskCanceledException && !cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>An answer as it is; null when there is none.</summary>
    public async Task<string?> ReadAsync(string path, CancellationToken cancel)
    {
        try
        {
            using var answer = await _http.GetAsync(path, cancel);
            return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync(cancel) : null;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or TaskCanceledException)
        {
            return null;
        }
    }

    /// <summary>True when it said that it will.</summary>
    public async Task<bool> StopAsync(CancellationToken cancel)
    {
        try
        {
            using var answer = await _http.PostAsync("/api/v1/stop", null, cancel);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>An address that means every interface is reached through this machine's own.</summary>
    private static Uri Address(DaemonCard card)
    {
        var address = new UriBuilder(card.Address);
        if (address.Host is "0.0.0.0" or "[::]") address.Host = "127.0.0.1";
        return address.Uri;
    }
}

using Medulla.Bench;

// dotnet run -c Release --project bench -- decide | resolve | gateway | streams | recovery | footprint | predict | memory | faults [ID…] | storm | rivals | all
return args switch
{
    ["decide"] => DecideBench.Run(),
    ["resolve"] => ResolveBench.Run(),
    ["gateway"] => await GatewayBench.RunAsync(),
    ["serve", var socket, var port] => await GatewayBench.ServeAsync(socket, port),
    ["streams"] => await StreamBench.RunAsync(),
    ["recovery"] => await RecoveryBench.RunAsync(),
    ["predict"] => PredictBench.Run(),
    ["storm"] => await StormBench.RunAsync(),
    ["rivals", .. var only] => await RivalsBench.RunAsync(only),
    ["faults", .. var ids] => await FaultBench.RunAsync(ids),
    ["footprint"] => await FootprintBench.RunAsync(),
    ["memory"] => await MemoryBench.RunAsync(),
    ["all"] => await AllAsync(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project bench -- decide | resolve | gateway | streams | recovery | footprint | predict | memory | faults [ID…] | storm | rivals | all");
    return 2;
}

// All but those that need the engine's own tools or judge the evidence rather than the program.
static async Task<int> AllAsync()
{
    var worst = Math.Max(DecideBench.Run(), ResolveBench.Run());
    foreach (var run in (Func<Task<int>>[])[GatewayBench.RunAsync, StreamBench.RunAsync, RecoveryBench.RunAsync, FootprintBench.RunAsync]) worst = Math.Max(worst, await run());
    return worst;
}

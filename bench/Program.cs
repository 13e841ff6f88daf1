using Medulla.Bench;

// dotnet run -c Release --project bench -- decide | resolve | gateway | streams | recovery | footprint | predict | all
return args switch
{
    ["decide"] => DecideBench.Run(),
    ["resolve"] => ResolveBench.Run(),
    ["gateway"] => await GatewayBench.RunAsync(),
    ["serve", var socket, var port] => await GatewayBench.ServeAsync(socket, port),
    ["streams"] => await StreamBench.RunAsync(),
    ["recovery"] => await RecoveryBench.RunAsync(),
    ["predict"] => PredictBench.Run(),
    ["footprint"] => await FootprintBench.RunAsync(),
    ["all"] => Math.Max(DecideBench.Run(), Math.Max(await GatewayBench.RunAsync(), Math.Max(await StreamBench.RunAsync(), Math.Max(await RecoveryBench.RunAsync(), Math.Max(await FootprintBench.RunAsync(), PredictBench.Run()))))),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project bench -- decide | resolve | gateway | streams | recovery | footprint | predict | all");
    return 2;
}

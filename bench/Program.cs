using Medulla.Bench;

// dotnet run -c Release --project bench -- decide | gateway | streams | recovery | footprint | memory | all
return args switch
{
    ["decide"] => DecideBench.Run(),
    ["gateway"] => await GatewayBench.RunAsync(),
    ["serve", var socket, var port] => await GatewayBench.ServeAsync(socket, port),
    ["streams"] => await StreamBench.RunAsync(),
    ["recovery"] => await RecoveryBench.RunAsync(),
    ["footprint"] => await FootprintBench.RunAsync(),
    ["memory"] => await MemoryBench.RunAsync(),
    ["all"] => Math.Max(DecideBench.Run(), Math.Max(await GatewayBench.RunAsync(), Math.Max(await StreamBench.RunAsync(), Math.Max(await RecoveryBench.RunAsync(), await FootprintBench.RunAsync())))),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project bench -- decide | gateway | streams | recovery | footprint | memory | all");
    return 2;
}

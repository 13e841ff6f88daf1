return await Medulla.Admin.Commands.RunAsync(args);

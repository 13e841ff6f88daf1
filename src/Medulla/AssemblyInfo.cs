using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Medulla.Tests.Unit")]
[assembly: InternalsVisibleTo("Medulla.Tests.Simulation")]
[assembly: InternalsVisibleTo("Medulla.Tests.Live")]
[assembly: InternalsVisibleTo("Medulla.Bench")]

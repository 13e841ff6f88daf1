using Medulla.Catalogs;

// Called by the build of the daemon: FOLDER BUNDLE.
if (args is not [var folder, var bundle])
{
    Console.Error.WriteLine("usage: Medulla.Catalogs FOLDER BUNDLE");
    return 2;
}

var (catalog, problems) = CatalogFolder.Compile(folder);
foreach (var problem in problems) Console.Error.WriteLine($"{problem.Split(':')[0]}: error MDC1: {problem}");
if (problems.Count > 0) return 1;
CatalogBundle.Write(bundle, catalog);
return 0;

using System.Runtime.InteropServices;

namespace Medulla.Tests.FakeEngine;

/// <summary>How real engines end: lines as llama-server b11669 and its neighbours write them, and the code or signal after them.</summary>
internal static partial class LastWords
{
    private const string Exiting = "\n0.00.000.900 E srv  llama_server: exiting due to model loading error";

    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal)
    {
        ["arch-unknown"] = "0.00.000.002 E llama_model_load: error loading model: unknown model architecture: 'fake'" + Exiting,
        ["gguf-format-newer"] = "0.00.000.002 E gguf_init_from_reader: this GGUF file is version 9 but this software only supports up to version 3" + Exiting,
        ["tensor-missing"] = "0.00.000.002 E llama_model_load: error loading model: check_tensor_dims: tensor 'blk.2.attn_norm.weight' not found" + Exiting,
        ["model-truncated"] = "0.00.000.002 E llama_model_load: error loading model: tensor 'output.weight' data is not within the file bounds, model is corrupted or incomplete" + Exiting,
        ["model-not-gguf"] = "0.00.000.002 E gguf_init_from_reader: invalid magic characters: '<!DO', expected 'GGUF'" + Exiting,
        ["template-broken"] = "0.00.000.002 E srv    load_model: failed to initialize chat template" + Exiting,
        ["oom-load-host"] = "0.00.000.002 E ggml_aligned_malloc: insufficient memory (attempted to allocate 1024.00 MB)\n0.00.000.003 E llama_init_from_model: failed to allocate buffer for kv cache" + Exiting,
        ["oom-load-device"] = "0.00.000.002 E ggml_backend_cuda_buffer_type_alloc_buffer: allocating 1024.00 MiB on device 0: cudaMalloc failed: out of memory" + Exiting,
        ["missing-lib"] = "llama-server: error while loading shared libraries: libllama.so.0: cannot open shared object file: No such file or directory",
        ["no-backend"] = "0.00.000.002 E llama_model_load_from_file_impl: no backends are loaded. hint: use ggml_backend_load()" + Exiting,
        ["flag-rejected"] = "error: invalid argument: --no-mmap",
        ["bind-misreport"] = "0.00.000.002 E srv  llama_server: couldn't bind HTTP server socket, hostname: ./engine.sock, port: 9931\n0.00.000.003 E srv  llama_server: exiting due to HTTP server error",
        ["driver-mismatch"] = "0.00.000.002 E ggml_cuda_init: failed to initialize CUDA: CUDA driver version is insufficient for CUDA runtime version" + Exiting,
        ["vulkan-device-lost"] = "terminate called after throwing an instance of 'vk::DeviceLostError'\n  what():  vk::Queue::submit: ErrorDeviceLost",
        ["rocm-fault"] = "Memory access fault by GPU node-1 (Agent handle: 0x55d0) on address 0x7f00. Reason: Page not present or supervisor privilege.",
        ["thread-exhaustion"] = "terminate called after throwing an instance of 'std::system_error'\n  what():  Resource temporarily unavailable",
    };

    public static string Of(string kind) => Known.GetValueOrDefault(kind, "0.00.000.002 I srv    load_model: loading model");

    public static int CodeOf(string kind) => kind == "missing-lib" ? 127 : 1;

    public static int? SignalOf(string kind) => kind switch
    {
        "illegal-instruction" => 4,
        "vulkan-device-lost" or "rocm-fault" or "thread-exhaustion" => 6,
        "model-cut-while-mapped" => 7,
        "segfault" => 11,
        _ => null,
    };

    /// <summary>Takes memory that the runtime knows nothing of, and touches every page of it.</summary>
    public static unsafe void Eat(long bytes)
    {
        if (bytes <= 0) return;
        var eaten = (byte*)NativeMemory.Alloc((nuint)bytes);
        for (var page = 0L; page < bytes; page += 4096) eaten[page] = 1;
    }

    /// <summary>Ends by the signal itself, as the kernel would end it: the runtime's own handler is set aside.</summary>
    public static void DieBy(int signal)
    {
        _ = Reset(signal, 0);
        _ = Kill(Environment.ProcessId, signal);
        Thread.Sleep(Timeout.Infinite);
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Reset(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}

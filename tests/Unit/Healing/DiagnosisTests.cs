using System.Collections.Immutable;
using Medulla.Core.Incidents;
using Medulla.Core.Knowledge;
using Medulla.Core.Observing;
using Medulla.Core.Units;
using Medulla.State;

namespace Medulla.Tests.Unit.Healing;

/// <summary>From real last words of engines, and from codes and counters, to conditions.</summary>
public class DiagnosisTests
{
    private static readonly EngineEntry Engine = EmbeddedCatalog.Read().FindEngine(new EngineId("llama.cpp"))!;

    [Theory]
    [InlineData("oom-load-host", 1, null, false, "0.10.000.000 E ggml_aligned_malloc: insufficient memory (attempted to allocate 1024.00 MB)")]
    [InlineData("oom-load-host", 1, null, false, "0.10.000.000 E llama_mmap: mmap failed: Cannot allocate memory")]
    [InlineData("oom-load-host", 1, null, false, "0.10.000.000 E graph_reserve: failed to allocate compute buffers")]
    [InlineData("oom-load-device", 1, null, false, "E ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9216.00 MiB on device 0: cudaMalloc failed: out of memory")]
    [InlineData("oom-first-long-request", 1, null, true, "E ggml_backend_cuda_buffer_type_alloc_buffer: allocating 512.00 MiB on device 0: cudaMalloc failed: out of memory")]
    [InlineData("arch-unknown", 1, null, false, "E llama_model_load: error loading model: unknown model architecture: 'nova'")]
    [InlineData("gguf-format-newer", 1, null, false, "E gguf_init_from_reader: this GGUF file is version 9 but this software only supports up to version 3")]
    [InlineData("model-not-gguf", 1, null, false, "E gguf_init_from_reader: invalid magic characters: '<!DO', expected 'GGUF'")]
    [InlineData("model-truncated", 1, null, false, "E llama_model_load: tensor 'output.weight' data is not within the file bounds, model is corrupted or incomplete")]
    [InlineData("model-truncated", 1, null, false, "E gguf_init_from_reader: failed to read key-value pairs")]
    [InlineData("model-missing", 1, null, false, "E gguf_init_from_file: failed to open GGUF file '/store/x.gguf' (No such file or directory)")]
    [InlineData("tensor-missing", 1, null, false, "E llama_model_load: check_tensor_dims: tensor 'blk.2.attn_q.weight' not found")]
    [InlineData("template-broken", 1, null, false, "E srv    load_model: failed to initialize chat template")]
    [InlineData("missing-lib", 127, null, false, "llama-server: error while loading shared libraries: libllama.so.0: cannot open shared object file: No such file or directory")]
    [InlineData("missing-lib", 127, null, false, "llama-server: symbol lookup error: llama-server: undefined symbol: llama_decode")]
    [InlineData("no-backend", 1, null, false, "E llama_model_load_from_file_impl: no backends are loaded. hint: use ggml_backend_load()")]
    [InlineData("flag-rejected", 1, null, false, "error: invalid argument: --no-mmap")]
    [InlineData("driver-mismatch", 1, null, false, "E ggml_cuda_init: failed to initialize CUDA: CUDA driver version is insufficient for CUDA runtime version")]
    [InlineData("bind-misreport", 1, null, false, "E srv  llama_server: couldn't bind HTTP server socket, hostname: ./engine.sock, port: 0")]
    [InlineData("vulkan-device-lost", null, 6, true, "  what():  vk::Queue::submit: ErrorDeviceLost")]
    [InlineData("rocm-fault", null, 6, true, "Memory access fault by GPU node-1 (Agent handle: 0x1) on address 0x7f0.")]
    [InlineData("thread-exhaustion", null, 6, false, "  what():  Resource temporarily unavailable")]
    [InlineData("illegal-instruction", null, 4, false, "")]
    [InlineData("model-cut-while-mapped", null, 7, true, "")]
    [InlineData("engine-exited", null, 11, true, "")]
    [InlineData("engine-exited", null, 9, true, "")]
    [InlineData("boot-refused", 1, null, false, "")]
    public void The_end_of_an_engine_has_a_cause(string code, int? exit, int? killed, bool ready, string line) =>
        Assert.Equal(code, Diagnosis.Of(End(exit, killed, ready, null, "0.01.000.000 I srv  llama_server: initializing ...", line), Engine).Condition.Code);

    [Fact]
    public void What_may_still_go_well_is_not_the_cause()
    {
        var cause = Diagnosis.Of(End(1, null, false, null, "W cudaMalloc failed: out of memory, retrying without pipeline parallelism", "E something else: error"), Engine);
        Assert.Equal("boot-refused", cause.Condition.Code);
    }

    [Theory]
    [InlineData(Shortage.Group, "oom-kill-cgroup")]
    [InlineData(Shortage.Machine, "oom-kill-global")]
    [InlineData(null, "engine-exited")]
    public void A_kill_is_for_want_of_memory_only_where_the_kernel_counted_one(Shortage? counted, string code) =>
        Assert.Equal(code, Diagnosis.Of(End(null, 9, true, counted), Engine).Condition.Code);

    [Fact]
    public void A_log_that_quotes_a_request_is_not_told()
    {
        var cause = Diagnosis.Of(End(null, 6, true, null, "1.02.003.004 E srv    operator(): error: parse error near 'my secret prompt'"), Engine);
        Assert.DoesNotContain("secret", cause.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "exec-failed")]
    [InlineData(8, "exec-failed")]
    [InlineData(13, "exec-failed")]
    [InlineData(11, "thread-exhaustion")]
    [InlineData(0, "boot-refused")]
    public void A_process_that_did_not_come_to_be_has_a_cause(int error, string code) =>
        Assert.Equal(code, Diagnosis.Of(new Signal.StartFailed(new SpecId("s"), new WorkloadName("chat"), "no", error)).Condition.Code);

    [Theory]
    [InlineData("NVRM: Xid (PCI:0000:05:00): 79, pid=1, GPU has fallen off the bus.", "gpu-off-bus", "accelerator/0000:05:00")]
    [InlineData("NVRM: Xid (PCI:0000:05:00): 31, pid=1234, name=llama-server", "xid-app", "accelerator/0000:05:00")]
    [InlineData("NVRM: Xid (PCI:0000:05:00): 119, pid=1234", "xid-reset", "accelerator/0000:05:00")]
    [InlineData("amdgpu 0000:c5:00.0: amdgpu: ring gfx_0.0.0 timeout, signaled seq=1", "vulkan-device-lost", "accelerator")]
    [InlineData("EXT4-fs (sda1): Remounting filesystem read-only", "fs-read-only", "host")]
    [InlineData("Buffer I/O error on dev sdb1, logical block 7", "io-error", "disk")]
    [InlineData("nvme nvme0: I/O 12 QID 3 timeout, reset controller", "io-error", "disk")]
    [InlineData("INFO: task llama-server:99 blocked for more than 120 seconds.", "kernel-hung-task", "host")]
    public void A_line_of_the_kernel_means_something(string line, string code, string subject)
    {
        var (condition, about) = KernelLog.Of(line)!.Value;
        Assert.Equal((code, subject), (condition.Code, about));
    }

    [Theory]
    [InlineData("NVRM: Xid (PCI:0000:05:00): 43, pid=1234")]
    [InlineData("usb 1-1: new high-speed USB device number 2")]
    [InlineData("NVRM: Xid (PCI")]
    [InlineData("")]
    public void Other_lines_mean_nothing(string line) => Assert.Null(KernelLog.Of(line));

    [Theory]
    [InlineData("load_tensors: offloaded 4/9 layers to GPU", null, "partial-offload")]
    [InlineData("load_tensors: offloaded 9/9 layers to GPU", null, null)]
    [InlineData("load_tensors: offloaded 4/9 layers to GPU", 4, null)]
    [InlineData("load_tensors: offloaded 3/9 layers to GPU", 4, "partial-offload")]
    [InlineData("load_tensors: offloaded 9/9 layers to GPU", 99, null)]
    [InlineData("load_tensors: offloaded some/9 layers to GPU", null, null)]
    [InlineData("load_tensors: offloaded 99999999999/9 layers to GPU, offloaded 1/9 layers to GPU", null, "partial-offload")]
    [InlineData("offloaded ", null, null)]
    [InlineData("warning: no usable GPU found, --gpu-layers option will be ignored", null, "silent-cpu-fallback")]
    public void An_engine_that_serves_says_what_it_does_less_well(string line, int? layers, string? code)
    {
        var ready = new Signal.InstanceReady(new InstanceId("i"), new SpecId("s"), new WorkloadName("chat"), TimeSpan.FromSeconds(1)) { Lines = ["srv: loading", line, "srv: ready"] };
        Assert.Equal(code, Diagnosis.Of(ready, Engine, layers)?.Condition.Code);
    }

    [Fact]
    public void Every_condition_is_declared_once_and_every_symptom_and_cause_is_a_condition()
    {
        Assert.Equal(Conditions.All.Length, Conditions.All.Select(c => c.Code).Distinct().Count());
        Assert.All(Conditions.All.SelectMany(c => c.SymptomOf), code => Assert.NotNull(Conditions.Find(code)));
        Assert.All(Engine.Symptoms, s => Assert.NotNull(Conditions.Find(s.Condition)));
    }

    private static Signal.InstanceExited End(int? exit, int? killed, bool ready, Shortage? shortage, params string[] lines) => new()
    {
        Id = new InstanceId("i"),
        Spec = new SpecId("s"),
        Workload = new WorkloadName("chat"),
        Pid = 1,
        ExitCode = exit,
        KilledBy = killed,
        WasReady = ready,
        Asked = false,
        Uptime = TimeSpan.FromSeconds(9),
        LastLines = [.. lines],
        KilledFor = shortage,
    };
}

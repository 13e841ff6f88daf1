using System.Collections.Frozen;

namespace Medulla.Core.Incidents;

/// <summary>The declared vocabulary of problems.</summary>
public static class Conditions
{
    public static readonly Condition EngineExited = new("engine-exited", Layer.Engine, Severity.Warning, "engine exited", "An engine process ended unasked, and nothing says why. It is started again at once, later with a back-off.");
    public static readonly Condition BootRefused = new("boot-refused", Layer.Engine, Severity.Warning, "engine refused to start", "An engine process ended before it could produce a token, or could not be started, for a reason that is not known.");
    public static readonly Condition CrashLoop = new("crash-loop", Layer.Engine, Severity.Critical, "engine keeps crashing", "The crash budget of this instance is spent. Another build, quantisation or model serves if there is one; this one is tried again later.");
    public static readonly Condition EngineHung = new("hang-health-ok", Layer.Engine, Severity.Critical, "engine makes no progress", "An engine has work and neither its counters, nor its bytes, nor its computing time move. Its group is killed and it is started again.") { Quiet = TimeSpan.FromSeconds(60) };
    public static readonly Condition EngineUnresponsive = new("engine-unresponsive", Layer.Engine, Severity.Critical, "engine does not answer", "An engine that has nothing to do does not answer a tiny prompt any more, or never came up. Its group is killed and it is started again.") { Quiet = TimeSpan.FromSeconds(60), SymptomOf = ["engine-stopped", "hang-health-ok", "hang-unkillable"] };
    public static readonly Condition EngineStopped = new("engine-stopped", Layer.Engine, Severity.Critical, "engine is stopped", "The process of an engine is stopped by a signal. It is killed by group, not continued: what it held is stale.") { Quiet = TimeSpan.FromSeconds(30) };
    public static readonly Condition EngineUnkillable = new("hang-unkillable", Layer.Engine, Severity.Critical, "engine cannot be killed", "A process that was killed is still there: it waits in the kernel. Nothing is started on the same device until it is gone, or the machine is started anew.");
    public static readonly Condition RequestOfDeath = new("request-of-death", Layer.Engine, Severity.Warning, "a request kills the engine", "Engines died soon after one and the same request, more than once. That request is refused for a while; others are served.");
    public static readonly Condition MissingLibrary = new("missing-lib", Layer.Engine, Severity.Critical, "a library of the engine is missing", "The engine could not be loaded: a file of its build is missing or is another one. The build is verified and fetched again, else another one is used.") { IsLasting = true };
    public static readonly Condition IllegalInstruction = new("illegal-instruction", Layer.Engine, Severity.Critical, "the engine uses what this CPU lacks", "The engine ended by an illegal instruction: its build is damaged, or is not made for this CPU.") { Quiet = TimeSpan.FromSeconds(60), IsLasting = true };
    public static readonly Condition ExecFailed = new("exec-failed", Layer.Engine, Severity.Critical, "the engine cannot be executed", "The system refused to execute the engine: it is missing, has no right to be executed, or is made for another machine.") { IsLasting = true };
    public static readonly Condition NoBackend = new("no-backend", Layer.Engine, Severity.Critical, "the engine has nothing to compute on", "The engine found none of its backends. Its build is verified and fetched again, else another one is used.") { IsLasting = true };
    public static readonly Condition FlagRejected = new("flag-rejected", Layer.Engine, Severity.Warning, "the engine does not know a flag", "A build refused an argument that it was given. What it knows is asked again; else the previous build is used.") { IsLasting = true };
    public static readonly Condition BindFailed = new("bind-misreport", Layer.Engine, Severity.Warning, "the engine cannot listen", "The engine could not open its socket.");

    public static readonly Condition TemplateBroken = new("template-broken", Layer.Model, Severity.Warning, "chat template cannot be used", "The engine could not read the chat template of the model.") { IsAboutArtifact = true, IsLasting = true };

    public static readonly Condition SecretMismatch = new("secret-mismatch", Layer.Engine, Severity.Warning, "the engine refuses our key", "The engine answers 401 to our own probe. It is started again with a new key.");
    public static readonly Condition EngineRefused = new("engine-unusable", Layer.Engine, Severity.Warning, "engine build cannot be used", "A build on this device does not say what it is when asked.");
    public static readonly Condition OrphanedEngine = new("orphaned-engine", Layer.Engine, Severity.Notice, "engine without an owner", "A process of an earlier run could not be adopted and is ended.");

    public static readonly Condition ModelTruncated = new("model-truncated", Layer.Model, Severity.Critical, "model file is cut short", "The engine found less in the file of the model than its header promises. It is hashed; if it is not what was verified it is fetched again.") { IsAboutArtifact = true, IsLasting = true };
    public static readonly Condition ModelNotGguf = new("model-not-gguf", Layer.Model, Severity.Critical, "model file is something else", "The file of the model does not begin as a model does.") { IsAboutArtifact = true, IsLasting = true };
    public static readonly Condition ModelMissing = new("model-missing", Layer.Model, Severity.Critical, "model file is gone", "The engine could not open the file of the model.");
    public static readonly Condition ModelCutWhileMapped = new("model-cut-while-mapped", Layer.Model, Severity.Critical, "model file changed under the engine", "The engine ended by a bus error: a file that it had mapped shrank, or memory failed. Its files are hashed before they are used again.") { Quiet = TimeSpan.FromSeconds(30) };
    public static readonly Condition ArchitectureUnknown = new("arch-unknown", Layer.Model, Severity.Warning, "engine does not know this kind of model", "The build is too old for the architecture of the model. A newer build or another model is used.") { IsAboutArtifact = true, IsLasting = true };
    public static readonly Condition FormatNewer = new("gguf-format-newer", Layer.Model, Severity.Warning, "model file is of a newer format", "The build is too old for the format of the file.") { IsAboutArtifact = true, IsLasting = true };
    public static readonly Condition TensorMissing = new("tensor-missing", Layer.Model, Severity.Warning, "a tensor of the model is missing", "The file lacks a tensor that the engine expects, or has one of another shape.") { IsAboutArtifact = true, IsLasting = true };
    public static readonly Condition ArtifactDamaged = new("artifact-damaged", Layer.Model, Severity.Warning, "artifact damaged", "A file in the store was no longer what was verified. It was set aside and is fetched again.") { SymptomOf = ["io-error"] };
    public static readonly Condition ModelUnavailable = new("model-unavailable", Layer.Model, Severity.Critical, "no model can be had", "A workload has no model: none is eligible and fits, or none can be fetched.");

    public static readonly Condition NanLogits = new("nan-logits", Layer.Answer, Severity.Critical, "the model answers with one character", "Answers repeat one character, or their probabilities are not numbers. The file is hashed, then the cache type, build and quantisation are changed one by one.") { Quiet = TimeSpan.FromSeconds(60) };
    public static readonly Condition WrongAnswers = new("gibberish-template", Layer.Answer, Severity.Critical, "answers are wrong", "The model does not answer its golden prompts as it should, although it did before.") { Quiet = TimeSpan.FromSeconds(60) };
    public static readonly Condition SlowRegression = new("slow-regression", Layer.Answer, Severity.Warning, "slower than it was", "Decoding is much slower than this device has measured itself, and nothing else takes the computing time.") { Quiet = TimeSpan.FromSeconds(300), SymptomOf = ["thermal-throttle", "swap-thrash", "uma-exhaustion", "silent-cpu-fallback", "partial-offload"] };

    public static readonly Condition OutOfMemoryLoading = new("oom-load-host", Layer.Memory, Severity.Critical, "too little memory to load", "The engine could not allocate memory on the host while it loaded. Less context, fewer slots or a smaller model is tried.") { Quiet = TimeSpan.FromSeconds(60), IsLasting = true };
    public static readonly Condition OutOfDeviceMemory = new("oom-load-device", Layer.Memory, Severity.Critical, "too little memory on the accelerator", "The engine could not allocate memory on the accelerator while it loaded.") { Quiet = TimeSpan.FromSeconds(60), IsLasting = true };
    public static readonly Condition KilledByGroupLimit = new("oom-kill-cgroup", Layer.Memory, Severity.Critical, "killed at the memory limit of its group", "The kernel killed the engine at the memory limit of its control group. It is started with less.") { Quiet = TimeSpan.FromSeconds(120) };
    public static readonly Condition KilledByKernel = new("oom-kill-global", Layer.Memory, Severity.Critical, "killed because memory was short", "The kernel killed the engine because the machine ran out of memory. It is started with less.") { Quiet = TimeSpan.FromSeconds(120) };
    public static readonly Condition OutOfMemoryServing = new("oom-first-long-request", Layer.Memory, Severity.Critical, "out of memory while serving", "The engine loaded, and ran out of memory at a request.") { Quiet = TimeSpan.FromSeconds(120) };
    public static readonly Condition MemoryShort = new("uma-exhaustion", Layer.Memory, Severity.Warning, "memory is nearly used up", "Less memory is left than the hard reserve. The guard acts before the kernel must: caches go first, then the engine that was started last is given less.") { Quiet = TimeSpan.FromSeconds(60), SymptomOf = ["swap-thrash"] };
    public static readonly Condition SwapThrash = new("swap-thrash", Layer.Memory, Severity.Warning, "memory is swapped to the disk", "Pages go to the disk and come back all the time: whatever runs is many times slower.") { Quiet = TimeSpan.FromSeconds(120) };

    public static readonly Condition SilentFallback = new("silent-cpu-fallback", Layer.Accelerator, Severity.Warning, "serves on the CPU instead of the accelerator", "The engine was to compute on an accelerator and does not. It serves meanwhile; another start, backend or build is tried.") { Quiet = TimeSpan.FromSeconds(60), SymptomOf = ["gpu-off-bus", "driver-mismatch", "xid-reset"] };
    public static readonly Condition PartialOffload = new("partial-offload", Layer.Accelerator, Severity.Warning, "only a part is on the accelerator", "Fewer layers are on the accelerator than planned.") { Quiet = TimeSpan.FromSeconds(60) };
    public static readonly Condition DriverMismatch = new("driver-mismatch", Layer.Accelerator, Severity.Critical, "driver does not match", "The driver of the accelerator is too old for the engine, or is not the one that is loaded.") { IsLasting = true };
    public static readonly Condition GpuOffBus = new("gpu-off-bus", Layer.Accelerator, Severity.Critical, "accelerator is gone", "The accelerator has fallen off the bus. The machine must be started anew.") { IsLasting = true };
    public static readonly Condition XidApplication = new("xid-app", Layer.Accelerator, Severity.Warning, "accelerator reported a fault of a program", "The driver reported a fault that a restart of the engine answers.") { Quiet = TimeSpan.FromSeconds(600) };
    public static readonly Condition XidReset = new("xid-reset", Layer.Accelerator, Severity.Critical, "accelerator needs a reset", "The driver reported a fault that only a reset of the accelerator or of the machine answers.");
    public static readonly Condition DeviceLost = new("vulkan-device-lost", Layer.Accelerator, Severity.Critical, "accelerator was lost in a request", "The driver lost the accelerator in the middle of a request.") { Quiet = TimeSpan.FromSeconds(120) };
    public static readonly Condition RocmFault = new("rocm-fault", Layer.Accelerator, Severity.Critical, "ROCm fault", "The accelerator reported a memory fault or an invalid program.") { Quiet = TimeSpan.FromSeconds(120) };
    public static readonly Condition ThermalThrottle = new("thermal-throttle", Layer.Accelerator, Severity.Warning, "too hot", "The machine or the accelerator slows itself down because of its temperature.") { Quiet = TimeSpan.FromSeconds(120) };
    public static readonly Condition LowPowerState = new("power-lowstate", Layer.Accelerator, Severity.Warning, "accelerator computes at a low clock", "The accelerator has work, its clock is a fraction of what it can be, and its driver gives no reason. A weak supply does that, and a power state that ends only when all power is taken away for a minute.") { Quiet = TimeSpan.FromSeconds(120) };

    public static readonly Condition DiskFull = new("disk-full", Layer.Storage, Severity.Warning, "no room on the disk", "A fetch needs more space than the disk or the policy allows.");
    public static readonly Condition DiskLow = new("disk-low", Layer.Storage, Severity.Warning, "disk is nearly full", "Little space is left where the device keeps its state. What is not needed is removed.");
    public static readonly Condition InodesLow = new("inode-exhaustion", Layer.Storage, Severity.Warning, "file system takes no more files", "No more files can be made, whatever space is left.");
    public static readonly Condition ReadOnly = new("fs-read-only", Layer.Storage, Severity.Critical, "file system is read-only", "The file system of the state cannot be written. What serves goes on; nothing new is begun.");
    public static readonly Condition IoError = new("io-error", Layer.Storage, Severity.Critical, "disk errors", "The kernel reported errors of a disk.");
    public static readonly Condition SlowDisk = new("slow-disk", Layer.Storage, Severity.Warning, "disk is slow", "Processes wait for the disk most of the time.") { Quiet = TimeSpan.FromSeconds(120) };

    public static readonly Condition DescriptorLeak = new("daemon-fd-leak", Layer.Host, Severity.Warning, "the daemon has many files open", "The daemon has used most of the files that it may open. Idle connections are closed, then it starts anew; engines go on.");
    public static readonly Condition ThreadExhaustion = new("thread-exhaustion", Layer.Host, Severity.Critical, "no more threads or processes", "The system refuses new threads or processes.");
    public static readonly Condition ProcessorsCrowded = new("cpu-contention", Layer.Host, Severity.Notice, "others have the processors", "Programs that are not ours have had most of the processors for a while. Engines are slower than they are; nothing is repaired, and no speed is measured, until it ends.") { Quiet = TimeSpan.FromSeconds(60) };
    public static readonly Condition ClockJump = new("clock-jump", Layer.Host, Severity.Notice, "the clock was changed", "The wall clock jumped. Waits are counted in boot time and go on as they were.");
    public static readonly Condition Resumed = new("sleep-resume", Layer.Host, Severity.Notice, "the machine slept", "The machine was suspended. Everything is looked at once more.");
    public static readonly Condition KernelTrouble = new("kernel-hung-task", Layer.Host, Severity.Critical, "the kernel is in trouble", "The kernel reported a task that hangs, a locked processor, or a fault of its own.");
    public static readonly Condition UnexpectedReboot = new("unexpected-reboot", Layer.Host, Severity.Notice, "the machine was started anew", "The machine came up again without a clean stop before.");
    public static readonly Condition SensorLost = new("sensor-lost", Layer.Host, Severity.Warning, "a sensor gives no data", "Something that is watched cannot be read any more.");
    public static readonly Condition MachineUnseen = new("machine-unseen", Layer.Host, Severity.Warning, "the machine could not be looked at whole", "A tool or a file that says what this machine is did not answer in time. The device serves with what is known and looks again, soon at first and every five minutes later.");
    public static readonly Condition ForeignProcess = new("foreign-process", Layer.Host, Severity.Warning, "something else uses the accelerator", "Memory of the accelerator is used by a process that is not ours. It is not touched.");

    public static readonly Condition EngineUnavailable = new("engine-unavailable", Layer.Network, Severity.Critical, "no engine can be had", "No source of the engine could be used. Each is tried again with a back-off.");
    public static readonly Condition SourceDown = new("mirror-down", Layer.Network, Severity.Warning, "sources cannot be reached", "No source of a file answers. What serves goes on; each is tried again with a back-off.") { SymptomOf = ["dns-failure"] };
    public static readonly Condition NameUnresolved = new("dns-failure", Layer.Network, Severity.Warning, "names are not resolved", "The names of the sources cannot be resolved. What serves goes on.");
    public static readonly Condition CertificateRefused = new("tls-intercept", Layer.Network, Severity.Warning, "certificate cannot be trusted", "A source shows a certificate that is not to be trusted: something stands between, or the clock is wrong. It is never used unchecked.");
    public static readonly Condition CertificateTime = new("tls-clock", Layer.Network, Severity.Warning, "certificate is out of its time", "A source shows a certificate that is not valid at the time that this clock shows.");
    public static readonly Condition ChecksumMismatch = new("checksum-mismatch", Layer.Network, Severity.Warning, "a source sent something else", "A source sent a file that is not the one that the catalog knows. It was thrown away.");
    public static readonly Condition CaptivePortal = new("captive-portal", Layer.Network, Severity.Warning, "a page instead of the file", "A source answers with a page, or sends in a circle: a portal wants somebody to sign in, or the address is another's. What serves goes on.");
    public static readonly Condition SourceGone = new("asset-renamed", Layer.Network, Severity.Warning, "a source does not have the file any more", "No source has the file under the name that the catalog knows. What serves goes on; a newer catalog may know better.");
    public static readonly Condition Gated = new("gated-model", Layer.Network, Severity.Warning, "a source asks for consent", "A source gives a file only to those who have signed in and agreed. Another source or model is used.");
    public static readonly Condition RateLimited = new("rate-limited", Layer.Network, Severity.Notice, "a source asks to wait", "A source limits how often it is asked. It is asked again when it says.");

    public static readonly Condition StateDamaged = new("state-damaged", Layer.State, Severity.Warning, "state file damaged", "A state file could not be read. It was set aside; the device goes on from the previous record, or from what it observes.");
    public static readonly Condition ConfigurationRefused = new("bad-desired-config", Layer.State, Severity.Warning, "the configuration cannot be used", "The intent cannot be read, or a folder that was given at the start is not there. The last intent that could be read is in force, and what is missing is passed over. An intent that is mended is taken by itself; for a folder the service is started anew.");
    public static readonly Condition TrialRefuted = new("trial-refuted", Layer.State, Severity.Notice, "change did not hold", "A change of target was tried and taken back. What was learned is in the lessons.");
    public static readonly Condition NothingHelps = new("remedies-spent", Layer.State, Severity.Critical, "nothing known helps", "Every remedy that is known was tried. What can still be served is served; the whole ladder is tried again later.");
    public static readonly Condition RebootWanted = new("reboot-request", Layer.State, Severity.Critical, "the machine should be started anew", "What is left is a new start of the machine. Policy says whether the device may do it by itself.");

    public static readonly ImmutableArray<Condition> All =
    [
        EngineExited, BootRefused, CrashLoop, EngineHung, EngineUnresponsive, EngineStopped,
        EngineUnkillable, RequestOfDeath, MissingLibrary, IllegalInstruction, ExecFailed, NoBackend,
        FlagRejected, BindFailed, TemplateBroken, SecretMismatch, EngineRefused, OrphanedEngine,
        ModelTruncated, ModelNotGguf, ModelMissing, ModelCutWhileMapped, ArchitectureUnknown, FormatNewer,
        TensorMissing, ArtifactDamaged, ModelUnavailable, NanLogits, WrongAnswers, SlowRegression,
        OutOfMemoryLoading, OutOfDeviceMemory, KilledByGroupLimit, KilledByKernel, OutOfMemoryServing, MemoryShort,
        SwapThrash, SilentFallback, PartialOffload, DriverMismatch, GpuOffBus, XidApplication,
        XidReset, DeviceLost, RocmFault, ThermalThrottle, LowPowerState, DiskFull, DiskLow,
        InodesLow, ReadOnly, IoError, SlowDisk, DescriptorLeak, ThreadExhaustion, ProcessorsCrowded,
        ClockJump, Resumed, KernelTrouble, UnexpectedReboot, SensorLost, MachineUnseen, ForeignProcess,
        EngineUnavailable, SourceDown, NameUnresolved, CertificateRefused, CertificateTime, ChecksumMismatch, CaptivePortal, SourceGone,
        Gated, RateLimited, StateDamaged, ConfigurationRefused, TrialRefuted, NothingHelps, RebootWanted,
    ];

    private static readonly FrozenDictionary<string, Condition> ByCode = All.ToFrozenDictionary(c => c.Code, StringComparer.Ordinal);

    public static Condition? Find(string code) => ByCode.GetValueOrDefault(code);

    /// <summary>What a code means; one that this release does not know (a newer one wrote it) names itself.</summary>
    public static Condition Of(string code) => Find(code) ?? new Condition(code, Layer.State, Severity.Warning, code.Replace('-', ' '), "A condition that this release does not know.");
}

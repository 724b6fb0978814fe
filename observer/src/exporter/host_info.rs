//! Facts of the host that do not change while the agent runs.

/// Facts of the host that do not change while the agent runs.
#[derive(Debug, Clone)]
pub struct HostInfo {
    /// Name of the host.
    pub host: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Method of the scan: `bpf` or `diag`.
    pub scan: &'static str,
    /// Attach mode of the hooks: `trampoline`, `tracepoint` or `none`.
    pub hooks: &'static str,
}

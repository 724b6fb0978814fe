//! Everything that was found out, before anything is made of it.

use rustix::thread::CapabilitySet;

use super::host::{self, BtfFacts, Lockdown};
use super::measure::Scanned;
use super::process::{self, Namespaces, Processes};
use super::programs::{self, HookFacts, OpenedHooks, WalkFacts};
use crate::diag::try_sock_diag;
use crate::host::KeepaliveSysctls;
use crate::host::tracefs::{TracefsError, TracefsPlace};
use crate::kernel::hooks::TrackedSockets;
use crate::source::{AttachMode, HooksChoice, ScanChoice};

/// Choices of the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// `--scan`
    pub scan: ScanChoice,
    /// `--hooks`
    pub hooks: HooksChoice,
}

/// Facts on this host. An `Err` says why something could not be had.
#[derive(Debug, Clone, PartialEq)]
pub struct DoctorFacts {
    /// Choices of the user.
    pub asked: Asked,
    /// Release of the kernel.
    pub kernel: String,
    /// Name of the host.
    pub host: String,
    /// The kernel's description of its types.
    pub btf: Result<BtfFacts, String>,
    /// The lockdown mode.
    pub lockdown: Result<Lockdown, String>,
    /// Effective capabilities.
    pub capabilities: Result<CapabilitySet, String>,
    /// Number of bytes that may be locked in memory; `None` for any number.
    pub memlock_limit: Option<u64>,
    /// `kernel.perf_event_paranoid`; `None` if it cannot be read.
    pub perf_event_paranoid: Option<i32>,
    /// `true` for an observer in the first user namespace, the one that capabilities count in.
    pub in_first_user_namespace: Option<bool>,
    /// `true` for one in the first PID namespace, which holds all processes.
    pub in_first_pid_namespace: Option<bool>,
    /// Seconds by which observer's monotonic clock differs from the kernel's.
    pub clock_offset_s: i64,
    /// Where the tracepoints of system calls are looked up.
    pub tracefs: Result<TracefsPlace, TracefsError>,
    /// The iterators.
    pub walks: Result<WalkFacts, String>,
    /// The hooks; `None` where none were asked for.
    pub hooks: Option<HookFacts>,
    /// sock_diag.
    pub sock_diag: Result<(), String>,
    /// Other processes and network namespaces.
    pub processes: Result<(Processes, Namespaces), String>,
    /// The keepalive sysctls of observer's network namespace.
    pub sysctls: Result<KeepaliveSysctls, String>,
    /// Attach modes of the hooks of another observer that runs; `Ok(None)` where none runs.
    pub notes: Result<Option<AttachMode>, String>,
    /// A scan, as `observer list` would do it.
    pub scan: Result<Scanned, String>,
}

impl DoctorFacts {
    pub(super) fn gather(asked: Asked) -> Self {
        let uname = rustix::system::uname();
        // Before hooks of our own, whose notes others could find.
        let notes = TrackedSockets::look_for_running_observers()
            .map(|notes| notes.first().and_then(TrackedSockets::mode))
            .map_err(|error| error.to_string());
        Self {
            asked,
            kernel: uname.release().to_string_lossy().into_owned(),
            host: uname.nodename().to_string_lossy().into_owned(),
            btf: host::btf(),
            lockdown: Lockdown::read(),
            capabilities: host::capabilities(),
            memlock_limit: host::memlock_limit(),
            perf_event_paranoid: host::perf_event_paranoid(),
            in_first_user_namespace: host::in_first_user_namespace(),
            in_first_pid_namespace: crate::host::pid_namespace::is_first(),
            clock_offset_s: host::clock_offset_s(),
            tracefs: host::tracefs(),
            walks: programs::walks(),
            hooks: (asked.hooks != HooksChoice::None).then(|| HookFacts::find(asked.hooks)),
            sock_diag: try_sock_diag().map_err(|error| with_cause(&error)),
            processes: process::look(),
            sysctls: KeepaliveSysctls::read().map_err(|error| error.to_string()),
            notes,
            scan: Scanned::now(asked.scan).map_err(|error| with_cause(&error)),
        }
    }

    /// `bpf` or `diag`; `None` where no scan works.
    #[must_use]
    pub fn scan_name(&self) -> Option<&'static str> {
        self.scan.as_ref().ok().map(|scan| scan.name)
    }

    /// `trampoline`, `tracepoint` or `none`.
    #[must_use]
    pub fn hooks_name(&self) -> &'static str {
        self.opened_hooks()
            .map_or("none", |hooks| hooks.mode.name())
    }

    /// The hooks as `observer trace` would have them.
    #[must_use]
    pub fn opened_hooks(&self) -> Option<&OpenedHooks> {
        self.hooks.as_ref()?.opened.as_ref().ok()
    }

    pub(super) fn scans_by_bpf(&self) -> bool {
        self.scan_name() == Some("bpf")
    }

    /// Possession of a capability; `false` where that cannot be found out.
    pub(super) fn holds(&self, capability: CapabilitySet) -> bool {
        let held = self.capabilities.as_ref();
        held.is_ok_and(|held| held.contains(capability))
    }
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

//! Reasons why the kernel's own ways do not work here.

use std::io;
use std::path::PathBuf;

use aya::programs::ProgramError;
use rustix::thread::CapabilitySet;
use thiserror::Error;

use super::btf::BtfError;
use super::layout::LayoutError;

/// File in which the kernel describes its own types.
pub const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// Reason why the kernel refuses the programs, or cannot be read by them. Each message is whole: there is no chain of causes
/// behind it.
#[derive(Debug, Error)]
pub enum KernelError {
    /// No BTF, or it may not be read.
    #[error("cannot read {}: {error}; the kernel must be built with CONFIG_DEBUG_INFO_BTF=y", path.display())]
    NoBtf {
        /// The file.
        path: PathBuf,
        /// Cause.
        error: io::Error,
    },
    /// The kernel's BTF is damaged.
    #[error("{BTF_PATH}: {0}")]
    Btf(BtfError),
    /// A field that observer needs is not there.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The kernel has no such iterator.
    #[error("this kernel has no {0} iterator (Linux 5.8 and later have)")]
    NoIterator(&'static str),
    /// The kernel refused.
    #[error("{step}: {reason}")]
    Refused {
        /// Step that was refused.
        step: &'static str,
        /// The kernel's reason.
        reason: String,
    },
    /// Not one hook could be attached.
    #[error("no hook can be attached here: {0}")]
    NoHook(String),
    /// The ring buffer cannot be read.
    #[error("waiting for events: {error}")]
    Events {
        /// Cause.
        error: io::Error,
    },
    /// Walking failed.
    #[error("reading the {iterator} iterator: {error}")]
    Read {
        /// Name of the iterator.
        iterator: &'static str,
        /// Cause.
        error: io::Error,
    },
    /// observer's own socket was not read as it is.
    #[error(
        "self-check: observer's own socket has {field} {expected}, what was read is {found}; this kernel lays out its structures in a way that observer does not understand"
    )]
    SelfCheck {
        /// Name of the field that differs.
        field: &'static str,
        /// Its true value.
        expected: String,
        /// Value that was read.
        found: String,
    },
}

impl KernelError {
    pub(super) fn refused(step: &'static str, error: impl std::error::Error + 'static) -> Self {
        Self::Refused {
            step,
            reason: reason(&error),
        }
    }

    pub(super) fn own_socket_is_missing() -> Self {
        Self::SelfCheck {
            field: "a descriptor",
            expected: "among those walked".into(),
            found: "nothing".into(),
        }
    }

    pub(super) fn calibrate(error: io::Error) -> Self {
        Self::Refused {
            step: "making a TCP socket to calibrate by",
            reason: error.to_string(),
        }
    }
}

/// Innermost cause of an error, with advice where there is any. The verifier's log is long and
/// goes to the trace output only.
pub(super) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    tracing::debug!("{error}");
    let chain = || std::iter::successors(Some(error), |cause| cause.source());
    let is_load = chain().any(|cause| {
        let program = cause.downcast_ref::<ProgramError>();
        matches!(program, Some(ProgramError::LoadError { .. }))
    });
    let io = chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    let Some(io) = io else {
        let text = chain().last().map(ToString::to_string).unwrap_or_default();
        return text.lines().next().unwrap_or_default().to_owned();
    };
    match io.raw_os_error() {
        Some(libc::EACCES) if is_load => {
            format!("{io}: the kernel's verifier refuses it; -vv shows why")
        }
        Some(libc::EACCES) => {
            format!("{io}: this user may not read tracefs or open the event; root may")
        }
        Some(libc::EPERM) if may_load() => format!("{io}; the host's policy forbids it"),
        Some(libc::EPERM) => format!("{io}; it needs root, or CAP_BPF and CAP_PERFMON"),
        _ => io.to_string(),
    }
}

/// `true` if this process has the capabilities that loading programs takes.
fn may_load() -> bool {
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON;
    rustix::thread::capabilities(None).is_ok_and(|held| {
        held.effective.contains(needed) || held.effective.contains(CapabilitySet::SYS_ADMIN)
    })
}

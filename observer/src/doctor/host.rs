//! Facts on the kernel and the place that observer has on it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use rustix::thread::CapabilitySet;

use crate::host::tracefs::{Tracefs, TracefsError, TracefsPlace};
use crate::kernel::btf::Btf;
use crate::kernel::error::BTF_PATH;
use crate::kernel::layout;

/// The kernel's lockdown mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lockdown {
    /// No lockdown.
    None,
    /// Root may not change the kernel.
    Integrity,
    /// Root may not read it either: no program reads kernel memory.
    Confidentiality,
}

impl Lockdown {
    /// The kernel's own name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Integrity => "integrity",
            Self::Confidentiality => "confidentiality",
        }
    }

    /// # Errors
    /// It cannot be read, which is not the same as none.
    pub(super) fn read() -> Result<Self, String> {
        const PATH: &str = "/sys/kernel/security/lockdown";
        let text =
            fs::read_to_string(PATH).map_err(|error| format!("cannot read {PATH}: {error}"))?;
        Self::parse(&text).ok_or_else(|| format!("{PATH} says {:?}", text.trim_end()))
    }

    /// Reads `none [integrity] confidentiality`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let chosen = words.find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))?;
        [Self::None, Self::Integrity, Self::Confidentiality]
            .into_iter()
            .find(|mode| mode.name() == chosen)
    }
}

/// Contents of the kernel's BTF, as far as observer needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BtfFacts {
    /// Number of fields that observer reads.
    pub fields: usize,
    /// Those that this kernel does not have, by observer's names for them.
    pub absent: Vec<&'static str>,
}

pub(super) fn btf() -> Result<BtfFacts, String> {
    let data = fs::read(BTF_PATH).map_err(|error| format!("cannot read {BTF_PATH}: {error}"))?;
    let btf = Btf::parse(data).map_err(|error| format!("{BTF_PATH}: {error}"))?;
    let facts = layout::resolve(&btf).map_err(|error| error.to_string())?;
    Ok(BtfFacts {
        fields: observer_common::Layout::SPEC.len(),
        absent: facts.absent,
    })
}

/// The effective capabilities of this process.
pub(super) fn capabilities() -> Result<CapabilitySet, String> {
    rustix::thread::capabilities(None)
        .map(|sets| sets.effective)
        .map_err(|error| error.to_string())
}

/// Number of bytes that this process may lock in memory; `None` for any number. Kernels before 5.11 count
/// eBPF maps among them.
pub(super) fn memlock_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Memlock).current
}

/// `kernel.perf_event_paranoid`
pub(super) fn perf_event_paranoid() -> Option<i32> {
    let text = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok()?;
    text.trim_ascii().parse().ok()
}

/// Inode number of the first user namespace, the same on every kernel (`PROC_USER_INIT_INO`).
const FIRST_USER: u64 = 0xefff_fffd;

/// Test for the host's first user namespace; `None` if that cannot be read.
pub(super) fn in_first_user_namespace() -> Option<bool> {
    is_inode("/proc/self/ns/user", FIRST_USER)
}

fn is_inode(path: &str, inode: u64) -> Option<bool> {
    Some(fs::metadata(path).ok()?.ino() == inode)
}

/// By how many seconds this time namespace's monotonic clock differs from the kernel's, in which
/// events and notes are stamped. 0 where the kernel has no time namespaces (before Linux 5.6).
pub(super) fn clock_offset_s() -> i64 {
    let text = fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
    parse_clock_offset(&text).unwrap_or(0)
}

/// Reads `monotonic SECONDS NANOSECONDS`, or the same with the clock's number, 1.
pub(crate) fn parse_clock_offset(text: &str) -> Option<i64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let clock = words.next()?;
        let seconds = words.next()?.parse().ok()?;
        matches!(clock, "monotonic" | "1").then_some(seconds)
    })
}

/// Place where the tracepoints of system calls can be looked up.
pub(super) fn tracefs() -> Result<TracefsPlace, TracefsError> {
    let tracefs = Tracefs::open()?;
    tracefs.tracepoint_id("syscalls", "sys_enter_setsockopt")?;
    Ok(tracefs.place().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_in_brackets_holds() {
        let parse = Lockdown::parse;
        assert_eq!(
            parse("[none] integrity confidentiality\n"),
            Some(Lockdown::None)
        );
        assert_eq!(
            parse("none [integrity] confidentiality\n"),
            Some(Lockdown::Integrity)
        );
        assert_eq!(
            parse("none integrity [confidentiality]\n"),
            Some(Lockdown::Confidentiality)
        );
        for strange in ["", "none", "[", "[]", "[total]", "none integrity ["] {
            assert_eq!(parse(strange), None, "{strange}");
        }
    }

    #[test]
    fn the_clock_may_be_named_or_numbered() {
        let text = "monotonic           0         0\nboottime            7         0\n";
        assert_eq!(parse_clock_offset(text), Some(0));
        assert_eq!(parse_clock_offset("monotonic  -86400   0\n"), Some(-86400));
        assert_eq!(parse_clock_offset("1 5 0\n7 6 0\n"), Some(5));
        for strange in ["", "monotonic", "monotonic x 0", "boottime 1 0"] {
            assert_eq!(parse_clock_offset(strange), None, "{strange}");
        }
    }
}

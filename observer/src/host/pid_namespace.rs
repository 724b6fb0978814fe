//! PID namespace of this process: what runs outside of it is not seen.

use std::os::unix::fs::MetadataExt as _;

/// Inode number of the first PID namespace, the same on every kernel (`PROC_PID_INIT_INO`).
pub const FIRST: u64 = 0xefff_fffc;

/// What is lost in another.
pub const HIDDEN_PROCESSES: &str =
    "observer is in a PID namespace of its own, and processes outside of it are not seen";

/// True in the host's first PID namespace, from which every process is seen; `None` where that cannot be
/// read.
#[must_use]
pub fn is_first() -> Option<bool> {
    let namespace = std::fs::metadata("/proc/self/ns/pid").ok()?;
    Some(namespace.ino() == FIRST)
}

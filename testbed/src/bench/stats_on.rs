//! The kernel's own count of what BPF programs take.

use std::{
    io,
    os::fd::{FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};

/// `BPF_ENABLE_STATS` and `BPF_STATS_RUN_TIME` of `include/uapi/linux/bpf.h`.
const ENABLE_STATS: libc::c_int = 32;
const RUN_TIME: u32 = 0;

/// Counts and times every run of every BPF program while this lives, which takes a little itself.
/// However this process ends, the kernel stops.
pub(super) fn count_runs() -> Result<OwnedFd> {
    let attribute: u32 = RUN_TIME;
    // SAFETY: the kernel reads the first member of its union, of the size that is given.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            ENABLE_STATS,
            &raw const attribute,
            size_of_val(&attribute),
        )
    };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0);
    let fd = fd
        .ok_or_else(io::Error::last_os_error)
        .context("the kernel does not count what BPF programs take")?;
    // SAFETY: the kernel has just made it, for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

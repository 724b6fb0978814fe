//! Clock of tracked sockets and events.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;

/// Time by the clock of tracked sockets and events.
#[inline(always)]
pub(crate) fn now_ns() -> u64 {
    // SAFETY: no arguments.
    unsafe { bpf_ktime_get_ns() }
}

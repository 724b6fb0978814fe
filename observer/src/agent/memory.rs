//! Memory that a look or an answer needed goes back to the kernel afterwards.

/// Blocks of this size and above have mappings of their own, which are gone when they are freed.
const OWN_MAPPING_BYTES: i32 = 128 * 1024;

/// Heaps that threads share. By itself glibc makes one for each thread, up to eight times as many
/// as there are CPUs, and each keeps what its busiest moment took.
const HEAPS: i32 = 2;

/// Sets up the allocator for a process that needs much memory for a moment, and little for long.
///
/// glibc raises the size from which blocks have mappings of their own to that of the largest block
/// freed, up to 32 MiB: after the kernel's BTF, or the first scan of every socket, such blocks come
/// from the heap, and what lives longer behind them keeps them resident. `cargo xtask bench agent`
/// shows what that comes to.
pub(super) fn set_up() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [
        (libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES),
        (libc::M_ARENA_MAX, HEAPS),
    ] {
        // SAFETY: sets a parameter of the allocator, which may be done at any time.
        let was_set = unsafe { libc::mallopt(parameter, value) };
        tracing::debug!(parameter, value, was_set, "the allocator");
    }
    #[cfg(not(target_env = "gnu"))]
    tracing::debug!(OWN_MAPPING_BYTES, HEAPS, "another allocator, left as it is");
}

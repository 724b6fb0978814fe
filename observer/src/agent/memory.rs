//! Memory that a sweep or an answer needed goes back to the kernel afterwards.

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

/// Gives the kernel back what lies free between blocks that are in use.
///
/// glibc gives back by itself only what is free at a heap's end. What requests leave free below that
/// stays resident: under `cargo xtask soak`, 10 MiB beside 3 MiB in use. This takes less than a
/// millisecond there.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no block in use is touched; other threads wait meanwhile.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anonymous_kib() -> u64 {
        let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
        let mut lines = text.lines();
        let value = lines
            .find_map(|line| line.strip_prefix("Anonymous:"))
            .unwrap();
        value.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }

    #[test]
    #[cfg_attr(not(target_env = "gnu"), ignore = "another allocator")]
    fn what_is_free_between_blocks_goes_back() {
        const BLOCK: usize = 64 * 1024;
        const BLOCKS: usize = 1024;
        const FREED_KIB: u64 = (BLOCK * BLOCKS / 1024) as u64;
        // Small ones, in use, keep those around them from being a heap's end.
        let (large, small): (Vec<_>, Vec<_>) = (0..BLOCKS)
            .map(|_| (vec![1_u8; BLOCK], vec![1_u8; 64]))
            .unzip();
        drop(large);
        let before_kib = anonymous_kib();
        give_back();
        let after_kib = anonymous_kib();
        assert!(
            after_kib + FREED_KIB / 2 < before_kib,
            "{before_kib} KiB, then {after_kib}"
        );
        drop(small);
    }
}

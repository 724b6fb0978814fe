//! Memory that a look needed goes back to the kernel when the look is over.

/// Blocks of this size and above have mappings of their own, which are gone when they are freed.
const OWN_MAPPING_BYTES: i32 = 128 * 1024;

/// Holds glibc to the threshold that it begins with. By itself it raises that to the size of the
/// largest block freed, up to 32 MiB: after the first scan of every socket, or the kernel's BTF,
/// such blocks come from the heap, and what lives longer behind them keeps them resident. 3 to 6 MiB
/// on an idle host.
pub(super) fn give_back_large_blocks() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: sets a parameter of the allocator, at any time.
        let was_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES) };
        tracing::debug!(was_set, "the allocator's threshold");
    }
    #[cfg(not(target_env = "gnu"))]
    tracing::debug!(OWN_MAPPING_BYTES, "another allocator: its own threshold");
}

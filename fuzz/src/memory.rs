//! Counts the memory in use. libFuzzer's own `-malloc_limit_mb` needs a sanitizer, which the stable
//! compiler has not.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with a count.
pub(crate) struct Counting;

/// Begins to look for the most; says how much is in use.
pub(crate) fn start() -> usize {
    let in_use = IN_USE.load(Relaxed);
    MOST.store(in_use, Relaxed);
    in_use
}

/// The most that was in use at a time beyond `before`.
pub(crate) fn most_since(before: usize) -> usize {
    MOST.load(Relaxed).saturating_sub(before)
}

fn taken(len: usize) {
    let in_use = IN_USE.fetch_add(len, Relaxed).wrapping_add(len);
    MOST.fetch_max(in_use, Relaxed);
}

fn freed(len: usize) {
    IN_USE.fetch_sub(len, Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps `alloc_zeroed`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        freed(layout.size());
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_len: usize) -> *mut u8 {
        freed(layout.size());
        taken(new_len);
        // SAFETY: the caller keeps `realloc`'s contract.
        unsafe { System.realloc(pointer, layout, new_len) }
    }
}

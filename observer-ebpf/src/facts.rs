//! What user space says before and while the hooks run.

use core::ptr;

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use observer_common::hook::{HookFacts, Switch};

/// Filled in by user space before the programs are loaded.
#[unsafe(no_mangle)]
static HOOK_FACTS: HookFacts = HookFacts::EMPTY;

#[map]
static SWITCH: Array<Switch> = Array::with_max_entries(1, 0);

/// One of [`HookFacts`]' members; for the verifier, which knows the global, a constant.
macro_rules! fact {
    ($name:ident) => {{
        let facts = crate::facts::hook_facts();
        // SAFETY: the global lives as long as the program.
        unsafe { core::ptr::read_volatile(&raw const (*facts).$name) }
    }};
}
pub(crate) use fact;

pub(crate) fn hook_facts() -> *const HookFacts {
    ptr::addr_of!(HOOK_FACTS)
}

/// What user space has switched on.
#[inline(always)]
pub(crate) fn switch() -> Switch {
    SWITCH.get(0).copied().unwrap_or_default()
}

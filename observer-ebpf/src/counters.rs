//! Counters of the hooks.

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use observer_common::Counters;

#[map]
static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(1, 0);

/// Changes this processor's counters.
#[inline(always)]
pub(crate) fn count(change: impl FnOnce(&mut Counters)) {
    if let Some(counters) = COUNTERS.get_ptr_mut(0) {
        // SAFETY: only this processor writes here; a program that interrupts another may lose one.
        change(unsafe { &mut *counters });
    }
}

//! The object of the hooks: its maps, and programs that the kernel has not seen yet.

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};

use super::facts::Found;
use crate::kernel::load::{self, KernelError};

static OBJECT: &[u8] = aya::include_bytes_aligned!("../hooks.bpf.o");

/// How much the hooks may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Sockets that are remembered.
    pub notes: u32,
    /// Bytes of events that wait to be read: a power of two, at least a page.
    pub events_bytes: u32,
}

impl Capacity {
    /// A thousandth of the machine's memory for notes, and room for some 7,000 events.
    #[must_use]
    pub fn for_this_host() -> Self {
        /// A note with its key and the map's own part.
        const BYTES_A_NOTE: u64 = 192;
        let info = rustix::system::sysinfo();
        let memory = info.totalram.saturating_mul(u64::from(info.mem_unit));
        let notes = (memory / 1000 / BYTES_A_NOTE).clamp(16_384, 1_048_576);
        Self {
            notes: u32::try_from(notes).unwrap_or(16_384),
            events_bytes: 1 << 21,
        }
    }
}

/// The maps, and the programs as the kernel has not seen them yet.
pub(super) fn load_object(found: &Found, capacity: Capacity) -> Result<Ebpf, KernelError> {
    load::new_loader()
        .btf(None)
        .override_global("LAYOUT", &found.layout.layout, true)
        .override_global("KEEPOPEN_BIT", &found.layout.keepopen_bit, true)
        .override_global("HOOK_FACTS", &found.facts, true)
        .map_max_entries("OBSERVER_NOTES", capacity.notes)
        .map_max_entries("LISTENERS", (capacity.notes / 8).max(1024))
        .map_max_entries("PENDING", 4096)
        .map_max_entries("EVENTS", capacity.events_bytes)
        .load(OBJECT)
        .map_err(|error| KernelError::refused("creating the eBPF maps", error))
}

pub(super) fn open_events(ebpf: &mut Ebpf) -> Result<RingBuf<MapData>, KernelError> {
    RingBuf::try_from(load::take_map(ebpf, "EVENTS")?)
        .map_err(|error| KernelError::refused("opening the eBPF maps", error))
}

//! Object of the hooks: its maps, and programs that the kernel has not seen yet.

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};

use super::btf::HookBtf;
use super::log::LogChoice;
use crate::kernel::error::KernelError;
use crate::kernel::load;

static OBJECT: &[u8] = aya::include_bytes_aligned!("../hooks.bpf.o");

/// Room for what the hooks hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Number of sockets that can be tracked.
    pub tracked: u32,
    /// Bytes of events that wait to be read: a power of two, at least a page.
    pub events_bytes: u32,
}

impl Capacity {
    /// A thousandth of the machine's memory for tracked sockets, and room for some 7,000 events.
    #[must_use]
    pub fn for_this_host() -> Self {
        /// An entry with its key and the map's own part.
        const BYTES_AN_ENTRY: u64 = 192;
        let info = rustix::system::sysinfo();
        let memory = info.totalram.saturating_mul(u64::from(info.mem_unit));
        let tracked = (memory / 1000 / BYTES_AN_ENTRY).clamp(16_384, 1_048_576);
        Self {
            tracked: u32::try_from(tracked).unwrap_or(16_384),
            events_bytes: 1 << 21,
        }
    }
}

/// Maps, and the programs as the kernel has not seen them yet.
pub(super) fn load_object(
    btf: &HookBtf,
    capacity: Capacity,
    log: LogChoice,
) -> Result<Ebpf, KernelError> {
    load::new_loader()
        .btf(None)
        .override_global("LAYOUT", &btf.layout.layout, true)
        .override_global("KEEPOPEN_BIT", &btf.layout.keepopen_bit, true)
        .override_global("HOOK_FACTS", &btf.facts, true)
        .override_global("AYA_LOG_LEVEL", &log.level(), true)
        .map_max_entries("AYA_LOGS", log.buffer_bytes())
        .map_max_entries("OBSERVER_NOTES", capacity.tracked)
        .map_max_entries("LISTENERS", (capacity.tracked / 8).max(1024))
        .map_max_entries("PENDING", 4096)
        .map_max_entries("EVENTS", capacity.events_bytes)
        .load(OBJECT)
        .map_err(|error| KernelError::refused("creating the eBPF maps", error))
}

pub(super) fn open_events(ebpf: &mut Ebpf) -> Result<RingBuf<MapData>, KernelError> {
    RingBuf::try_from(load::take_map(ebpf, "EVENTS")?)
        .map_err(|error| KernelError::refused("opening the eBPF maps", error))
}

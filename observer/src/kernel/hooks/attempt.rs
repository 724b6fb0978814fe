//! Each hook tried in each way and taken back, to say which of them this host refuses.

use super::attach::{detach_all, try_way};
use super::facts::{missing_fields, read_btf};
use super::object::{Capacity, load_object, open_events};
use super::plan::{Hook, Way};
use super::tracepoint::Tracepoints;
use crate::kernel::load::KernelError;

/// How one hook fared in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which.
    pub hook: Hook,
    /// How; `None` for the hook that has one way only.
    pub way: Option<Way>,
    /// Why it cannot be attached so; `None` if it was.
    pub why: Option<String>,
}

/// What all attempts together tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// Each hook in each of its ways.
    pub hooks: Vec<Attempt>,
    /// Why the ring buffer cannot be read; `None` if it can.
    pub ring_buffer: Option<String>,
    /// Whether programs can make a cookie for a socket that has none (Linux 5.12 and later).
    pub has_cookie_helper: bool,
}

/// Loads, attaches and detaches each hook in each way. Nothing is told meanwhile, others find no
/// notes, and nothing stays.
///
/// # Errors
/// What no hook can do without is missing: BTF, a field, permission to make maps.
pub fn try_each_way() -> Result<Attempts, KernelError> {
    /// Nothing is kept: the least that the kernel takes.
    const CAPACITY: Capacity = Capacity {
        notes: 1024,
        events_bytes: 1 << 16,
    };
    let found = read_btf()?;
    let mut ebpf = load_object(&found, CAPACITY)?;
    // Programs refer to the map: it is kept until they have been tried.
    let ring_buffer = open_events(&mut ebpf);
    let mut tracepoints = Tracepoints::default();
    let mut hooks = Vec::new();
    for hook in Hook::ALL {
        let missing = missing_fields(&found, hook);
        for way in hook.distinct_ways() {
            let tried = try_way(&mut ebpf, &mut tracepoints, &found, hook, way, &missing);
            detach_all(&mut ebpf, &mut tracepoints, hook, way);
            hooks.push(Attempt {
                hook,
                way,
                why: tried.err(),
            });
        }
    }
    Ok(Attempts {
        hooks,
        ring_buffer: ring_buffer.err().map(|error| error.to_string()),
        has_cookie_helper: found.facts.has_cookie_helper != 0,
    })
}

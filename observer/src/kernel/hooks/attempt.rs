//! Attempts: each hook attached in each mode and taken back, to learn which of them this host
//! refuses.

use observer_common::AttachMode;

use super::attach::{detach_all, try_mode};
use super::btf::{missing_fields, read_btf};
use super::log::LogChoice;
use super::object::{Capacity, load_object, open_events};
use super::plan::Hook;
use super::tracepoint::Tracepoints;
use crate::kernel::error::KernelError;

/// Outcome of one hook in one mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The hook.
    pub hook: Hook,
    /// Mode; `None` for the hook that has one only.
    pub mode: Option<AttachMode>,
    /// Reason why it cannot be attached so; `None` if it was.
    pub why: Option<String>,
}

/// Outcomes of all attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// Each hook in each of its modes.
    pub hooks: Vec<Attempt>,
    /// Reason why the ring buffer cannot be read; `None` if it can.
    pub ring_buffer: Option<String>,
    /// True where programs can make a cookie for a socket that has none (Linux 5.12 and later).
    pub has_cookie_helper: bool,
}

/// Loads, attaches and detaches each hook in each mode. Nothing is reported meanwhile, others find
/// no tracked sockets, and nothing stays.
///
/// # Errors
/// Something that no hook can do without is missing: BTF, a field, permission to make maps.
pub fn try_each_mode() -> Result<Attempts, KernelError> {
    /// Nothing is kept: the least that the kernel takes.
    const CAPACITY: Capacity = Capacity {
        tracked: 1024,
        events_bytes: 1 << 16,
    };
    let btf = read_btf()?;
    let mut ebpf = load_object(&btf, CAPACITY, LogChoice::Off)?;
    // Programs refer to the map: it is kept until they have been tried.
    let ring_buffer = open_events(&mut ebpf);
    let mut tracepoints = Tracepoints::default();
    let mut hooks = Vec::new();
    for hook in Hook::ALL {
        let missing = missing_fields(&btf, hook);
        for mode in hook.distinct_modes() {
            let tried = try_mode(&mut ebpf, &mut tracepoints, &btf, hook, mode, &missing);
            detach_all(&mut ebpf, &mut tracepoints, hook, mode);
            hooks.push(Attempt {
                hook,
                mode,
                why: tried.err(),
            });
        }
    }
    Ok(Attempts {
        hooks,
        ring_buffer: ring_buffer.err().map(|error| error.to_string()),
        has_cookie_helper: btf.facts.has_cookie_helper != 0,
    })
}

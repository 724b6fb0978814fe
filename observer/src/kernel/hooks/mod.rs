//! Hooks on connections, options and timers: what a scan cannot see, remembered and told.
//!
//! `plan` says which programs make a hook, `facts` what they need to know of the kernel, `attach`
//! tries them, `notes` is what they remember, `queue` what they tell, which [`decode`] turns into
//! events.

mod attach;
mod attempt;
mod check;
pub mod decode;
mod facts;
mod notes;
mod object;
pub(crate) mod past;
pub(crate) mod plan;
pub(crate) mod queue;
mod tracepoint;

use std::io;
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, PerCpuArray, RingBuf};
use observer_common::event::{EventKind, LOSSES_BIT};
use observer_common::hook::Switch;
use observer_common::note::Counters;
use observer_common::{Note, note};

pub use attach::{HookStatus, HooksChoice};
pub use attempt::{Attempt, Attempts, try_each_way};
pub use notes::Notes;
pub use object::Capacity;
pub use plan::{Hook, Way};

use super::decode::Units;
use super::load::{self, KernelError};
use crate::model::event;
use facts::{Found, missing_fields, read_btf};
use object::{load_object, open_events};
use tracepoint::Tracepoints;

/// The hooks, attached until dropped.
pub struct Hooks {
    ebpf: Ebpf,
    tracepoints: Tracepoints,
    events: RingBuf<MapData>,
    counters: PerCpuArray<MapData, Counters>,
    switch: Array<MapData, Switch>,
    /// What `switch` holds.
    switched: Switch,
    notes: Notes,
    statuses: Vec<HookStatus>,
    units: Units,
    own_pid: u32,
    lost_before: u64,
    /// Events that the last look found.
    read_before: usize,
    capacity: Capacity,
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks")
            .field("statuses", &self.statuses)
            .finish_non_exhaustive()
    }
}

impl Hooks {
    /// Attaches what this host allows. Nothing is told before [`Hooks::listen`].
    ///
    /// # Errors
    /// No BTF, or the kernel takes no programs at all. A hook that alone does not work is an
    /// entry of [`Hooks::statuses`].
    pub fn open(choice: HooksChoice, capacity: Capacity) -> Result<Self, KernelError> {
        let found = read_btf()?;
        let mut ebpf = load_object(&found, capacity)?;
        let opening = |error| KernelError::refused("opening the eBPF maps", error);
        let counters =
            PerCpuArray::try_from(load::take_map(&mut ebpf, "COUNTERS")?).map_err(opening)?;
        let switch = Array::try_from(load::take_map(&mut ebpf, "SWITCH")?).map_err(opening)?;
        let events = open_events(&mut ebpf)?;
        let notes: HashMap<MapData, u64, Note> =
            HashMap::try_from(load::take_map(&mut ebpf, "OBSERVER_NOTES")?).map_err(opening)?;
        let absent = &found.layout.absent;
        let mut hooks = Self {
            units: Units {
                knows_kernel_sockets: !absent.contains(&"kern_sock"),
                ..Units::default()
            },
            ebpf,
            tracepoints: Tracepoints::default(),
            events,
            counters,
            switch,
            switched: Switch::default(),
            notes: Notes::own(notes),
            statuses: Vec::new(),
            own_pid: std::process::id(),
            lost_before: 0,
            read_before: 0,
            capacity,
        };
        hooks.attach(choice, &found);
        if !hooks.statuses.iter().any(|status| status.attached) {
            let why = hooks.statuses.iter().find_map(|status| status.why.clone());
            return Err(KernelError::NoHook(why.unwrap_or_default()));
        }
        hooks.check()?;
        let way = hooks.way();
        hooks.notes.write_header(way, hooks.units.hz)?;
        Ok(hooks)
    }

    fn attach(&mut self, choice: HooksChoice, found: &Found) {
        for hook in Hook::ALL {
            let missing = missing_fields(found, hook);
            // What removes notes must be there before anything makes one.
            let orphaned = hook != Hook::Life && !self.is_attached(Hook::Life);
            let status = if orphaned {
                HookStatus {
                    hook,
                    attached: false,
                    way: None,
                    why: Some("nothing would tell it when a socket is gone".to_owned()),
                }
            } else {
                let tracepoints = &mut self.tracepoints;
                attach::hook(&mut self.ebpf, tracepoints, found, hook, choice, &missing)
            };
            self.statuses.push(status);
        }
        self.tracepoints.close_tracefs();
    }

    fn is_attached(&self, hook: Hook) -> bool {
        let mut statuses = self.statuses.iter();
        statuses.any(|status| status.hook == hook && status.attached)
    }

    /// Sets the kinds of event, by their bits, that are told from now on.
    fn set_listens(&mut self, listens: u32) -> Result<(), KernelError> {
        self.switched.listens = listens;
        self.set_switch()
    }

    fn set_switch(&mut self) -> Result<(), KernelError> {
        self.switched.sees_accept = u32::from(self.is_attached(Hook::Accept));
        self.switch
            .set(0, self.switched, 0)
            .map_err(|error| KernelError::refused("switching events", error))
    }

    /// Begins to tell of connections that end with an error.
    ///
    /// # Errors
    /// As for [`Hooks::listen`].
    pub fn listen_to_losses(&mut self) -> Result<(), KernelError> {
        self.set_listens(LOSSES_BIT)
    }

    /// From which idle time on, in seconds, setting it counts as [`Counters::exposed`].
    ///
    /// # Errors
    /// As for [`Hooks::listen`].
    pub fn set_late_from(&mut self, late_from_s: Option<u64>) -> Result<(), KernelError> {
        let jiffies = |s: u64| s.saturating_mul(self.units.hz.into());
        let late_from = late_from_s.map_or(0, jiffies);
        self.switched.late_from = u32::try_from(late_from).unwrap_or(u32::MAX);
        self.set_switch()
    }

    /// Begins to tell of events of these kinds.
    ///
    /// # Errors
    /// The kernel does not let the switch be written.
    pub fn listen(&mut self, kinds: &[event::Kind]) -> Result<(), KernelError> {
        let bits = kinds.iter().map(|kind| match kind {
            event::Kind::Set => EventKind::Set.bit(),
            event::Kind::Opened => EventKind::Opened.bit(),
            event::Kind::Probe => EventKind::Probe.bit(),
            event::Kind::Closed => EventKind::Closed.bit(),
        });
        self.set_listens(bits.fold(0, |bits, bit| bits | bit))
    }

    /// Stops telling; what waits can still be read.
    ///
    /// # Errors
    /// As for [`Hooks::listen`].
    pub fn stop_listening(&mut self) -> Result<(), KernelError> {
        self.set_listens(0)
    }

    /// What the hooks count, over all processors, since they were attached.
    ///
    /// # Errors
    /// The kernel does not let the counters be read.
    pub fn counters(&self) -> io::Result<Counters> {
        let by_processor = self.counters.get(&0, 0).map_err(io::Error::other)?;
        let mut sum = Counters::default();
        for counters in by_processor.iter() {
            sum.events_lost += counters.events_lost;
            sum.notes_rejected += counters.notes_rejected;
            sum.notes_made += counters.notes_made;
            sum.notes_removed += counters.notes_removed;
            sum.timers_probed += counters.timers_probed;
            sum.timers_rearmed += counters.timers_rearmed;
            sum.timers_gave_up += counters.timers_gave_up;
            sum.exposed += counters.exposed;
            for (sum, counted) in sum.sets.iter_mut().zip(counters.sets) {
                for (sum, counted) in sum.iter_mut().zip(counted) {
                    *sum += counted;
                }
            }
        }
        Ok(sum)
    }

    /// How often the programs of each hook ran and for how long, where the kernel keeps statistics
    /// (`kernel.bpf_stats_enabled`); else 0.
    #[must_use]
    pub fn runs(&self, hook: Hook) -> (u64, Duration) {
        let programs = hook.ways().iter().flat_map(|(_, parts)| *parts);
        let mut names: Vec<&str> = programs.map(|part| part.program).collect();
        names.sort_unstable();
        names.dedup();
        let infos = names.into_iter().filter_map(|name| {
            let program = self.ebpf.program(name)?;
            program.info().ok()
        });
        infos.fold((0, Duration::ZERO), |(count, time), info| {
            (count + info.run_count(), time + info.run_time())
        })
    }

    /// How each hook fared.
    #[must_use]
    pub fn statuses(&self) -> &[HookStatus] {
        &self.statuses
    }

    /// What is remembered.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// How much can be remembered.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// The way of the hooks as a whole: trampolines only where each hook that has the choice uses
    /// them.
    #[must_use]
    pub fn way(&self) -> Way {
        let ways = self.statuses.iter().filter_map(|status| status.way);
        if ways.clone().count() > 0 && ways.clone().all(|way| way == Way::Trampoline) {
            Way::Trampoline
        } else {
            Way::Tracepoint
        }
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        self.notes.remove_header();
    }
}

/// The way as the notes' header has it.
fn way_from_header(way: u8) -> Way {
    if way == note::Way::Trampoline as u8 {
        Way::Trampoline
    } else {
        Way::Tracepoint
    }
}

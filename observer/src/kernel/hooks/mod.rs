//! Hooks on connections, options and timers, which remember and report what a scan cannot see.
//!
//! `plan` lists the programs of each hook, `btf` reads what they need of the kernel, `attach` tries
//! them, `tracked_sockets` holds what they remember, `queue` what they report, which [`decode`] turns
//! into events. [`log`] hands what the programs log to `tracing`.

mod attach;
mod attempt;
mod btf;
mod check;
pub mod decode;
pub mod log;
mod missed;
mod object;
pub(crate) mod past;
pub(crate) mod plan;
pub(crate) mod queue;
mod tracepoint;
mod tracked_sockets;

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, PerCpuArray, RingBuf};
use observer_common::event::LOSSES_BIT;
use observer_common::hook::Switch;
use observer_common::tracked_socket::sees;
use observer_common::{AttachMode, Counters, EventKind, TrackedSocket};

pub use attach::{HookStatus, HooksChoice};
pub use attempt::{Attempt, Attempts, try_each_mode};
pub use object::Capacity;
pub use plan::Hook;
pub use tracked_sockets::TrackedSockets;

use super::decode::Units;
use super::error::KernelError;
use super::load;
use btf::{HookBtf, missing_fields, read_btf};
use log::{KernelLog, LogChoice};
use object::{load_object, open_events};
use tracepoint::Tracepoints;

/// Hooks, attached until dropped.
pub struct Hooks {
    ebpf: Ebpf,
    tracepoints: Tracepoints,
    events: RingBuf<MapData>,
    counters: PerCpuArray<MapData, Counters>,
    log: Option<KernelLog>,
    switch: Array<MapData, Switch>,
    /// Content of `switch`.
    switched: Switch,
    tracked: TrackedSockets,
    statuses: Vec<HookStatus>,
    units: Units,
    own_pid: u32,
    lost_before: u64,
    /// Number of events that the last read found.
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
    /// Attaches what this host allows. Nothing is reported before [`Hooks::listen`].
    ///
    /// # Errors
    /// No BTF, or the kernel takes no programs at all. A hook that alone does not work is an
    /// entry of [`Hooks::statuses`].
    pub fn open(choice: HooksChoice, capacity: Capacity) -> Result<Self, KernelError> {
        let btf = read_btf()?;
        let log_choice = LogChoice::by_tracing();
        let mut ebpf = load_object(&btf, capacity, log_choice)?;
        let opening = |error| KernelError::refused("opening the eBPF maps", error);
        let counters =
            PerCpuArray::try_from(load::take_map(&mut ebpf, "COUNTERS")?).map_err(opening)?;
        let switch = Array::try_from(load::take_map(&mut ebpf, "SWITCH")?).map_err(opening)?;
        let events = open_events(&mut ebpf)?;
        let log = KernelLog::open(&mut ebpf, log_choice)?;
        let tracked: HashMap<MapData, u64, TrackedSocket> =
            HashMap::try_from(load::take_map(&mut ebpf, "OBSERVER_NOTES")?).map_err(opening)?;
        let absent = &btf.layout.absent;
        let mut hooks = Self {
            units: Units {
                knows_kernel_sockets: !absent.contains(&"kern_sock"),
                ..Units::default()
            },
            ebpf,
            tracepoints: Tracepoints::default(),
            events,
            counters,
            log,
            switch,
            switched: Switch::default(),
            tracked: TrackedSockets::own(tracked),
            statuses: Vec::new(),
            own_pid: std::process::id(),
            lost_before: 0,
            read_before: 0,
            capacity,
        };
        hooks.attach(choice, &btf);
        if !hooks.statuses.iter().any(|status| status.attached) {
            let why = hooks.statuses.iter().find_map(|status| status.why.clone());
            return Err(KernelError::NoHook(why.unwrap_or_default()));
        }
        hooks.check()?;
        let mode = hooks.mode();
        let sees = [
            (Hook::SetOption, sees::OPTIONS),
            (Hook::Timer, sees::PROBES),
        ];
        let sees = sees
            .into_iter()
            .filter(|(hook, _)| hooks.is_attached(*hook));
        let sees = sees.fold(0, |bits, (_, bit)| bits | bit);
        hooks.tracked.write_header(mode, sees, hooks.units.hz)?;
        Ok(hooks)
    }

    fn attach(&mut self, choice: HooksChoice, btf: &HookBtf) {
        for hook in Hook::ALL {
            let missing = missing_fields(btf, hook);
            // What forgets sockets must be there before anything begins to track them.
            let orphaned = hook != Hook::State && !self.is_attached(Hook::State);
            let status = if orphaned {
                HookStatus {
                    hook,
                    attached: false,
                    mode: None,
                    why: Some("nothing would tell it when a socket is gone".to_owned()),
                }
            } else {
                let tracepoints = &mut self.tracepoints;
                attach::hook(&mut self.ebpf, tracepoints, btf, hook, choice, &missing)
            };
            self.statuses.push(status);
        }
        self.tracepoints.close_tracefs();
    }

    fn is_attached(&self, hook: Hook) -> bool {
        let mut statuses = self.statuses.iter();
        statuses.any(|status| status.hook == hook && status.attached)
    }

    /// Sets the kinds of event, by their bits, that are reported from now on.
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

    /// Begins to report connections that end with an error.
    ///
    /// # Errors
    /// As for [`Hooks::listen`].
    pub fn listen_to_losses(&mut self) -> Result<(), KernelError> {
        self.set_listens(LOSSES_BIT)
    }

    /// Sets from which idle time on, in seconds, setting it counts as [`Counters::risky_sets`].
    ///
    /// # Errors
    /// As for [`Hooks::listen`].
    pub fn set_late_from(&mut self, late_from_s: Option<u64>) -> Result<(), KernelError> {
        let jiffies = |s: u64| s.saturating_mul(self.units.hz.into());
        let late_from = late_from_s.map_or(0, jiffies);
        self.switched.late_from = u32::try_from(late_from).unwrap_or(u32::MAX);
        self.set_switch()
    }

    /// Begins to report events of these kinds.
    ///
    /// # Errors
    /// The kernel does not let the switch be written.
    pub fn listen(&mut self, kinds: &[EventKind]) -> Result<(), KernelError> {
        let bits = kinds.iter().fold(0, |bits, kind| bits | kind.bit());
        self.set_listens(bits)
    }

    /// Stops reporting; what waits can still be read.
    ///
    /// # Errors
    /// As for [`Hooks::listen`].
    pub fn stop_listening(&mut self) -> Result<(), KernelError> {
        self.set_listens(0)
    }

    /// Counters over all processors, since the hooks were attached.
    ///
    /// # Errors
    /// The kernel does not let the counters be read.
    pub fn counters(&self) -> io::Result<Counters> {
        let by_processor = self.counters.get(&0, 0).map_err(io::Error::other)?;
        let mut sum = Counters::default();
        for counters in by_processor.iter() {
            sum.add(counters);
        }
        Ok(sum)
    }

    /// Number of runs of hooks that the kernel left out: each may have been an event, which no program
    /// was there to count.
    ///
    /// # Errors
    /// The kernel does not tell of its programs.
    pub fn missed_runs(&self) -> io::Result<u64> {
        let mut missed = 0;
        for (_, program) in self.ebpf.programs() {
            // Only those that are loaded have one.
            if let Ok(program) = program.fd() {
                missed += missed::runs(program.as_fd())?.unwrap_or(0);
            }
        }
        Ok(missed)
    }

    /// Number of runs of the programs of a hook, and the time that they took, where the kernel keeps statistics
    /// (`kernel.bpf_stats_enabled`); else 0.
    #[must_use]
    pub fn runs(&self, hook: Hook) -> (u64, Duration) {
        let programs = hook.modes().iter().flat_map(|(_, parts)| *parts);
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

    /// Outcome of attaching each hook.
    #[must_use]
    pub fn statuses(&self) -> &[HookStatus] {
        &self.statuses
    }

    /// Sockets that are tracked.
    #[must_use]
    pub fn tracked(&self) -> &TrackedSockets {
        &self.tracked
    }

    /// Room for what is remembered.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Mode of the hooks as a whole: trampolines only where each hook that has the choice uses them.
    #[must_use]
    pub fn mode(&self) -> AttachMode {
        let mut modes = self
            .statuses
            .iter()
            .filter_map(|status| status.mode)
            .peekable();
        if modes.peek().is_some() && modes.all(|mode| mode == AttachMode::Trampoline) {
            AttachMode::Trampoline
        } else {
            AttachMode::Tracepoint
        }
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        self.tracked.remove_header();
    }
}

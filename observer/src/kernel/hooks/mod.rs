//! Hooks on connections, options and timers: what a scan cannot see, remembered and told.
//!
//! `plan` says which programs make a hook, `attach` tries them, `notes` is what they
//! remember, [`decode`] turns what they tell into events.

mod attach;
mod attempt;
mod check;
pub mod decode;
mod notes;
pub(super) mod past;
mod plan;

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use aya::maps::{Array, HashMap, MapData, PerCpuArray, RingBuf};
use aya::{Btf as AyaBtf, Ebpf, Endianness};
use observer_common::event::{EventKind, WAKE_APART_NS};
use observer_common::hook::{HookFacts, Switch, TCP_BYTES_MAX};
use observer_common::note::Counters;
use observer_common::{EventRecord, Note, note};
use rustix::event::{PollFd, PollFlags, Timespec};

pub use attach::{HookStatus, HooksChoice};
pub use attempt::{Attempt, Attempts, try_each_way};
pub use notes::Notes;
pub use plan::{Hook, Way};

use super::btf::{Btf, Kind};
use super::decode::Units;
use super::layout::{Facts, LayoutError};
use super::load::{self, KernelError};
use crate::events::Message;
use crate::model::event;

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

/// The hooks, attached until dropped.
pub struct Hooks {
    ebpf: Ebpf,
    events: RingBuf<MapData>,
    counters: PerCpuArray<MapData, Counters>,
    switch: Array<MapData, Switch>,
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

/// Fields that every hook reads, and those that only some do.
const NEEDED_BY_ALL: [&str; 4] = ["protocol", "sk_err", "sport", "snd_una"];
const NEEDED_BY_TIMER: [&str; 3] = ["keepalive_timer", "keepalive_function", "timer_function"];

/// What BTF says for the hooks.
struct Found {
    layout: Facts,
    facts: HookFacts,
    /// The types that aya looks up.
    types: AyaBtf,
    /// How many parameters `inet_csk_accept` takes; its result comes after them.
    accept_parameters: Option<u32>,
}

fn read_btf() -> Result<Found, KernelError> {
    let (btf, layout) = load::read_kernel_btf()?;
    let names = plan::btf_names();
    let mut wanted: Vec<(Kind, &str)> = names
        .iter()
        .map(|(kind, name)| (*kind, name.as_str()))
        .collect();
    wanted.push((Kind::Func, "bpf_get_socket_ptr_cookie"));
    wanted.push((Kind::Func, "bpf_get_current_task_btf"));
    wanted.push((Kind::Struct, "tcp_sock"));
    let ids = btf.find(&wanted);
    let id_of = |name: &str| {
        let at = wanted.iter().position(|(_, wanted)| *wanted == name)?;
        ids.get(at).copied().flatten()
    };
    let tcp_bytes = id_of("tcp_sock").and_then(|id| btf.size(id)).unwrap_or(0);
    if !(1..=TCP_BYTES_MAX).contains(&tcp_bytes) {
        return Err(KernelError::Layout(LayoutError::Shape {
            place: "struct tcp_sock".to_owned(),
            offset: 0,
            size: tcp_bytes,
        }));
    }
    let facts = HookFacts {
        tcp_bytes,
        keepalive_mib: btf
            .enumerator("LINUX_MIB_TCPKEEPALIVE")
            .and_then(|mib| u32::try_from(mib).ok())
            .ok_or(KernelError::Layout(LayoutError::Enumerator(
                "LINUX_MIB_TCPKEEPALIVE",
            )))?,
        has_task_btf: u32::from(id_of("bpf_get_current_task_btf").is_some()),
        has_cookie_helper: u32::from(id_of("bpf_get_socket_ptr_cookie").is_some()),
        nr_setsockopt: u32::try_from(libc::SYS_setsockopt).unwrap_or(u32::MAX),
        nr_io_uring_enter: u32::try_from(libc::SYS_io_uring_enter).unwrap_or(u32::MAX),
        ..pid_namespace()
    };
    let found: Vec<u32> = ids.iter().copied().flatten().collect();
    let types = aya_types(&btf, &found)?;
    Ok(Found {
        layout,
        facts,
        types,
        accept_parameters: id_of("inet_csk_accept").and_then(|id| btf.parameters(id)),
    })
}

fn aya_types(btf: &Btf, ids: &[u32]) -> Result<AyaBtf, KernelError> {
    AyaBtf::parse(&btf.only(ids), Endianness::default())
        .map_err(|error| KernelError::refused("reading BTF", error))
}

/// observer's own PID namespace, where it is not the host's first.
fn pid_namespace() -> HookFacts {
    /// `PROC_PID_INIT_INO`: the first PID namespace has this inode on every kernel.
    const FIRST: u64 = 0xeffffffc;
    match rustix::fs::stat("/proc/self/ns/pid") {
        Ok(stat) if stat.st_ino != FIRST => HookFacts {
            pid_ns_device: stat.st_dev,
            pid_ns_inode: stat.st_ino,
            ..HookFacts::EMPTY
        },
        _ => HookFacts::EMPTY,
    }
}

/// The maps, and the programs as the kernel has not seen them yet.
fn load_object(found: &Found, capacity: Capacity) -> Result<Ebpf, KernelError> {
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

fn open_events(ebpf: &mut Ebpf) -> Result<RingBuf<MapData>, KernelError> {
    RingBuf::try_from(load::take_map(ebpf, "EVENTS")?)
        .map_err(|error| KernelError::refused("opening the eBPF maps", error))
}

/// The fields that this kernel lacks and the hook cannot do without.
fn missing_fields(found: &Found, hook: Hook) -> Vec<&'static str> {
    let by_hook: &[&str] = match hook {
        Hook::Timer => &NEEDED_BY_TIMER,
        _ => &[],
    };
    let needed = NEEDED_BY_ALL.iter().chain(by_hook).copied();
    needed
        .filter(|field| found.layout.absent.contains(field))
        .collect()
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
            events,
            counters,
            switch,
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
                attach::hook(&mut self.ebpf, found, hook, choice, &missing)
            };
            self.statuses.push(status);
        }
    }

    fn is_attached(&self, hook: Hook) -> bool {
        let mut statuses = self.statuses.iter();
        statuses.any(|status| status.hook == hook && status.attached)
    }

    /// Sets the kinds of event, by their bits, that are told from now on.
    fn set_listens(&mut self, listens: u32) -> Result<(), KernelError> {
        let switch = Switch {
            listens,
            sees_accept: u32::from(self.is_attached(Hook::Accept)),
        };
        self.switch
            .set(0, switch, 0)
            .map_err(|error| KernelError::refused("switching events", error))
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

    /// Waits at most `timeout` for events, and hands out those that are there, then how many were
    /// lost.
    ///
    /// # Errors
    /// Polling fails, or the counters cannot be read.
    pub fn wait(&mut self, timeout: Duration, each: &mut dyn FnMut(Message)) -> io::Result<()> {
        self.pause(timeout)?;
        self.read_before = 0;
        // Bounded, so that whoever listens comes to print and to stop while events pour in.
        for _ in 0..MOST_AT_ONCE {
            let Some(item) = self.events.next() else {
                break;
            };
            self.read_before += 1;
            if let Some(record) = event_record(&item) {
                if self.units.hz == 0 {
                    self.units.hz = Units::guess_hz_now(record.socket.jiffies);
                }
                // Scans make a socket of their own to calibrate by.
                let is_own = record.pid == self.own_pid;
                if !is_own && let Some(event) = decode::event(&record, self.units) {
                    each(Message::Event(event));
                }
            }
        }
        self.tell_lost(each)
    }

    /// Waits for events. The kernel side wakes nobody within [`WAKE_APART_NS`] of the last time, so
    /// after some were read there may be more without a word.
    fn pause(&self, timeout: Duration) -> io::Result<()> {
        let again = timeout.min(Duration::from_nanos(WAKE_APART_NS + WAKE_APART_NS / 5));
        let fit = self.capacity.events_bytes as usize / size_of::<EventRecord>();
        if self.read_before == 0 {
            self.poll(timeout).map(drop)
        } else if self.read_before < fit / 2 {
            // Reading one by one as they come would slow down whoever makes them.
            std::thread::sleep(again);
            Ok(())
        } else {
            self.poll(again).map(drop)
        }
    }

    fn poll(&self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        let mut fds = [PollFd::from_borrowed_fd(self.events.as_fd(), PollFlags::IN)];
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn tell_lost(&mut self, each: &mut dyn FnMut(Message)) -> io::Result<()> {
        let lost = self.counters()?.events_lost;
        let new = lost.saturating_sub(self.lost_before);
        self.lost_before = lost;
        if new > 0 {
            each(Message::Lost(new));
        }
        Ok(())
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
            for (sum, counted) in sum.sets.iter_mut().zip(counters.sets) {
                for (sum, counted) in sum.iter_mut().zip(counted) {
                    *sum += counted;
                }
            }
        }
        Ok(sum)
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

/// Between two looks at whether to stop.
const MOST_AT_ONCE: usize = 16_384;

fn event_record(bytes: &[u8]) -> Option<EventRecord> {
    if bytes.len() != size_of::<EventRecord>() {
        return None;
    }
    // SAFETY: as long as the type, which holds integers only.
    Some(unsafe { bytes.as_ptr().cast::<EventRecord>().read_unaligned() })
}

/// The way as the notes' header has it.
fn way_from_header(way: u8) -> Way {
    if way == note::Way::Trampoline as u8 {
        Way::Trampoline
    } else {
        Way::Tracepoint
    }
}

//! Queue of events for whoever listens.

use aya_ebpf::bindings::{
    BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE,
};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, RingBuf};
use observer_common::event::WAKE_APART_NS;
use observer_common::{EventKind, EventRecord};

use crate::base::zeroed;
use crate::counters::count;
use crate::process::Process;
use crate::sock::{Kernel, Load, field};
use crate::socket::fill;
use crate::tracked_socket::Origin;
use crate::{facts, log};

/// User space sets the size.
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(4096, 0);

/// True where somebody wants events of this kind.
#[inline(always)]
pub(crate) fn is_wanted(kind: EventKind) -> bool {
    facts::switch().listens & kind.bit() != 0
}

/// Subject of an event, besides its own fields.
pub(crate) struct About {
    pub(crate) kind: EventKind,
    pub(crate) at_ns: u64,
    pub(crate) tcp: Kernel,
    pub(crate) cookie: u64,
    /// State to report the socket in.
    pub(crate) state: u64,
    pub(crate) origin: Origin,
    /// Process that acted, where one did.
    pub(crate) actor: Option<Process>,
}

/// Emits an event; `finish` writes the kind's own fields. One that does not fit is counted.
#[inline(always)]
pub(crate) fn emit<L: Load>(about: &About, finish: impl FnOnce(&mut EventRecord)) {
    let Some(mut entry) = EVENTS.reserve::<EventRecord>(0) else {
        count(|counters| counters.events_lost += 1);
        log::event_lost(about.kind, about.cookie);
        return;
    };
    // SAFETY: it holds integers only.
    let record = unsafe { zeroed(&mut entry) };
    record.kind = about.kind as u8;
    record.at_ns = about.at_ns;
    if let Some(actor) = about.actor {
        record.pid = actor.pid;
        record.comm = actor.comm;
    }
    record.born_ns = about.origin.born_ns;
    record.probe_ns = about.origin.probe_ns;
    record.opener_pid = about.origin.opener.pid;
    record.opener_comm = about.origin.opener.comm;
    record.side = about.origin.side;
    let tcp = about.tcp;
    fill::<L>(&mut record.socket, tcp, about.cookie, about.state as u8);
    if record.socket.local_port == 0 {
        // Given back already.
        record.socket.local_port = u16::from_be(L::number(tcp, field!(sport)) as u16);
    }
    let written = L::number(tcp, field!(write_seq)) as u32;
    record.unacknowledged = written.wrapping_sub(L::number(tcp, field!(snd_una)) as u32);
    finish(record);
    entry.submit(wake(about.at_ns));
}

/// Time when the reader was last woken.
#[map]
static WOKEN: Array<u64> = Array::with_max_entries(1, 0);

/// Waking the reader costs more than an event does. It is woken for the first after a pause and
/// looks again by itself until there is nothing new; a ring that fills wakes it in between.
#[inline(always)]
fn wake(at_ns: u64) -> u64 {
    let Some(woken) = WOKEN.get_ptr_mut(0) else {
        return BPF_RB_FORCE_WAKEUP.into();
    };
    // SAFETY: the kernel keeps an array's memory. Processors that race wake the reader twice.
    let paused = unsafe { at_ns.wrapping_sub(*woken) } >= WAKE_APART_NS;
    if !paused && EVENTS.query(BPF_RB_AVAIL_DATA.into()) < EVENTS.query(BPF_RB_RING_SIZE.into()) / 4
    {
        return BPF_RB_NO_WAKEUP.into();
    }
    // SAFETY: as above.
    unsafe { *woken = at_ns };
    BPF_RB_FORCE_WAKEUP.into()
}

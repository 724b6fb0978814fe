//! Events for whoever listens.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::map;
use aya_ebpf::maps::RingBuf;
use observer_common::event::EventKind;
use observer_common::{EventRecord, Note};

use crate::facts;
use crate::note::count;
use crate::process::Process;
use crate::sock::{Kernel, Load as _, Probed, field};
use crate::socket::fill;

/// User space sets the size.
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(4096, 0);

/// The clock of notes and events.
#[inline(always)]
pub(crate) fn now_ns() -> u64 {
    // SAFETY: no arguments.
    unsafe { bpf_ktime_get_ns() }
}

/// Whether somebody wants events of this kind.
#[inline(always)]
pub(crate) fn is_wanted(kind: EventKind) -> bool {
    facts::switch().listens & kind.bit() != 0
}

/// What an event is made of besides its own fields.
pub(crate) struct About<'a> {
    pub(crate) kind: EventKind,
    pub(crate) at_ns: u64,
    pub(crate) sk: Kernel,
    pub(crate) cookie: u64,
    /// The state to tell the socket by.
    pub(crate) state: u8,
    pub(crate) note: Option<&'a Note>,
    /// Who acted.
    pub(crate) actor: Process,
}

/// Tells of an event; `finish` writes the kind's own fields. One that does not fit is counted.
#[inline(always)]
pub(crate) fn tell(about: &About<'_>, finish: impl FnOnce(&mut EventRecord)) {
    let Some(mut entry) = EVENTS.reserve::<EventRecord>(0) else {
        count(|counters| counters.events_lost += 1);
        return;
    };
    let record = entry.write(EventRecord::default());
    record.kind = about.kind as u8;
    record.at_ns = about.at_ns;
    record.pid = about.actor.pid;
    record.comm = about.actor.comm;
    if let Some(note) = about.note {
        record.born_ns = note.born_ns;
        record.probe_ns = note.probe_ns;
        record.opener_pid = note.opener_pid;
        record.opener_comm = note.opener_comm;
        record.side = note.side;
    }
    let sk = about.sk;
    fill::<Probed>(&mut record.socket, sk, about.cookie, about.state);
    if record.socket.local_port == 0 {
        // Given back already.
        record.socket.local_port = u16::from_be(Probed::number(sk, field!(sport)) as u16);
    }
    let written = Probed::number(sk, field!(write_seq)) as u32;
    record.unacknowledged = written.wrapping_sub(Probed::number(sk, field!(snd_una)) as u32);
    finish(record);
    entry.submit(0);
}

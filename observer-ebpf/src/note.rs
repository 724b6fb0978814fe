//! The notes: one a socket, from its birth or its first option until it is destroyed.

use core::mem::MaybeUninit;

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::btf_maps::HashMap;
use aya_ebpf::macros::{btf_map, map};
use aya_ebpf::maps::PerCpuArray;
use observer_common::Note;
use observer_common::note::Counters;

use crate::base::zeroed;
use crate::process::Process;
use crate::sock::{Direct, Kernel, Load};
use crate::socket::endpoints;

/// User space sets the capacity. Described by BTF as the scan's place for it is: 6.1 takes one for
/// the other only so.
#[btf_map]
static OBSERVER_NOTES: HashMap<u64, Note, 1> = HashMap::new();

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

/// The note on the socket.
#[inline(always)]
pub(crate) fn get(sk: Kernel) -> Option<&'static mut Note> {
    // SAFETY: the kernel keeps a value's memory while the program runs.
    OBSERVER_NOTES
        .get_ptr_mut(sk as u64)
        .map(|note| unsafe { &mut *note })
}

/// What a note says of how a socket came to be, and of its last probe.
#[derive(Clone, Copy, Default)]
pub(crate) struct Origin {
    pub(crate) born_ns: u64,
    pub(crate) probe_ns: u64,
    pub(crate) opener: Process,
    /// A [`observer_common::note::Side`], 0 where not known.
    pub(crate) side: u8,
}

impl Origin {
    #[inline(always)]
    pub(crate) fn of(note: &Note) -> Self {
        Self {
            born_ns: note.born_ns,
            probe_ns: note.probe_ns,
            opener: Process {
                pid: note.opener_pid,
                comm: note.opener_comm,
            },
            side: note.side,
        }
    }
}

/// What the note on the socket says, nothing where there is none.
#[inline(always)]
pub(crate) fn origin(sk: Kernel) -> Origin {
    get(sk).map_or_else(Origin::default, |note| Origin::of(note))
}

/// Whether a note that is there already must be written down where the socket is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    Yes,
    No,
}

/// Changes the note on the socket, or a new one. A new one that does not fit is counted.
#[inline(always)]
pub(crate) fn change<L: Load>(
    sk: Kernel,
    cookie: u64,
    moved: Moved,
    change: impl FnOnce(&mut Note),
) -> Origin {
    let mut room = MaybeUninit::uninit();
    // SAFETY: it holds integers only.
    let new: &mut Note = unsafe { zeroed(&mut room) };
    let found = get(sk);
    let is_another = |note: &Note| note.cookie != cookie && note.cookie != 0 && cookie != 0;
    // Another socket's, that died unseen.
    let replaces = found.as_deref().is_some_and(is_another);
    let kept = found.filter(|_| !replaces);
    let is_new = kept.is_none();
    let note = kept.unwrap_or(new);
    if is_new || moved == Moved::Yes {
        locate::<L>(note, sk);
    }
    if cookie != 0 {
        note.cookie = cookie;
    }
    change(note);
    let origin = Origin::of(note);
    if is_new {
        let note: &Note = note;
        match OBSERVER_NOTES.insert(sk as u64, note, 0) {
            Ok(()) => count(|counters| {
                counters.notes_made += 1;
                counters.notes_removed += u64::from(replaces);
            }),
            Err(_) => count(|counters| counters.notes_rejected += 1),
        }
    }
    origin
}

/// Makes a note on a socket that has none as a rule: it is not looked for first.
#[inline(always)]
pub(crate) fn make(sk: Kernel, cookie: u64, change: impl Fn(&mut Note)) -> Origin {
    let mut room = MaybeUninit::uninit();
    // SAFETY: it holds integers only.
    let note: &mut Note = unsafe { zeroed(&mut room) };
    locate::<Direct>(note, sk);
    note.cookie = cookie;
    change(note);
    let note: &Note = note;
    if OBSERVER_NOTES
        .insert(sk as u64, note, BPF_NOEXIST.into())
        .is_err()
    {
        return self::change::<Direct>(sk, cookie, Moved::Yes, change);
    }
    count(|counters| counters.notes_made += 1);
    Origin::of(note)
}

/// Writes down where the socket is.
#[inline(always)]
fn locate<L: Load>(note: &mut Note, sk: Kernel) {
    let endpoints = endpoints::<L>(sk);
    note.family = endpoints.family;
    note.local = endpoints.local;
    note.remote = endpoints.remote;
    note.local_port = endpoints.local_port;
    note.remote_port_be = endpoints.remote_port_be;
    note.netns = endpoints.netns;
}

/// Removes the note of a socket that is gone.
#[inline(always)]
pub(crate) fn forget(sk: Kernel) {
    if OBSERVER_NOTES.remove(sk as u64).is_ok() {
        count(|counters| counters.notes_removed += 1);
    }
}

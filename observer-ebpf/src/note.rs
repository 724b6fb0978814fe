//! The notes: one a socket, from its birth or its first option until it is destroyed.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::btf_maps::HashMap;
use aya_ebpf::macros::{btf_map, map};
use aya_ebpf::maps::PerCpuArray;
use observer_common::Note;
use observer_common::note::Counters;

use crate::sock::{Kernel, Probed};
use crate::socket::place;

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

/// The note on the socket, made where there is none. `None` where the map is full.
#[inline(always)]
pub(crate) fn get_or_make(sk: Kernel, cookie: u64) -> Option<&'static mut Note> {
    if let Some(note) = get(sk) {
        if note.cookie == cookie {
            return Some(note);
        }
        if note.cookie == 0 {
            note.cookie = cookie;
            return Some(note);
        }
        if cookie == 0 {
            return Some(note);
        }
        // Another socket's, that died unseen.
        forget(sk);
    }
    let mut note = Note {
        cookie,
        ..Note::default()
    };
    locate(&mut note, sk);
    match OBSERVER_NOTES.insert(sk as u64, note, BPF_NOEXIST.into()) {
        Ok(()) => count(|counters| counters.notes_made += 1),
        Err(_) => count(|counters| counters.notes_rejected += 1),
    }
    get(sk)
}

/// Writes down where the socket is.
#[inline(always)]
pub(crate) fn locate(note: &mut Note, sk: Kernel) {
    let place = place::<Probed>(sk);
    note.family = place.family;
    note.local = place.local;
    note.remote = place.remote;
    note.local_port = place.local_port;
    note.remote_port_be = place.remote_port_be;
    note.netns = place.netns;
}

/// Removes the note of a socket that is gone.
#[inline(always)]
pub(crate) fn forget(sk: Kernel) {
    if OBSERVER_NOTES.remove(sk as u64).is_ok() {
        count(|counters| counters.notes_removed += 1);
    }
}

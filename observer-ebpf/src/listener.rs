//! Places where sockets listen: a connection that is accepted inherits its options.
//!
//! Counts are not atomic (this target has no such thing in stable Rust). Two processors that begin to
//! listen in one place at the same instant may lose one: then inherited options stay unknown.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap};
use observer_common::TrackedSocket;

use crate::counters::count;
use crate::sock::Kernel;
use crate::{log, tracked_socket};

/// Place where a socket listens.
#[repr(C)]
#[derive(Clone, Copy)]
struct Place {
    addr: [u64; 2],
    netns: u32,
    port: u16,
    family: u16,
}

/// Sockets that listen in one place.
#[repr(C)]
#[derive(Clone, Copy)]
struct Listeners {
    /// The one socket; 0 where several share the place (`SO_REUSEPORT`), so that none can be told.
    sk: u64,
    count: u64,
}

/// User space sets the capacity.
#[map]
static LISTENERS: HashMap<Place, Listeners> = HashMap::with_max_entries(1, 0);

/// 1 once an option was seen set on a listening socket: until then there is nothing to look up for
/// each connection that comes in.
#[map]
static HAVE_OPTIONS: Array<u64> = Array::with_max_entries(1, 0);

/// A listening socket has options of its own.
#[inline(always)]
pub(crate) fn has_options() {
    if let Some(have) = HAVE_OPTIONS.get_ptr_mut(0) {
        // SAFETY: the kernel keeps an array's memory; every writer writes the same.
        unsafe { *have = 1 };
    }
}

#[inline(always)]
pub(crate) fn any_has_options() -> bool {
    HAVE_OPTIONS.get(0).is_some_and(|have| *have != 0)
}

#[inline(always)]
fn place(tracked: &TrackedSocket) -> Place {
    Place {
        addr: tracked.local,
        netns: tracked.netns,
        port: tracked.local_port,
        family: tracked.family,
    }
}

/// The socket begins to listen.
#[inline(always)]
pub(crate) fn add(sk: Kernel, tracked: &TrackedSocket) {
    let place = place(tracked);
    match LISTENERS.get_ptr_mut(place) {
        Some(listeners) => {
            // SAFETY: the kernel keeps a value's memory while the program runs.
            unsafe {
                (*listeners).sk = 0;
                (*listeners).count += 1;
            }
        }
        None => {
            let one = Listeners {
                sk: sk as u64,
                count: 1,
            };
            // Where the map is full, options inherited here stay unknown.
            if LISTENERS.insert(place, one, 0).is_err() {
                count(|counters| counters.tracked_rejected += 1);
                log::listener_not_tracked(tracked);
            }
        }
    }
}

/// The socket listens no more.
#[inline(always)]
pub(crate) fn remove(tracked: &TrackedSocket) {
    let place = place(tracked);
    if let Some(listeners) = LISTENERS.get_ptr_mut(place) {
        // SAFETY: the kernel keeps a value's memory while the program runs.
        unsafe {
            if (*listeners).count > 1 {
                (*listeners).count -= 1;
                return;
            }
        }
        let _or_gone = LISTENERS.remove(place);
    }
}

/// Entry of the one socket that listens where `child` was accepted.
#[inline(always)]
pub(crate) fn of(child: &TrackedSocket) -> Option<&'static mut TrackedSocket> {
    let mut place = place(child);
    let mut found = LISTENERS.get_ptr_mut(place);
    if found.is_none() {
        place.addr = [0; 2];
        found = LISTENERS.get_ptr_mut(place);
    }
    // SAFETY: the kernel keeps a value's memory while the program runs.
    let sk = unsafe { (*found?).sk };
    if sk == 0 {
        return None;
    }
    tracked_socket::get(sk as Kernel)
}

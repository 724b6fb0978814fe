//! Tracked sockets: one entry a socket, from its birth or its first option until it is destroyed.

use core::mem::MaybeUninit;

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::btf_maps::HashMap;
use aya_ebpf::macros::btf_map;
use observer_common::TrackedSocket;

use crate::base::zeroed;
use crate::counters::count;
use crate::log;
use crate::process::Process;
use crate::sock::{Direct, Kernel, Load};
use crate::socket::endpoints;

/// User space sets the capacity. Described by BTF as the scan's place for it is: 6.1 takes one for
/// the other only so.
#[btf_map]
static OBSERVER_NOTES: HashMap<u64, TrackedSocket, 1> = HashMap::new();

/// Entry of the socket.
#[inline(always)]
pub(crate) fn get(sk: Kernel) -> Option<&'static mut TrackedSocket> {
    // SAFETY: the kernel keeps a value's memory while the program runs.
    OBSERVER_NOTES
        .get_ptr_mut(sk as u64)
        .map(|tracked| unsafe { &mut *tracked })
}

/// Origin of a socket and time of its last probe, as far as they are remembered.
#[derive(Clone, Copy, Default)]
pub(crate) struct Origin {
    pub(crate) born_ns: u64,
    pub(crate) probe_ns: u64,
    pub(crate) opener: Process,
    /// A [`observer_common::Side`], 0 where not known.
    pub(crate) side: u8,
}

impl Origin {
    #[inline(always)]
    pub(crate) fn of(tracked: &TrackedSocket) -> Self {
        Self {
            born_ns: tracked.born_ns,
            probe_ns: tracked.probe_ns,
            opener: Process {
                pid: tracked.opener_pid,
                comm: tracked.opener_comm,
            },
            side: tracked.side,
        }
    }
}

/// Origin of the socket, empty where it is not tracked.
#[inline(always)]
pub(crate) fn origin(sk: Kernel) -> Origin {
    get(sk).map_or_else(Origin::default, |tracked| Origin::of(tracked))
}

/// Need to write down anew where a tracked socket is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    Yes,
    No,
}

/// Changes the entry of the socket, or a new one. A new one that does not fit is counted.
#[inline(always)]
pub(crate) fn change<L: Load>(
    sk: Kernel,
    cookie: u64,
    moved: Moved,
    change: impl FnOnce(&mut TrackedSocket),
) -> Origin {
    let mut room = MaybeUninit::uninit();
    // SAFETY: it holds integers only.
    let new: &mut TrackedSocket = unsafe { zeroed(&mut room) };
    let found = get(sk);
    let is_another =
        |tracked: &TrackedSocket| tracked.cookie != cookie && tracked.cookie != 0 && cookie != 0;
    // Another socket's, that died unseen.
    let replaces = found.as_deref().filter(|tracked| is_another(tracked));
    if let Some(other) = replaces {
        log::replaced(cookie, other.cookie);
    }
    let replaces = replaces.is_some();
    let kept = found.filter(|_| !replaces);
    let is_new = kept.is_none();
    let tracked = kept.unwrap_or(new);
    if is_new || moved == Moved::Yes {
        locate::<L>(tracked, sk);
    }
    if cookie != 0 {
        tracked.cookie = cookie;
    }
    change(tracked);
    let origin = Origin::of(tracked);
    if is_new {
        let tracked: &TrackedSocket = tracked;
        match OBSERVER_NOTES.insert(sk as u64, tracked, 0) {
            Ok(()) => count(|counters| {
                counters.tracked_added += 1;
                counters.tracked_removed += u64::from(replaces);
            }),
            Err(_) => reject(tracked),
        }
    }
    origin
}

/// Begins to track a socket that is not tracked as a rule: its entry is not looked for first.
#[inline(always)]
pub(crate) fn make(sk: Kernel, cookie: u64, change: impl Fn(&mut TrackedSocket)) -> Origin {
    let mut room = MaybeUninit::uninit();
    // SAFETY: it holds integers only.
    let tracked: &mut TrackedSocket = unsafe { zeroed(&mut room) };
    locate::<Direct>(tracked, sk);
    tracked.cookie = cookie;
    change(tracked);
    let tracked: &TrackedSocket = tracked;
    if OBSERVER_NOTES
        .insert(sk as u64, tracked, BPF_NOEXIST.into())
        .is_err()
    {
        return self::change::<Direct>(sk, cookie, Moved::Yes, change);
    }
    count(|counters| counters.tracked_added += 1);
    Origin::of(tracked)
}

/// Counts a socket that does not fit.
#[inline(always)]
fn reject(socket: &TrackedSocket) {
    count(|counters| counters.tracked_rejected += 1);
    log::not_tracked(socket);
}

/// Writes down where the socket is.
#[inline(always)]
fn locate<L: Load>(tracked: &mut TrackedSocket, sk: Kernel) {
    let endpoints = endpoints::<L>(sk);
    tracked.family = endpoints.family;
    tracked.local = endpoints.local;
    tracked.remote = endpoints.remote;
    tracked.local_port = endpoints.local_port;
    tracked.remote_port_be = endpoints.remote_port_be;
    tracked.netns = endpoints.netns;
}

/// Removes the entry of a socket that is gone.
#[inline(always)]
pub(crate) fn forget(sk: Kernel) {
    if OBSERVER_NOTES.remove(sk as u64).is_ok() {
        count(|counters| counters.tracked_removed += 1);
    }
}

//! The counts of one walk. One thread reads a walk, so nothing else counts at the same time.

use aya_ebpf::bindings::BPF_F_NO_PREALLOC;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap};
use observer_common::summary::{
    MAX_SHARED, MAX_WORKLOADS, NetnsCount, SILENCES, SummarySettings, Tally, WorkloadCount,
    WorkloadKey,
};

use crate::assess::Healthy;
use crate::sock::{Direct, Kernel, Load as _, field};

#[map]
static TALLY: Array<Tally> = Array::with_max_entries(1, 0);

#[map]
static WORKLOADS: HashMap<WorkloadKey, WorkloadCount> =
    HashMap::with_max_entries(MAX_WORKLOADS, BPF_F_NO_PREALLOC);

/// Sockets by inode number of their network namespace.
#[map]
static NAMESPACES: HashMap<u32, NetnsCount> = HashMap::with_max_entries(65_536, BPF_F_NO_PREALLOC);

/// Number of the walk that last saw a file which several descriptors lead to, by the address of its
/// socket. The oldest make room.
#[map]
static SEEN: LruHashMap<u64, u64> = LruHashMap::with_max_entries(MAX_SHARED, 0);

#[inline(always)]
pub(crate) fn get() -> Option<&'static mut Tally> {
    // SAFETY: the kernel keeps an array's memory; one thread reads a walk.
    TALLY.get_ptr_mut(0).map(|tally| unsafe { &mut *tally })
}

/// `true` if this walk comes upon the socket of `file` for the first time.
#[inline(always)]
pub(crate) fn is_first(
    settings: &SummarySettings,
    tally: &mut Tally,
    file: Kernel,
    tcp: Kernel,
) -> bool {
    if settings.single_references != 0
        && Direct::number(file, field!(file_count)) <= settings.single_references
    {
        return true;
    }
    let key = tcp as u64;
    // SAFETY: read at once.
    if unsafe { SEEN.get(key) }.is_some_and(|pass| *pass == settings.pass) {
        return false;
    }
    tally.shared += 1;
    // In an LRU map there is always room.
    let _fits = SEEN.insert(key, settings.pass, 0);
    true
}

/// Counts a socket of a namespace. Sockets of one lie together mostly, so its count is kept in
/// [`Tally`] and stored in the map when the next one begins.
#[inline(always)]
pub(crate) fn count_netns(tally: &mut Tally, netns: u32, listens: bool) {
    if tally.netns != netns {
        store_netns(tally);
        tally.netns = netns;
        // SAFETY: copied at once.
        let before = unsafe { NAMESPACES.get(netns) };
        tally.netns_count = before.copied().unwrap_or_default();
    }
    tally.netns_count.all += 1;
    tally.netns_count.listening += u64::from(listens);
}

#[inline(always)]
fn store_netns(tally: &mut Tally) {
    if tally.netns_count.all == 0 {
        return;
    }
    let count = tally.netns_count;
    if NAMESPACES.insert(tally.netns, count, 0).is_err() {
        tally.netns_rejected += count.all;
    }
}

/// Counts a healthy socket of a workload, in the same way.
#[inline(always)]
pub(crate) fn count_workload(tally: &mut Tally, key: WorkloadKey, pid: u32, verdict: usize) {
    if tally.workload[0] != key[0] || tally.workload[1] != key[1] {
        store_workload(tally);
        tally.workload = key;
        // SAFETY: copied at once.
        let before = unsafe { WORKLOADS.get(key) };
        tally.workload_count = before.copied().unwrap_or_default();
    }
    tally.workload_count.pid = pid;
    tally.workload_count.sockets[verdict & 3] += 1;
}

#[inline(always)]
fn store_workload(tally: &mut Tally) {
    let count = tally.workload_count;
    if count.sockets == [0; 4] {
        return;
    }
    let key = tally.workload;
    if WORKLOADS.insert(key, count, 0).is_err() {
        for (rejected, count) in tally.workloads_rejected.iter_mut().zip(count.sockets) {
            *rejected += count;
        }
    }
}

/// Counts a healthy socket by verdict and silence.
#[inline(always)]
pub(crate) fn count_healthy(settings: &SummarySettings, tally: &mut Tally, healthy: &Healthy) {
    let verdict = healthy.verdict & 3;
    if healthy.until_flagged < tally.until_flagged {
        tally.until_flagged = healthy.until_flagged;
    }
    let Some(quiet) = healthy.quiet else {
        tally.unstamped[verdict] += 1;
        return;
    };
    let mut column = 0;
    for silence in settings.silences {
        column += usize::from(quiet > silence);
    }
    tally.healthy[verdict][column.min(SILENCES)] += 1;
    let longest = &mut tally.longest[verdict];
    if quiet > *longest {
        *longest = quiet;
    }
}

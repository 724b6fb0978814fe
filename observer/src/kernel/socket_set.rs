//! The set of sockets that the walks have found so far, each once, with all its owners.

use std::collections::hash_map::Entry;
use std::fs::File;
use std::time::{Duration, Instant};

use observer_common::TrackedSocketRecord;
use rustc_hash::FxHashMap;

use super::decode::{self, Units};
use super::error::KernelError;
use super::hooks::past;
use super::records::{Record, read_all, split};
use crate::host::sockstat::InUse;
use crate::model::StateSet;
use crate::model::{Socket, State};

/// Sockets that the walks have found so far.
#[derive(Default)]
pub(crate) struct SocketSet {
    pub(crate) units: Units,
    states: StateSet,
    pub(crate) sockets: Vec<Socket>,
    /// Id of the control group of each of `sockets`.
    pub(crate) cgroups: Vec<u64>,
    /// Index into `sockets`, or [`LEFT_OUT`].
    by_cookie: FxHashMap<u64, u32>,
    /// Sockets that the kernel counts as in use, by namespace.
    pub(crate) in_use: FxHashMap<u32, InUse>,
    pub(crate) walking: Duration,
    pub(crate) decoding: Duration,
}

/// Index of a socket that was seen in a state that was not asked for.
const LEFT_OUT: u32 = u32::MAX;

impl SocketSet {
    /// Empty set with room for as many sockets as the kernel counts.
    pub(crate) fn new(units: Units, states: StateSet, expected: usize) -> Self {
        let mut set = Self {
            units,
            states,
            sockets: Vec::with_capacity(expected),
            cgroups: Vec::with_capacity(expected),
            ..Self::default()
        };
        set.by_cookie.reserve(expected);
        prefer_huge_pages(&mut set.sockets);
        set
    }

    /// Reads a walk to its end. The time counts as the walk's as long as that goes on, and as
    /// decoding afterwards.
    pub(crate) fn read(
        &mut self,
        iterator: &'static str,
        walk: File,
        mut each: impl FnMut(&mut Self, Record),
    ) -> Result<(), KernelError> {
        let start = Instant::now();
        let walked = read_all(walk, |chunk| split(chunk, |record| each(self, record)))
            .map_err(|error| KernelError::Read { iterator, error })?;
        self.walking += walked;
        self.decoding += start.elapsed().saturating_sub(walked);
        Ok(())
    }

    /// `true` if a socket was seen, in whatever state.
    pub(crate) fn has_seen(&self, cookie: u64) -> bool {
        self.by_cookie.contains_key(&cookie)
    }

    /// Adds the contents of a record: a socket, another owner of one, or its past.
    pub(crate) fn add(&mut self, record: &Record) {
        let record = match record {
            Record::Socket(record) => record,
            Record::Tracked(record) => return self.remember(record),
            Record::Table(_) => return,
        };
        if self.units.hz == 0 {
            self.units.hz = Units::guess_hz_now(record.jiffies);
        }
        let slot = match self.by_cookie.entry(record.cookie) {
            Entry::Occupied(known) => {
                let known = self.sockets.get_mut(*known.get() as usize);
                if let (Some(socket), Some(owner)) = (known, decode::owner(record)) {
                    // A file may be reached twice, by two threads with tables of their own.
                    if !socket.owners.contains(&owner) {
                        socket.owners.push(owner);
                    }
                }
                return;
            }
            Entry::Vacant(slot) => slot,
        };
        let Some(socket) = decode::socket(record, self.units) else {
            slot.insert(LEFT_OUT);
            return;
        };
        if socket.state != State::Close {
            let in_use = self.in_use.entry(record.netns).or_default();
            in_use.all += 1;
            in_use.listening += u64::from(socket.state == State::Listen);
        }
        if !self.states.contains(socket.state) {
            slot.insert(LEFT_OUT);
            return;
        }
        slot.insert(u32::try_from(self.sockets.len()).unwrap_or(LEFT_OUT));
        self.sockets.push(socket);
        self.cgroups.push(record.cgroup);
    }

    /// Adds what the hooks remember of a socket that was found.
    fn remember(&mut self, record: &TrackedSocketRecord) {
        let at = self.by_cookie.get(&record.cookie);
        let socket = at.and_then(|at| self.sockets.get_mut(*at as usize));
        if let Some(socket) = socket.filter(|socket| socket.past.is_none()) {
            past::add(socket, &record.tracked, record.at_ns, self.units.hz, true);
        }
    }
}

/// Asks for huge pages under memory that is going to be filled: without them, a fault for each 4 KiB is
/// a third of the time that decoding takes.
fn prefer_huge_pages(sockets: &mut Vec<Socket>) {
    const HUGE_PAGE: usize = 2 << 20;
    let room = sockets.spare_capacity_mut();
    let start = room.as_mut_ptr().addr().next_multiple_of(HUGE_PAGE);
    let end = room.as_mut_ptr_range().end.addr() / HUGE_PAGE * HUGE_PAGE;
    let Some(len) = end.checked_sub(start).filter(|len| *len > 0) else {
        return;
    };
    let start = room.as_mut_ptr().with_addr(start).cast();
    // SAFETY: the range lies within our own allocation; the advice changes no content. A kernel
    // without huge pages refuses, which changes nothing either.
    let _refused = unsafe { rustix::mm::madvise(start, len, rustix::mm::Advice::LinuxHugepage) };
}

//! The scan by iterators: every file descriptor of every process, then what no descriptor leads
//! to.

use std::collections::hash_map::Entry;
use std::fs::File;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use observer_common::{Pass, ScanMode};
use rustc_hash::FxHashMap;

use super::calibrate::Calibration;
use super::decode::{self, Units};
use super::load::{self, KernelError, Programs};
use super::records::{Record, read_all, split};
use crate::host::sockstat::InUse;
use crate::host::{self, CgroupCache, LocalAddresses, Netns, netns};
use crate::model::socket::StateSet;
use crate::model::{Socket, State};
use crate::scan::{Phase, Request, Scan, Unknown};

/// Scans by `iter/task_file` and `iter/tcp`. Minimum kernel: 5.12 with BTF.
#[derive(Debug)]
pub struct KernelScanner {
    programs: Programs,
    calibration: Calibration,
    units: Units,
    cgroups: CgroupCache,
    /// What this kernel cannot say.
    unknown: Vec<Unknown>,
    /// Time spent on BTF and loading; part of the first scan's phases.
    opening: Vec<Phase>,
}

/// Every state that the kernel counts as in use: the walk of descriptors takes them all, to
/// compare its count with the kernel's.
const ANY_STATE: u32 = u32::MAX;

impl KernelScanner {
    /// Loads the programs and reads a socket of observer's own back.
    ///
    /// # Errors
    /// No BTF, no permission, a kernel without the helpers, or one that is not read right.
    pub fn open() -> Result<Self, KernelError> {
        let mut opening = Scan::default();
        let programs = Programs::load(&mut opening)?;
        let calibration = Calibration::new().map_err(|error| KernelError::Refused {
            step: "making a TCP socket to calibrate by",
            reason: error.to_string(),
        })?;
        let absent = &programs.facts.absent;
        let units = Units {
            knows_kernel_sockets: !absent.contains(&"kern_sock"),
            ..Units::default()
        };
        Ok(Self {
            unknown: unknown_fields(absent),
            programs,
            calibration,
            units,
            cgroups: CgroupCache::default(),
            opening: opening.phases,
        })
    }

    /// Scans every network namespace.
    ///
    /// # Errors
    /// The kernel stops a walk, or observer's own socket is not read as it is.
    pub fn scan(&mut self, request: &Request) -> Result<Scan, KernelError> {
        let mut scan = Scan {
            phases: std::mem::take(&mut self.opening),
            ..Scan::default()
        };
        let hosts = scan.timed("namespaces", Hosts::read);
        let mut found = self.walk_files(&hosts, request)?;
        if found.units.hz != self.units.hz {
            // The guess was wrong; now the length of a jiffy is known.
            found = self.walk_files(&hosts, request)?;
        }
        found.units = self.units;
        self.walk_tables(&hosts, request, &mut found)?;
        scan.add_phase("scan", found.walking);
        scan.add_phase("decode", found.decoding);
        scan.timed("owners", |_| {
            self.cgroups.forget_processes();
            for (socket, cgroup) in found.sockets.iter_mut().zip(&found.cgroups) {
                socket.peer_is_local = hosts
                    .addresses
                    .peer_is_local(socket.netns, socket.remote.ip());
                socket.cgroup = match socket.owners.first() {
                    Some(owner) => self.cgroups.by_process(owner.pid, Some(*cgroup)),
                    None => self.cgroups.by_id(*cgroup),
                };
            }
        });
        scan.sockets = found.sockets;
        scan.unknown = self.unknown.clone();
        Ok(scan)
    }

    /// The walk of descriptors; finds the true units on its way.
    fn walk_files(&mut self, hosts: &Hosts, request: &Request) -> Result<Found, KernelError> {
        self.programs.set_mode(ScanMode {
            pass: Pass::All as u32,
            states: ANY_STATE,
            calibration: self.calibration.cookie,
        })?;
        let mut found = Found::new(self.units, request.states, hosts.expected());
        let mut own = None;
        let walk = self.programs.walk_files()?;
        let cookie = self.calibration.cookie;
        found.read("task_file", walk, |found, record| match record {
            Record::Socket(record) if record.cookie == cookie => {
                // A child between fork and exec holds it too.
                if own.is_none() || record.pid == std::process::id() {
                    own = Some(record);
                }
            }
            record => found.take(&record),
        })?;
        let own = own.ok_or_else(|| KernelError::SelfCheck {
            field: "a descriptor",
            expected: "among those walked".into(),
            found: "nothing".into(),
        })?;
        self.units = self.calibration.check(&own, self.units)?;
        Ok(found)
    }

    /// The walk of the TCP tables in each namespace where the kernel counts sockets that no
    /// descriptor led to.
    fn walk_tables(
        &mut self,
        hosts: &Hosts,
        request: &Request,
        found: &mut Found,
    ) -> Result<(), KernelError> {
        let walked = hosts.that_may_hold_more(request.states, found);
        if walked.is_empty() {
            return Ok(());
        }
        self.programs.set_mode(ScanMode {
            pass: Pass::All as u32,
            states: request.states.0,
            calibration: 0,
        })?;
        let mut unseen = FxHashMap::default();
        for walk in self.open_tables(hosts, &walked)? {
            found.read("tcp", walk, |found, record| match record {
                Record::Table(table) if !found.by_cookie.contains_key(&table.cookie) => {
                    unseen.insert(table.cookie, table.file);
                }
                record => found.take(&record),
            })?;
        }
        let unseen: Vec<(u64, u64)> = unseen.into_iter().collect();
        for candidates in unseen.chunks(Programs::MAX_CANDIDATES) {
            self.walk_candidates(hosts, &walked, candidates, found)?;
        }
        Ok(())
    }

    /// Sockets that the tables have and the walk of descriptors did not, by cookie and address of
    /// their file: opened after it passed, or held by something else than a descriptor. A second
    /// look at the descriptors tells.
    fn walk_candidates(
        &mut self,
        hosts: &Hosts,
        walked: &[u32],
        candidates: &[(u64, u64)],
        found: &mut Found,
    ) -> Result<(), KernelError> {
        self.programs
            .set_candidates(candidates.iter().map(|(_, file)| *file))?;
        self.programs.set_mode(ScanMode {
            pass: Pass::Candidates as u32,
            states: ANY_STATE,
            calibration: 0,
        })?;
        let walk = self.programs.walk_files()?;
        found.read("task_file", walk, |found, record| found.take(&record))?;
        let left: Vec<u64> = candidates
            .iter()
            .map(|(cookie, _)| *cookie)
            .filter(|cookie| !found.by_cookie.contains_key(cookie))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        self.programs.set_candidates(left.into_iter())?;
        for walk in self.open_tables(hosts, walked)? {
            found.read("tcp", walk, |found, record| found.take(&record))?;
        }
        Ok(())
    }

    /// Opens a walk of the tables in each namespace; one that vanished is left out.
    fn open_tables(&mut self, hosts: &Hosts, walked: &[u32]) -> Result<Vec<File>, KernelError> {
        let links = walked
            .iter()
            .map(|inode| Ok((*inode, Mutex::new(Some(self.programs.link_tables()?)))))
            .collect::<Result<FxHashMap<_, _>, KernelError>>()?;
        let opened = netns::visit(&hosts.namespaces, |netns| {
            let link = links.get(&netns.inode)?.lock().ok()?.take()?;
            Some(load::open_walk(link))
        });
        // A namespace that cannot be entered was named when its addresses were read.
        opened
            .into_iter()
            .filter_map(Result::ok)
            .flatten()
            .collect()
    }
}

/// The namespaces, and what was read inside them.
struct Hosts {
    namespaces: Vec<Netns>,
    addresses: LocalAddresses,
    /// Sockets in use, by namespace.
    in_use: FxHashMap<u32, InUse>,
}

impl Hosts {
    fn read(scan: &mut Scan) -> Self {
        let namespaces = netns::enumerate().found;
        let mut addresses = LocalAddresses::default();
        let mut in_use = FxHashMap::default();
        let mut closed = 0;
        let visited = netns::visit(&namespaces, |_| (host::local_addresses(), InUse::here()));
        for (netns, result) in namespaces.iter().zip(visited) {
            match result {
                Ok((local, used)) => {
                    if let Ok(local) = local {
                        addresses.insert(netns.inode, local);
                    }
                    if let Ok(used) = used {
                        in_use.insert(netns.inode, used);
                    }
                }
                Err(_) => closed += 1,
            }
        }
        if closed > 0 {
            scan.notices.push(format!(
                "{closed} network namespaces cannot be entered: sockets there that no process holds are missing, and peers are never taken for local; CAP_SYS_ADMIN is needed"
            ));
        }
        Self {
            namespaces,
            addresses,
            in_use,
        }
    }
}

/// What the walks found so far.
#[derive(Default)]
struct Found {
    units: Units,
    states: Option<StateSet>,
    sockets: Vec<Socket>,
    /// Id of the control group of each of `sockets`.
    cgroups: Vec<u64>,
    /// Index into `sockets`, or [`LEFT_OUT`].
    by_cookie: FxHashMap<u64, u32>,
    /// Sockets that the kernel counts as in use, by namespace.
    in_use: FxHashMap<u32, InUse>,
    walking: Duration,
    decoding: Duration,
}

/// Room is made for no more sockets than these on the kernel's word alone.
const MOST_EXPECTED: u64 = 4_000_000;

/// Seen, and in a state that was not asked for.
const LEFT_OUT: u32 = u32::MAX;

impl Found {
    /// With room for as many sockets as the kernel counts.
    fn new(units: Units, states: StateSet, expected: usize) -> Self {
        let mut found = Self {
            units,
            states: Some(states),
            sockets: Vec::with_capacity(expected),
            cgroups: Vec::with_capacity(expected),
            ..Self::default()
        };
        found.by_cookie.reserve(expected);
        prefer_huge_pages(&mut found.sockets);
        found
    }

    /// Reads a walk to its end, keeping apart the time that the kernel takes and the time that
    /// decoding takes.
    fn read(
        &mut self,
        iterator: &'static str,
        walk: File,
        mut each: impl FnMut(&mut Self, Record),
    ) -> Result<(), KernelError> {
        let start = Instant::now();
        let decoding_before = self.decoding;
        read_all(walk, |chunk| {
            let start = Instant::now();
            let used = split(chunk, |record| each(self, record));
            self.decoding += start.elapsed();
            used
        })
        .map_err(|source| KernelError::Read { iterator, source })?;
        self.walking += start
            .elapsed()
            .saturating_sub(self.decoding.saturating_sub(decoding_before));
        Ok(())
    }

    fn take(&mut self, record: &Record) {
        let Record::Socket(record) = record else {
            return;
        };
        if self.units.hz == 0 {
            let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            let uptime = Duration::try_from(uptime).unwrap_or_default();
            self.units.hz = Units::guess_hz(record.jiffies, uptime);
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
        if !self
            .states
            .is_some_and(|states| states.contains(socket.state))
        {
            slot.insert(LEFT_OUT);
            return;
        }
        slot.insert(u32::try_from(self.sockets.len()).unwrap_or(LEFT_OUT));
        self.sockets.push(socket);
        self.cgroups.push(record.cgroup);
    }
}

/// Asks for huge pages under what is going to be filled: without them, a fault for each 4 KiB is
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

impl Hosts {
    /// How many sockets to expect. A hint: they come and go.
    fn expected(&self) -> usize {
        let all: u64 = self.in_use.values().map(|in_use| in_use.all).sum();
        usize::try_from(all.min(MOST_EXPECTED)).unwrap_or_default()
    }

    /// The namespaces that may hold sockets that no descriptor led to: all but those where the
    /// kernel's own count, before and after the walk, is what the walk found.
    fn that_may_hold_more(&self, states: StateSet, found: &Found) -> Vec<u32> {
        let same = |counted: Option<&InUse>, walked: InUse| match counted {
            Some(counted) if states.contains(State::Listen) => *counted == walked,
            Some(counted) => counted.connected() == walked.connected(),
            None => false,
        };
        let after = netns::visit(&self.namespaces, |_| InUse::here().ok());
        let after = after.into_iter().map(|counted| counted.ok().flatten());
        self.namespaces
            .iter()
            .zip(after)
            .filter(|(netns, after)| {
                let walked = found.in_use.get(&netns.inode).copied().unwrap_or_default();
                let before = self.in_use.get(&netns.inode);
                states.needs_tables() || !same(before, walked) || !same(after.as_ref(), walked)
            })
            .map(|(netns, _)| netns.inode)
            .collect()
    }
}

/// The JSON fields that a missing kernel field leaves unknown.
fn unknown_fields(absent: &[&'static str]) -> Vec<Unknown> {
    absent
        .iter()
        .filter_map(|name| {
            let field = match *name {
                "kern_sock" | "allocation" => "kernel_owned",
                "cgroup" | "cgroups" | "dfl_cgrp" | "cgroup_kn" | "kn_id" => "cgroup",
                "tw_expires" | "rsk_expires" | "rsk_retransmits" => "timer",
                _ => return None,
            };
            Some(Unknown {
                field,
                why: format!("this kernel's BTF has no field for `{name}`"),
            })
        })
        .collect()
}

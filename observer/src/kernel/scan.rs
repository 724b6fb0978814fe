//! The scan by iterators: every file descriptor of every process, then what no descriptor leads
//! to.

use std::fs::File;
use std::sync::Mutex;

use aya::programs::iter::IterLink;
use observer_common::{Pass, ScanMode};
use rustc_hash::FxHashMap;

use super::calibrate::Calibration;
use super::decode::Units;
use super::found::Found;
use super::hooks::Notes;
use super::hosts::Hosts;
use super::load::{self, KernelError, Programs};
use super::records::Record;
use super::survey::SurveyPrograms;
use crate::host::{CgroupCache, netns};
use crate::model::scan::{Phase, Scan, ScanRequest, UnknownField};

/// Scans by `iter/task_file` and `iter/tcp`. Minimum kernel: 5.12 with BTF.
#[derive(Debug)]
pub struct KernelScanner {
    pub(super) programs: Programs,
    pub(super) calibration: Calibration,
    pub(super) units: Units,
    pub(super) cgroups: CgroupCache,
    /// What this kernel cannot say.
    pub(super) unknown: Vec<UnknownField>,
    /// Time spent on BTF and loading; part of the first scan's phases.
    opening: Vec<Phase>,
    /// Made ready when first asked for.
    pub(super) survey: Option<SurveyPrograms>,
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
        let calibration = Calibration::new().map_err(KernelError::calibrate)?;
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
            survey: None,
        })
    }

    /// Adds what hooks remember to the sockets that the next scans find.
    ///
    /// # Errors
    /// The kernel does not let the walks read it.
    pub fn share_notes(&mut self, notes: &Notes) -> Result<(), KernelError> {
        self.programs.share_notes(notes.map())
    }

    /// Scans every network namespace.
    ///
    /// # Errors
    /// The kernel stops a walk, or observer's own socket is not read as it is.
    pub fn scan(&mut self, request: &ScanRequest) -> Result<Scan, KernelError> {
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
        scan.timed("owners", |_| self.name(&hosts, &mut found));
        scan.notices.extend(hosts.notice_of_unfound(&found.sockets));
        scan.sockets = found.sockets;
        scan.unknown = self.unknown.clone();
        Ok(scan)
    }

    /// Adds what the records do not have: whose the peers are, and the control groups by name.
    pub(super) fn name(&mut self, hosts: &Hosts, found: &mut Found) {
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
    }

    /// The walk of descriptors; finds the true units on its way.
    fn walk_files(&mut self, hosts: &Hosts, request: &ScanRequest) -> Result<Found, KernelError> {
        self.programs.set_mode(ScanMode {
            pass: Pass::All as u32,
            states: ANY_STATE,
            calibration: self.calibration.cookie,
        })?;
        let mut found = Found::new(self.units, request.states, hosts.expected());
        let walk = self.programs.walk_files()?;
        self.read_files(&mut found, walk)?;
        Ok(found)
    }

    /// Reads a walk of descriptors, and checks that observer's own socket, which must be among them,
    /// is read as it is.
    pub(super) fn read_files(&mut self, found: &mut Found, walk: File) -> Result<(), KernelError> {
        let mut own = None;
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
        let own = own.ok_or_else(KernelError::own_socket_is_missing)?;
        self.units = self.calibration.check(&own, self.units)?;
        Ok(())
    }

    /// The walk of the TCP tables in each namespace where the kernel counts sockets that no
    /// descriptor led to.
    fn walk_tables(
        &mut self,
        hosts: &Hosts,
        request: &ScanRequest,
        found: &mut Found,
    ) -> Result<(), KernelError> {
        let walked = hosts.that_may_hold_more(request.states, &found.in_use, &hosts.count_again());
        if walked.is_empty() {
            return Ok(());
        }
        self.programs.set_mode(ScanMode {
            pass: Pass::All as u32,
            states: request.states.0,
            calibration: 0,
        })?;
        let mut unseen = FxHashMap::default();
        for walk in open_tables(hosts, &walked, || self.programs.link_tables())? {
            found.read("tcp", walk, |found, record| match record {
                Record::Table(table) if !found.has_seen(table.cookie) => {
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
            .filter(|cookie| !found.has_seen(*cookie))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        self.programs.set_candidates(left.into_iter())?;
        for walk in open_tables(hosts, walked, || self.programs.link_tables())? {
            found.read("tcp", walk, |found, record| found.take(&record))?;
        }
        Ok(())
    }
}

#[cfg(test)]
impl KernelScanner {
    /// What the walks of the descriptors and of this namespace's tables write.
    pub(crate) fn raw_walks(&mut self) -> [(&'static str, Vec<u8>); 2] {
        let mode = ScanMode {
            pass: Pass::All as u32,
            states: ANY_STATE,
            calibration: self.calibration.cookie,
        };
        self.programs.set_mode(mode).unwrap();
        let files = self.programs.walk_files().unwrap();
        let tables = self.programs.link_tables().and_then(load::open_walk);
        [("files", files), ("tables", tables.unwrap())].map(|(name, mut walk)| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut walk, &mut bytes).unwrap();
            (name, bytes)
        })
    }
}

/// Opens a walk of the tables in each namespace; one that vanished is left out.
pub(super) fn open_tables(
    hosts: &Hosts,
    walked: &[u32],
    mut link: impl FnMut() -> Result<IterLink, KernelError>,
) -> Result<Vec<File>, KernelError> {
    let links = walked
        .iter()
        .map(|inode| Ok((*inode, Mutex::new(Some(link()?)))))
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

/// The JSON fields that a missing kernel field leaves unknown.
#[must_use]
pub fn unknown_fields(absent: &[&'static str]) -> Vec<UnknownField> {
    absent
        .iter()
        .filter_map(|name| {
            let field = match *name {
                "kern_sock" | "allocation" => "kernel_owned",
                "cgroup" | "cgroups" | "dfl_cgrp" | "cgroup_kn" | "kn_id" => "cgroup",
                "tw_expires" | "rsk_expires" | "rsk_retransmits" => "timer",
                _ => return None,
            };
            Some(UnknownField {
                field,
                why: format!("this kernel's BTF has no field for `{name}`"),
            })
        })
        .collect()
}

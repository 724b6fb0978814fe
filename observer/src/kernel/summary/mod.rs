//! The in-kernel summary: healthy sockets are counted in the kernel, only the others are read. Its
//! cost in user space grows with the sockets in danger, not with all.

mod limits;
mod programs;

use std::sync::Arc;

use observer_common::summary::{MAX_SHARED, SILENCES, Tally, WorkloadCount, WorkloadKey, verdict};

use super::decode;
use super::error::KernelError;
use super::namespaces::Namespaces;
use super::socket_set::SocketSet;
use super::walk::{WalkReader, open_tables};
use crate::host::CgroupCache;
use crate::model::StateSet;
use crate::model::scan::{Scan, UnknownField};
use crate::model::{Cgroup, Comm, Socket};

pub(crate) use limits::{LimitTable, mapped};
pub(super) use programs::SummaryPrograms;

/// Walks at most until it is known how often a file with one descriptor is referenced.
const MAX_RETRIES: u32 = 3;

/// Numbers that the kernel side counts by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TallyRequest<'a> {
    /// Path limits.
    pub(crate) limits: &'a LimitTable,
    /// Silences for which sockets are counted, in jiffies, from the shortest.
    pub(crate) silences: [u32; SILENCES],
    /// Workloads are names of processes, else control groups.
    pub(crate) by_comm: bool,
}

/// Counts as the kernel made them, and the sockets that were read.
#[derive(Debug)]
pub(crate) struct RawSummary {
    /// Counts of healthy sockets.
    pub(crate) tally: Tally,
    /// Healthy sockets of each workload.
    pub(crate) workloads: Vec<WorkloadTally>,
    /// Sockets that are not healthy, or soon will not be.
    pub(crate) sockets: Vec<Socket>,
    /// Sockets that the kernel counts as in use and that no walk came upon.
    pub(crate) unaccounted: u64,
    /// Fields that this kernel does not have.
    pub(crate) unknown: Vec<UnknownField>,
    /// Notices for the user.
    pub(crate) notices: Vec<String>,
}

/// Healthy sockets of one workload.
#[derive(Debug)]
pub(crate) struct WorkloadTally {
    /// Control group, where workloads are control groups.
    pub(crate) cgroup: Option<Arc<Cgroup>>,
    /// Name of the process, where workloads are processes.
    pub(crate) comm: Option<Comm>,
    /// Number of sockets by [`verdict`].
    pub(crate) sockets: [u64; verdict::COUNT],
}

impl SummaryPrograms {
    /// Makes one summary; `None` where the maps have no room for this host's addresses or shared
    /// files. `unknown` is left empty.
    pub(super) fn summarize(
        &mut self,
        reader: &mut WalkReader,
        hz: u32,
        request: &TallyRequest<'_>,
    ) -> Result<Option<RawSummary>, KernelError> {
        self.set_limits(request.limits)?;
        let mut notices = Scan::default();
        let namespaces = Namespaces::read(&mut notices);
        if !self.set_addresses(&namespaces.addresses)? {
            return Ok(None);
        }
        self.next.hz = hz;
        self.next.calibration = reader.calibration.cookie;
        self.next.by_comm = u32::from(request.by_comm);
        self.next.silences = request.silences;
        let (mut found, shared) = self.walk_files_until_settled(reader)?;
        if shared > u64::from(MAX_SHARED) / 2 {
            return Ok(None);
        }
        let after = namespaces.count_again();
        let in_use = self.in_use(&self.tally()?)?;
        let walked = namespaces.that_may_hold_more(StateSet::CONNECTED, &in_use, &after);
        if !walked.is_empty() {
            for walk in open_tables(&namespaces, &walked, || self.walks.link_tables())? {
                found.read("tcp", walk, |found, record| found.add(&record))?;
            }
        }
        let tally = self.tally()?;
        let unaccounted = namespaces.unaccounted(&self.in_use(&tally)?, &after);
        reader.add_names(&namespaces, &mut found);
        notices
            .notices
            .extend(namespaces.notice_of_unfound(&found.sockets));
        Ok(Some(RawSummary {
            workloads: self.named_workloads(&mut reader.cgroups, &tally, request.by_comm)?,
            tally,
            unaccounted,
            unknown: Vec::new(),
            notices: notices.notices,
            sockets: found.sockets,
        }))
    }

    /// Walks the descriptors; again while it is not known how often a file with one descriptor is
    /// referenced. Returns the sockets and the number of shared files.
    fn walk_files_until_settled(
        &mut self,
        reader: &mut WalkReader,
    ) -> Result<(SocketSet, u64), KernelError> {
        let mut found = self.walk_files(reader)?;
        let mut tally = self.tally()?;
        // While a child of ours is between fork and exec it holds our socket too, and what two
        // descriptors lead to would pass for what one does: the least that was ever seen counts.
        for _ in 0..MAX_RETRIES {
            let known = self.next.single_references;
            if known > 0 && known <= tally.single_references {
                break;
            }
            self.next.single_references = tally.single_references;
            found = self.walk_files(reader)?;
            tally = self.tally()?;
        }
        Ok((found, tally.shared))
    }

    /// Walks the descriptors once.
    fn walk_files(&mut self, reader: &mut WalkReader) -> Result<SocketSet, KernelError> {
        self.begin()?;
        let mut found = SocketSet::new(reader.units, StateSet::CONNECTED, 0);
        let walk = self.walks.walk_files()?;
        reader.read_files(&mut found, walk)?;
        Ok(found)
    }

    /// Workloads with the names of their control groups or processes.
    fn named_workloads(
        &self,
        cgroups: &mut CgroupCache,
        tally: &Tally,
        by_comm: bool,
    ) -> Result<Vec<WorkloadTally>, KernelError> {
        let mut workloads: Vec<WorkloadTally> = self
            .workloads(tally)?
            .into_iter()
            .map(|(key, count)| WorkloadTally::of(cgroups, key, &count, by_comm))
            .collect();
        if tally.workloads_rejected.iter().any(|count| *count > 0) {
            workloads.push(WorkloadTally {
                cgroup: None,
                comm: None,
                sockets: tally.workloads_rejected,
            });
        }
        Ok(workloads)
    }
}

impl WorkloadTally {
    fn of(
        cgroups: &mut CgroupCache,
        [id, pid]: WorkloadKey,
        count: &WorkloadCount,
        by_comm: bool,
    ) -> Self {
        let (cgroup, comm) = match (by_comm, count.pid) {
            (true, 0) => (None, None),
            (true, _) => (None, Some(decode::comm([id, pid]))),
            (false, 0) => (cgroups.by_id(id), None),
            (false, pid) => (cgroups.by_process(pid, Some(id)), None),
        };
        Self {
            cgroup,
            comm,
            sockets: count.sockets,
        }
    }
}

//! The scan by iterators: every file descriptor of every process, then what no descriptor leads
//! to.

mod programs;

use observer_common::{Pass, ScanMode};
use rustc_hash::FxHashMap;

use super::error::KernelError;
use super::namespaces::Namespaces;
use super::records::Record;
use super::socket_set::SocketSet;
use super::walk::{WalkReader, open_tables};
use crate::model::StateSet;
use crate::model::scan::Scan;

pub(super) use programs::ScanPrograms;

/// Every state that the kernel counts as in use: the walk of descriptors takes them all, to
/// compare its count with the kernel's.
const ANY_STATE: u32 = u32::MAX;

/// Adds every socket of every network namespace to the scan.
pub(super) fn scan(
    programs: &mut ScanPrograms,
    reader: &mut WalkReader,
    states: StateSet,
    scan: &mut Scan,
) -> Result<(), KernelError> {
    let namespaces = scan.timed("namespaces", Namespaces::read);
    let mut walks = ScanWalks {
        programs,
        reader,
        states,
        namespaces: &namespaces,
    };
    let mut found = walks.walk_files()?;
    if found.units.hz != walks.reader.units.hz {
        // The guess was wrong; now the length of a jiffy is known.
        found = walks.walk_files()?;
    }
    found.units = walks.reader.units;
    walks.walk_tables(&mut found)?;
    scan.add_phase("scan", found.walking);
    scan.add_phase("decode", found.decoding);
    scan.timed("owners", |_| reader.add_names(&namespaces, &mut found));
    scan.notices
        .extend(namespaces.notice_of_unfound(&found.sockets));
    scan.sockets = found.sockets;
    Ok(())
}

/// The walks of one scan.
struct ScanWalks<'a> {
    programs: &'a mut ScanPrograms,
    reader: &'a mut WalkReader,
    states: StateSet,
    namespaces: &'a Namespaces,
}

impl ScanWalks<'_> {
    /// Walks the descriptors; finds the true units on its way.
    fn walk_files(&mut self) -> Result<SocketSet, KernelError> {
        self.programs.set_mode(ScanMode {
            pass: Pass::All as u32,
            states: ANY_STATE,
            calibration: self.reader.calibration.cookie,
        })?;
        let expected = self.namespaces.expected_sockets();
        let mut found = SocketSet::new(self.reader.units, self.states, expected);
        let walk = self.programs.walk_files()?;
        self.reader.read_files(&mut found, walk)?;
        Ok(found)
    }

    /// Walks the TCP tables in each namespace where the kernel counts sockets that no descriptor
    /// led to.
    fn walk_tables(&mut self, found: &mut SocketSet) -> Result<(), KernelError> {
        let after = self.namespaces.count_again();
        let walked = self
            .namespaces
            .that_may_hold_more(self.states, &found.in_use, &after);
        if walked.is_empty() {
            return Ok(());
        }
        self.programs.set_mode(ScanMode {
            pass: Pass::All as u32,
            states: self.states.0,
            calibration: 0,
        })?;
        let mut unseen = FxHashMap::default();
        for walk in open_tables(self.namespaces, &walked, || self.programs.link_tables())? {
            found.read("tcp", walk, |found, record| match record {
                Record::Table(table) if !found.has_seen(table.cookie) => {
                    unseen.insert(table.cookie, table.file);
                }
                record => found.add(&record),
            })?;
        }
        let unseen: Vec<(u64, u64)> = unseen.into_iter().collect();
        for candidates in unseen.chunks(ScanPrograms::MAX_CANDIDATES) {
            self.walk_candidates(&walked, candidates, found)?;
        }
        Ok(())
    }

    /// Walks the descriptors again for sockets that the tables have and the first walk did not, by
    /// cookie and address of their file: opened after it passed, or held by something else than a
    /// descriptor.
    fn walk_candidates(
        &mut self,
        walked: &[u32],
        candidates: &[(u64, u64)],
        found: &mut SocketSet,
    ) -> Result<(), KernelError> {
        self.programs
            .set_candidates(candidates.iter().map(|(_, file)| *file))?;
        self.programs.set_mode(ScanMode {
            pass: Pass::Candidates as u32,
            states: ANY_STATE,
            calibration: 0,
        })?;
        let walk = self.programs.walk_files()?;
        found.read("task_file", walk, |found, record| found.add(&record))?;
        let left: Vec<u64> = candidates
            .iter()
            .map(|(cookie, _)| *cookie)
            .filter(|cookie| !found.has_seen(*cookie))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        self.programs.set_candidates(left.into_iter())?;
        for walk in open_tables(self.namespaces, walked, || self.programs.link_tables())? {
            found.read("tcp", walk, |found, record| found.add(&record))?;
        }
        Ok(())
    }
}

/// Bytes that the walks of the descriptors and of this namespace's tables write.
#[cfg(test)]
pub(super) fn raw_walks(
    programs: &mut ScanPrograms,
    reader: &WalkReader,
) -> [(&'static str, Vec<u8>); 2] {
    let mode = ScanMode {
        pass: Pass::All as u32,
        states: ANY_STATE,
        calibration: reader.calibration.cookie,
    };
    programs.set_mode(mode).unwrap();
    let files = programs.walk_files().unwrap();
    let tables = programs.link_tables().and_then(super::load::open_walk);
    [("files", files), ("tables", tables.unwrap())].map(|(name, mut walk)| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut walk, &mut bytes).unwrap();
        (name, bytes)
    })
}

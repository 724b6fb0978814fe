//! The scanner by iterators: full scans, and summaries that the kernel makes.

use super::calibrate::Calibration;
use super::decode::Units;
use super::error::KernelError;
use super::hooks::TrackedSockets;
use super::scan::{self, ScanPrograms};
use super::summary::{RawSummary, SummaryPrograms, TallyRequest};
use super::walk::WalkReader;
use crate::host::CgroupCache;
use crate::host::pid_namespace::{self, HIDDEN_PROCESSES};
use crate::model::Socket;
use crate::model::scan::{Phase, Scan, ScanRequest, UnknownField};

/// Scans by `iter/task_file` and `iter/tcp`. Minimum kernel: 5.12 with BTF.
#[derive(Debug)]
pub struct KernelScanner {
    scan: ScanPrograms,
    /// Loaded when first asked for.
    summary: Option<SummaryPrograms>,
    reader: WalkReader,
    /// Fields that this kernel does not have.
    unknown: Vec<UnknownField>,
    /// Time spent on BTF and loading; part of the first scan's phases.
    opening: Vec<Phase>,
}

impl KernelScanner {
    /// Loads the programs and reads a socket of observer's own back.
    ///
    /// # Errors
    /// No BTF, no permission, a kernel without the helpers, or one that is not read right.
    pub fn open() -> Result<Self, KernelError> {
        let mut opening = Scan::default();
        let programs = ScanPrograms::load(&mut opening)?;
        let calibration = Calibration::new().map_err(KernelError::calibrate)?;
        let absent = &programs.types.layout.absent;
        let units = Units {
            knows_kernel_sockets: !absent.contains(&"kern_sock"),
            hides_processes: pid_namespace::is_first() == Some(false),
            ..Units::default()
        };
        let mut unknown = unknown_fields(absent);
        if units.hides_processes {
            unknown.extend(["owners", "kernel_owned"].map(|field| UnknownField {
                field,
                why: HIDDEN_PROCESSES.to_owned(),
            }));
        }
        Ok(Self {
            unknown,
            scan: programs,
            summary: None,
            reader: WalkReader {
                calibration,
                units,
                cgroups: CgroupCache::default(),
            },
            opening: opening.phases,
        })
    }

    /// Adds what hooks remember to the sockets that the next scans find.
    ///
    /// # Errors
    /// The kernel does not let the walks read it.
    pub fn share_tracked(&mut self, tracked: &TrackedSockets) -> Result<(), KernelError> {
        self.scan.share_tracked(tracked.map())
    }

    /// Scans every network namespace.
    ///
    /// # Errors
    /// The kernel stops a walk, or observer's own socket is not read as it is.
    pub fn scan(&mut self, request: &ScanRequest) -> Result<Scan, KernelError> {
        let mut scan = Scan {
            phases: std::mem::take(&mut self.opening),
            unknown: self.unknown.clone(),
            ..Scan::default()
        };
        scan::scan(&mut self.scan, &mut self.reader, request.states, &mut scan)?;
        if scan.sockets.iter().any(|socket| socket.timer.is_none()) {
            scan.unknown.push(UnknownField {
                field: "timer",
                why: "this kernel has a kind of timer that observer does not know".to_owned(),
            });
        }
        if self.reader.units.hides_processes {
            scan.notices.extend(notice_of_hidden_owners(&scan.sockets));
        }
        Ok(scan)
    }

    /// Jiffies a second; `None` before the first scan, which finds it.
    #[must_use]
    pub fn hz(&self) -> Option<u32> {
        Some(self.reader.units.hz).filter(|hz| *hz > 0)
    }

    /// Loads the programs of the summary, so that a first one needs no more privilege than others.
    ///
    /// # Errors
    /// The kernel refuses the programs.
    pub fn prepare_summary(&mut self) -> Result<(), KernelError> {
        self.scan.load_tables()?;
        if self.summary.is_none() {
            self.summary = Some(SummaryPrograms::load(&self.scan.types)?);
        }
        Ok(())
    }

    /// Counts the healthy connected sockets of every network namespace, and reads the others. `None`
    /// before the first scan, and where the kernel side has no room for this host's addresses or
    /// shared files: a full scan is needed then.
    ///
    /// # Errors
    /// The kernel refuses the programs or stops a walk, or observer's own socket is not read as it
    /// is.
    pub(crate) fn summarize(
        &mut self,
        request: &TallyRequest<'_>,
    ) -> Result<Option<RawSummary>, KernelError> {
        let Some(hz) = self.hz() else {
            return Ok(None);
        };
        self.prepare_summary()?;
        let Some(programs) = &mut self.summary else {
            return Ok(None);
        };
        let summary = programs.summarize(&mut self.reader, hz, request)?;
        Ok(summary.map(|summary| RawSummary {
            unknown: self.unknown.clone(),
            ..summary
        }))
    }
}

/// Notice about sockets that processes outside of observer's PID namespace hold.
fn notice_of_hidden_owners(sockets: &[Socket]) -> Option<String> {
    let is_held = |socket: &&Socket| socket.owners.is_empty() && socket.kernel_owned.is_none();
    let held = sockets.iter().filter(is_held).count();
    (held > 0).then(|| {
        format!("the owners of {held} of {} sockets are not visible: {HIDDEN_PROCESSES}; run it in the host's PID namespace (--pid=host, hostPID)", sockets.len())
    })
}

#[cfg(test)]
impl KernelScanner {
    /// Bytes that the scan's walks write.
    pub(crate) fn raw_walks(&mut self) -> [(&'static str, Vec<u8>); 2] {
        scan::raw_walks(&mut self.scan, &self.reader)
    }
}

/// JSON fields that a missing kernel field leaves unknown.
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

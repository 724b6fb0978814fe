//! Cheap sweeps over the host: the kernel counts healthy sockets, where it can. A policy becomes limits
//! that the kernel side takes, and its tallies become the policy's counts.

mod counts;
mod full_scans;
mod in_kernel;
mod limits;
mod types;

pub(super) use full_scans::FullScanRules;
pub use in_kernel::InKernelSummary;
pub use types::{HealthyWorkload, Summary, SummaryRequest};

use super::{Scanner, Source, SourceError};
use crate::model::StateSet;
use crate::model::scan::ScanRequest;

/// Most notices that are kept: errors may differ each time.
const MAX_NOTICES: usize = 20;

impl Source {
    /// Loads the programs of the summary, so that a first one needs no more privilege than others.
    ///
    /// # Errors
    /// The kernel refuses the programs.
    pub fn prepare_summaries(&mut self) -> Result<(), SourceError> {
        match &mut self.scanner {
            Scanner::Bpf(scanner) => scanner.prepare_summary().map_err(SourceError::Bpf),
            Scanner::Diag(_) => Ok(()),
        }
    }

    /// Summarizes the connected sockets of the host: where the host allows it, those that are healthy
    /// by the request's policy are only counted.
    ///
    /// # Errors
    /// As for [`Self::scan`].
    pub fn summarize(&mut self, request: &SummaryRequest<'_>) -> Result<Summary, SourceError> {
        if !self.full_scans.is_scan_due()
            && let Scanner::Bpf(scanner) = &mut self.scanner
        {
            match self.in_kernel.summarize(scanner, request) {
                Ok(Some(summary)) if self.full_scans.accepts(&summary) => return Ok(summary),
                Ok(_) => {}
                Err(error) => {
                    self.full_scans.failed();
                    let notice =
                        format!("healthy sockets cannot be counted in the kernel: {error}");
                    if !self.notices.contains(&notice) && self.notices.len() < MAX_NOTICES {
                        self.notices.push(notice);
                    }
                }
            }
        }
        let states = StateSet::CONNECTED;
        let scan = self.scan(&ScanRequest { states })?;
        self.full_scans.scanned(&scan.sockets);
        Ok(Summary {
            sockets: scan.sockets,
            unknown: scan.unknown,
            notices: scan.notices,
            ..Summary::default()
        })
    }
}

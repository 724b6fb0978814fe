//! Looks at the host that cost little: the kernel counts what is calm, where it can.

mod types;

pub use types::{HealthyWorkload, Summary, SummaryRequest};

use super::{Scanner, Source, SourceError};
use crate::model::Socket;
use crate::model::scan::ScanRequest;
use crate::model::socket::StateSet;

/// Surveys see no socket that is held by something else than a descriptor and has a file all the
/// same: io_uring's fixed files, descriptors on their way to another process, processes outside of
/// observer's PID namespace. A scan does; it comes in their place every so often, and each time
/// while there are such sockets.
const SCAN_EACH: u32 = 30;

/// Sockets come and go while a survey walks. This many may be missing: a number, and one in so many.
const SLACK: (u64, u64) = (64, 50);

/// Errors may differ each time.
const MOST_NOTICES: usize = 20;

/// What is remembered from one survey to the next.
#[derive(Debug, Default)]
pub(super) struct Surveys {
    /// Surveys since the last scan; `None` before the first.
    since_scan: Option<u32>,
    /// Whether the last scan found sockets that surveys do not see.
    holds_hidden: bool,
    /// Whether the last survey missed many.
    missed: bool,
    /// Looks until a survey is tried again after one that failed.
    sits_out: u32,
}

impl Surveys {
    fn is_scan_due(&self) -> bool {
        self.holds_hidden
            || self.sits_out > 0
            || self.since_scan.is_none_or(|surveys| surveys >= SCAN_EACH)
    }

    fn scanned(&mut self, sockets: &[Socket]) {
        self.since_scan = Some(0);
        self.sits_out = self.sits_out.saturating_sub(1);
        self.missed = false;
        let is_hidden = |socket: &Socket| socket.owners.is_empty() && socket.inode.is_some();
        self.holds_hidden = sockets.iter().any(is_hidden);
    }

    /// The kernel refused a survey, or ended it early.
    fn failed(&mut self) {
        self.sits_out = SCAN_EACH;
    }

    /// Whether the survey's result may be used.
    fn surveyed(&mut self, survey: &Summary) -> bool {
        let found = survey.calm.total() + survey.sockets.len() as u64;
        let (number, share) = SLACK;
        let missed = survey.unaccounted > number + found / share;
        let twice = std::mem::replace(&mut self.missed, missed) && missed;
        self.since_scan = self.since_scan.map(|surveys| surveys + 1);
        !twice
    }
}

impl Source {
    /// Makes surveys ready, so that a first one needs no more privilege than others.
    ///
    /// # Errors
    /// The kernel refuses the programs.
    pub fn prepare_surveys(&mut self) -> Result<(), SourceError> {
        match &mut self.scanner {
            Scanner::Bpf(scanner) => scanner.prepare_survey().map_err(SourceError::Bpf),
            Scanner::Diag(_) => Ok(()),
        }
    }

    /// Looks at every connected socket, by counting what is calm where the host allows it. What is
    /// calm is judged by the request's policy.
    ///
    /// # Errors
    /// As for [`Self::scan`].
    pub fn survey(&mut self, request: &SummaryRequest<'_>) -> Result<Summary, SourceError> {
        if !self.surveys.is_scan_due()
            && let Scanner::Bpf(scanner) = &mut self.scanner
        {
            match scanner.survey(request) {
                Ok(Some(survey)) if self.surveys.surveyed(&survey) => return Ok(survey),
                Ok(_) => {}
                Err(error) => {
                    self.surveys.failed();
                    let notice = format!("calm sockets cannot be counted in the kernel: {error}");
                    if !self.notices.contains(&notice) && self.notices.len() < MOST_NOTICES {
                        self.notices.push(notice);
                    }
                }
            }
        }
        let states = StateSet::CONNECTED;
        let scan = self.scan(&ScanRequest { states })?;
        self.surveys.scanned(&scan.sockets);
        Ok(Summary {
            sockets: scan.sockets,
            unknown: scan.unknown,
            notices: scan.notices,
            ..Summary::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::socket;

    #[test]
    fn a_scan_comes_first_and_every_so_often() {
        let mut surveys = Surveys::default();
        assert!(surveys.is_scan_due());
        surveys.scanned(&[socket()]);
        for _ in 0..SCAN_EACH {
            assert!(!surveys.is_scan_due());
            assert!(surveys.surveyed(&Summary::default()));
        }
        assert!(surveys.is_scan_due());
    }

    #[test]
    fn while_sockets_are_hidden_only_scans_will_do() {
        let mut surveys = Surveys::default();
        let mut hidden = socket();
        hidden.owners.clear();
        surveys.scanned(&[socket(), hidden.clone()]);
        assert!(surveys.is_scan_due());
        // An orphan has no file.
        hidden.inode = None;
        surveys.scanned(&[hidden]);
        assert!(!surveys.is_scan_due());
    }

    #[test]
    fn after_a_failure_scans_take_its_place_for_a_while() {
        let mut surveys = Surveys::default();
        surveys.scanned(&[]);
        surveys.failed();
        for _ in 0..SCAN_EACH {
            assert!(surveys.is_scan_due());
            surveys.scanned(&[]);
        }
        assert!(!surveys.is_scan_due());
    }

    #[test]
    fn a_survey_that_misses_many_twice_is_not_believed() {
        let missing = |unaccounted| Summary {
            unaccounted,
            ..Summary::default()
        };
        let mut surveys = Surveys::default();
        surveys.scanned(&[]);
        assert!(surveys.surveyed(&missing(1000)));
        assert!(surveys.surveyed(&missing(64)));
        assert!(surveys.surveyed(&missing(1000)));
        assert!(!surveys.surveyed(&missing(1000)));
    }
}

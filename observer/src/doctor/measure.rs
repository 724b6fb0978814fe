//! Cost of observing, here and now.

use std::time::{Duration, Instant};

use crate::model::StateSet;
use crate::model::scan::{ScanRequest, UnknownField};
use crate::source::{ScanChoice, Source, SourceError};

/// A scan, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// `bpf` or `diag`.
    pub name: &'static str,
    /// Time of one scan, without getting ready.
    pub took: Duration,
    /// Connected sockets that it saw.
    pub sockets: usize,
    /// Fields that it could not give.
    pub unknown: Vec<UnknownField>,
    /// Notices of the scan.
    pub notices: Vec<String>,
}

impl Scanned {
    /// Scans twice and times the second: the first finds out the length of a jiffy.
    pub(super) fn now(choice: ScanChoice) -> Result<Self, SourceError> {
        let request = ScanRequest {
            states: StateSet::CONNECTED,
        };
        let mut source = Source::open(choice)?;
        source.scan(&request)?;
        let began = Instant::now();
        let scan = source.scan(&request)?;
        Ok(Self {
            name: source.scan_name(),
            took: began.elapsed(),
            sockets: scan.sockets.len(),
            unknown: scan.unknown,
            notices: scan.notices,
        })
    }

    /// Nanoseconds for each socket; `None` without sockets.
    #[must_use]
    pub fn ns_each(&self) -> Option<u64> {
        let sockets = u128::try_from(self.sockets).ok().filter(|n| *n > 0)?;
        u64::try_from(self.took.as_nanos() / sockets).ok()
    }
}

/// Time of one system call, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SyscallCost {
    /// Without observer's hooks.
    pub without_ns: f64,
    /// With them.
    pub with_ns: f64,
}

/// Nanoseconds that a getppid takes: the best of many short runs, which no interruption falls into.
pub(super) fn getppid_ns() -> f64 {
    const CALLS: u32 = 1000;
    const PATIENCE: Duration = Duration::from_millis(80);
    let began = Instant::now();
    let mut best = Duration::MAX;
    while began.elapsed() < PATIENCE {
        let run = Instant::now();
        for _ in 0..CALLS {
            std::hint::black_box(rustix::process::getppid());
        }
        best = best.min(run.elapsed());
    }
    best.as_secs_f64() * 1e9 / f64::from(CALLS)
}

//! One finished scan, judged: what a screen is drawn from.

use std::time::{Duration, Instant};

use crate::host::clock;
use crate::model::Socket;
use crate::model::StateSet;
use crate::model::scan::ScanRequest;
use crate::policy::counts::{ByHealth, ByVerdict};
use crate::policy::{Health, Judged, JudgedRef, Judgement, Policy, Segments, Verdict};
use crate::source::{Source, SourceError};

/// The sockets of one scan with their judgements.
#[derive(Debug)]
pub struct Snapshot {
    /// Every socket that the scan returned.
    pub sockets: Vec<Judged>,
    /// Numbers of each verdict and health.
    pub counts: JudgedCounts,
    /// Facts of the scan.
    pub how: ScanHeader,
}

/// Facts of a scan, for the first line of the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanHeader {
    /// Time at which it was taken, in nanoseconds of `CLOCK_MONOTONIC`.
    pub taken_ns: u64,
    /// `bpf` or `diag`.
    pub scan: &'static str,
    /// `trampoline`, `tracepoint` or `none`.
    pub hooks: &'static str,
    /// Time that it took.
    pub took: Duration,
    /// A field could not be had for all of the sockets.
    pub is_incomplete: bool,
}

/// Sockets by verdict and by health; those that cannot be judged too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JudgedCounts {
    verdicts: ByVerdict<usize>,
    healths: ByHealth<usize>,
}

impl JudgedCounts {
    /// The counts of these sockets.
    #[must_use]
    pub fn of(sockets: &[Judged]) -> Self {
        let mut counts = Self::default();
        for judged in sockets {
            counts.add(&judged.judgement);
        }
        counts
    }

    /// Counts one more.
    pub fn add(&mut self, judgement: &Judgement) {
        *self.verdicts.get_mut(judgement.verdict) += 1;
        *self.healths.get_mut(judgement.health) += 1;
    }

    /// Number of sockets with this verdict; with `None`, of those that cannot be judged.
    #[must_use]
    pub fn verdict(&self, verdict: Option<Verdict>) -> usize {
        *self.verdicts.get(verdict)
    }

    /// Number of sockets in this state of health; with `None`, of those whose health is unknown.
    #[must_use]
    pub fn health(&self, health: Option<Health>) -> usize {
        *self.healths.get(health)
    }
}

impl Snapshot {
    /// Judges sockets.
    #[must_use]
    pub fn new(sockets: Vec<Socket>, policy: &Policy, how: ScanHeader) -> Self {
        let sockets = sockets.into_iter();
        let sockets: Vec<_> = sockets.map(|socket| Judged::by(policy, socket)).collect();
        Self {
            counts: JudgedCounts::of(&sockets),
            sockets,
            how,
        }
    }

    /// Scans and judges; the scan's notices come beside. `hooks` is how events are seen.
    ///
    /// # Errors
    /// The kernel stops answering, or answers what cannot be read.
    pub fn take(
        source: &mut Source,
        states: StateSet,
        segments: &mut Segments,
        policy: &Policy,
        hooks: &'static str,
    ) -> Result<(Self, Vec<String>), SourceError> {
        let began = Instant::now();
        let mut scan = source.scan(&ScanRequest { states })?;
        let took = began.elapsed();
        let taken_ns = clock::monotonic_ns();
        segments.compare(&mut scan.sockets, taken_ns / 1_000_000);
        let how = ScanHeader {
            taken_ns,
            scan: source.scan_name(),
            hooks,
            took,
            is_incomplete: !scan.unknown.is_empty(),
        };
        let snapshot = Self::new(scan.sockets, policy, how);
        Ok((snapshot, scan.notices))
    }

    /// The socket at this place, with its judgement.
    #[must_use]
    pub fn judged(&self, at: usize) -> Option<JudgedRef<'_>> {
        self.sockets.get(at).map(Judged::by_ref)
    }

    /// Cookie of the socket at this place.
    #[must_use]
    pub fn cookie(&self, at: usize) -> Option<u64> {
        self.sockets.get(at)?.socket.cookie
    }
}

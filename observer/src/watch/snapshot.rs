//! One finished scan, judged: what a screen is drawn from.

use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use crate::host::clock;
use crate::model::Socket;
use crate::model::socket::StateSet;
use crate::policy::picture::{ByHealth, ByVerdict};
use crate::policy::{Health, Judged, Judgement, Policy, Segments, Verdict};
use crate::scan::Request;
use crate::source::{Source, SourceError};

/// The sockets of one scan with their judgements.
#[derive(Debug)]
pub struct Snapshot {
    /// Every socket that the scan returned.
    pub sockets: Vec<Socket>,
    /// The judgement of each, in the same order.
    pub judgements: Vec<Judgement<'static>>,
    /// How many of each verdict and health.
    pub counts: Counts,
    /// How it was taken.
    pub how: How,
}

/// How a scan was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct How {
    /// When it was taken, in nanoseconds of `CLOCK_MONOTONIC`.
    pub taken_ns: u64,
    /// `bpf` or `diag`.
    pub scan: &'static str,
    /// `trampoline`, `tracepoint` or `none`.
    pub hooks: &'static str,
    /// How long it took.
    pub took: Duration,
    /// Whether a field could not be had for all of the sockets.
    pub is_incomplete: bool,
}

/// Sockets by verdict and by health; those that cannot be judged too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    verdicts: ByVerdict<usize>,
    healths: ByHealth<usize>,
}

impl Counts {
    /// Counts judgements.
    pub fn of<'a>(judgements: impl IntoIterator<Item = &'a Judgement<'a>>) -> Self {
        let mut counts = Self::default();
        for judgement in judgements {
            counts.add(judgement);
        }
        counts
    }

    /// Counts one more.
    pub fn add(&mut self, judgement: &Judgement<'_>) {
        *self.verdicts.get_mut(judgement.verdict) += 1;
        *self.healths.get_mut(judgement.health) += 1;
    }

    /// How many have this verdict; with `None`, how many cannot be judged.
    #[must_use]
    pub fn verdict(&self, verdict: Option<Verdict>) -> usize {
        *self.verdicts.get(verdict)
    }

    /// How many are in this state of health; with `None`, of how many it cannot be told.
    #[must_use]
    pub fn health(&self, health: Option<Health>) -> usize {
        *self.healths.get(health)
    }
}

impl Snapshot {
    /// Judges sockets. `kept_alive` are the cookies of those whose peer keeps them alive.
    #[must_use]
    pub fn new(
        sockets: Vec<Socket>,
        policy: &'static Policy,
        kept_alive: &FxHashSet<u64>,
        how: How,
    ) -> Self {
        let is_kept_alive = |socket: &Socket| {
            socket
                .cookie
                .is_some_and(|cookie| kept_alive.contains(&cookie))
        };
        let judgements: Vec<_> = sockets
            .iter()
            .map(|socket| policy.judge(socket, is_kept_alive(socket)))
            .collect();
        Self {
            counts: Counts::of(&judgements),
            sockets,
            judgements,
            how,
        }
    }

    /// Scans and judges; what the scan says to the user comes beside. `hooks` is how events are seen.
    ///
    /// # Errors
    /// The kernel stops answering, or answers what cannot be read.
    pub fn take(
        source: &mut Source,
        states: StateSet,
        segments: &mut Segments,
        policy: &'static Policy,
        hooks: &'static str,
    ) -> Result<(Self, Vec<String>), SourceError> {
        let began = Instant::now();
        let mut scan = source.scan(&Request { states })?;
        let took = began.elapsed();
        let taken_ns = clock::monotonic_ns();
        let kept_alive = segments.compare(&mut scan.sockets, taken_ns / 1_000_000);
        let how = How {
            taken_ns,
            scan: source.scan_name(),
            hooks,
            took,
            is_incomplete: !scan.unknown.is_empty(),
        };
        let snapshot = Self::new(scan.sockets, policy, &kept_alive, how);
        Ok((snapshot, scan.notices))
    }

    /// The socket at this place, with its judgement.
    #[must_use]
    pub fn judged(&self, at: usize) -> Option<Judged<'_>> {
        Some(Judged {
            socket: self.sockets.get(at)?,
            judgement: *self.judgements.get(at)?,
        })
    }
}

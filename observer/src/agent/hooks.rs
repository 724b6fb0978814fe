//! Thread that follows the hooks: it drains their events and reads their counts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::HookTallies;
use crate::source::HookMonitor;

/// Changes that hooks report and that may bring a socket into danger before its time.
#[derive(Debug, Default)]
pub(super) struct HookChanges {
    count: AtomicU64,
    /// Hooks that follow options and probes are attached, and are read.
    is_followed: AtomicBool,
}

impl HookChanges {
    /// Number of changes; `None` where none would be reported, as without hooks.
    pub(super) fn count(&self) -> Option<u64> {
        let is_followed = self.is_followed.load(Ordering::Acquire);
        is_followed.then(|| self.count.load(Ordering::Acquire))
    }
}

/// State that the thread shares with others.
#[derive(Debug, Default)]
pub(super) struct HookFollower {
    pub(super) changes: Arc<HookChanges>,
    tallies: Mutex<HookTallies>,
    late_from_s: AtomicU64,
    stop: AtomicBool,
}

/// Time from one check of the stop flag, and of the kernel's counts, to the next.
const TICK: Duration = Duration::from_millis(200);
/// Time from one reading of the kernel's statistics on programs to the next.
const RUNS_APART: Duration = Duration::from_secs(5);

impl HookFollower {
    /// Nothing is counted yet, and no hook is attached.
    pub(super) fn new() -> Self {
        Self {
            tallies: Mutex::new(HookMonitor::nothing_attached()),
            ..Self::default()
        }
    }

    pub(super) fn tallies(&self) -> HookTallies {
        let tallies = self.tallies.lock();
        tallies.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The least idle time that is too late for some path; `None` where none is.
    pub(super) fn set_late_from(&self, late_from_s: Option<u64>) {
        let late_from_s = late_from_s.unwrap_or(0);
        self.late_from_s.store(late_from_s, Ordering::Release);
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Follows until stopped.
    pub(super) fn run(&self, mut monitor: HookMonitor) {
        let mut late_from_s = None;
        let mut runs_counted: Option<Instant> = None;
        while !self.stop.load(Ordering::Acquire) {
            let wanted = self.late_from_s.load(Ordering::Acquire);
            if let Err(error) = follow(&mut monitor, &mut late_from_s, wanted) {
                // Nothing is spared on the word of hooks that cannot be read.
                self.changes.is_followed.store(false, Ordering::Release);
                tracing::error!("the hooks cannot be read any more: {error:#}");
                return;
            }
            if runs_counted.is_none_or(|at| at.elapsed() > RUNS_APART) {
                monitor.count_runs();
                runs_counted = Some(Instant::now());
            }
            let tallies = monitor.tallies();
            let counters = &tallies.counters;
            let count = counters.risky_sets + counters.timers_probed + counters.tracked_rejected;
            self.changes.count.store(count, Ordering::Release);
            let sees_changes = monitor.sees_changes();
            self.changes
                .is_followed
                .store(sees_changes, Ordering::Release);
            let mut shared = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
            shared.clone_from(tallies);
        }
    }
}

fn follow(
    monitor: &mut HookMonitor,
    late_from_s: &mut Option<u64>,
    wanted: u64,
) -> anyhow::Result<()> {
    if *late_from_s != Some(wanted) {
        monitor.set_late_from((wanted > 0).then_some(wanted))?;
        *late_from_s = Some(wanted);
    }
    monitor.wait(TICK)
}

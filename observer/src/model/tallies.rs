//! Counts of the hooks.

use std::time::Duration;

pub use observer_common::Counters;

use super::event::Cause;

/// Counts since the hooks were attached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookTallies {
    /// Counters of the kernel side, over all processors.
    pub counters: Counters,
    /// Connections that ended with an error.
    pub ends: EndsByCause,
    /// Runs of hooks that the kernel left out.
    pub missed_runs: u64,
    /// Number of sockets that can be tracked.
    pub tracked_capacity: u64,
    /// Each hook.
    pub hooks: Vec<HookTally>,
}

impl HookTallies {
    /// Number of sockets that are tracked.
    #[must_use]
    pub const fn tracked(&self) -> u64 {
        let counters = &self.counters;
        counters
            .tracked_added
            .saturating_sub(counters.tracked_removed)
    }
}

/// Number of connections that ended, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndsByCause([u64; Cause::COUNT]);

impl EndsByCause {
    /// Counts one more.
    pub fn count(&mut self, cause: Cause) {
        if let Some(count) = self.0.get_mut(cause.index()) {
            *count += 1;
        }
    }

    /// Number of those that were lost, by cause.
    pub fn losses(&self) -> impl Iterator<Item = (Cause, u64)> {
        let by_cause = Cause::ALL.into_iter().zip(self.0);
        by_cause.filter(|(cause, _)| cause.is_loss())
    }
}

/// Counts of one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookTally {
    /// Its name.
    pub name: &'static str,
    /// True where it is attached.
    pub attached: bool,
    /// Number of runs of its programs and the time that they took; `None` where the kernel keeps no
    /// statistics (`kernel.bpf_stats_enabled`).
    pub runs: Option<(u64, Duration)>,
}

//! Engine of alerts: the groups in danger, and the times at which each is sent.
//!
//! Lengths of time come from a clock that never steps, stamps from the wall clock: setting the
//! latter neither fires nor resolves anything.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::group::{Group, GroupSockets, gather, quiet_ms};
use super::settings::AlertSettings;
use super::{Alert, AlertState, describe};
use crate::model::{AlertTallies, SinkTally};
use crate::policy::HostSnapshot;

/// Number of groups that are remembered at most. A host with more has one cause in common.
pub const MAX_GROUPS: usize = 1000;

/// Time of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Wall clock.
    pub at: Timestamp,
    /// Time since any fixed moment, by a clock that is never set.
    pub elapsed: Duration,
}

/// Memory of groups from one sweep to the next.
///
/// Groups that fired before a restart are found again, and sinks know them by their labels: nothing is stored.
#[derive(Debug)]
pub struct Engine {
    settings: AlertSettings,
    groups: FxHashMap<Group, GroupState>,
    fired: u64,
    resolved: u64,
    groups_dropped: u64,
    /// The next sweep sends all that fires.
    sends_again: bool,
}

/// State of a group.
#[derive(Debug)]
struct GroupState {
    /// Time at which it first qualified, by the clock that is never set.
    since: Duration,
    /// The same by the wall clock.
    started_at: Timestamp,
    /// First sweep without it.
    absent_since: Option<Duration>,
    /// Time at which it was last sent; `None` until it fires.
    sent: Option<Duration>,
    /// Annotations as of when it was last found and sent. Empty until it fires.
    annotations: Vec<(&'static str, String)>,
}

impl Engine {
    /// Knows of no group.
    #[must_use]
    pub fn new(settings: AlertSettings) -> Self {
        Self {
            settings,
            groups: FxHashMap::default(),
            fired: 0,
            resolved: 0,
            groups_dropped: 0,
            sends_again: false,
        }
    }

    /// Takes other settings from the next sweep on. What is remembered stays, and what fires is sent
    /// again: there may be a sink that never heard of it.
    pub fn reconfigure(&mut self, settings: AlertSettings) {
        self.settings = settings;
        self.sends_again = true;
    }

    /// Takes a snapshot in; returns the alerts to send now.
    pub fn update(&mut self, snapshot: &HostSnapshot, now: Now) -> Vec<Alert> {
        let mut found = gather(snapshot);
        let mut alerts = Vec::new();
        let again = std::mem::take(&mut self.sends_again);
        let Self {
            settings,
            groups,
            fired,
            resolved,
            ..
        } = self;
        groups.retain(|group, held| {
            if let Some(found) = found.remove(group) {
                held.absent_since = None;
                let due = held.due(settings, now) || (again && held.sent.is_some());
                *fired += u64::from(due && held.sent.is_none());
                if due {
                    alerts.push(held.fire(group, &found, settings, now));
                }
                return true;
            }
            if held.sent.is_none() {
                return false;
            }
            // The time between two sweeps is not known to have been without it: absence counts from
            // the first sweep that saw it.
            let absent_since = *held.absent_since.get_or_insert(now.elapsed);
            if now.elapsed.saturating_sub(absent_since) >= settings.resolve {
                alerts.push(held.alert(group, AlertState::Resolved, settings, now));
                *resolved += 1;
                return false;
            }
            if again || held.due(settings, now) {
                held.sent = Some(now.elapsed);
                alerts.push(held.alert(group, AlertState::Firing, settings, now));
            }
            true
        });
        self.admit(found, now, &mut alerts);
        alerts
    }

    /// Begins to remember groups, the worst and largest first where there is no room for all.
    fn admit(
        &mut self,
        found: FxHashMap<Group, GroupSockets<'_>>,
        now: Now,
        alerts: &mut Vec<Alert>,
    ) {
        let mut new: Vec<(Group, GroupSockets<'_>)> = found.into_iter().collect();
        new.sort_unstable_by_key(|(group, found)| {
            use std::cmp::Reverse;
            let longest = Reverse(quiet_ms(found.longest));
            (group.kind, Reverse(found.sockets), longest, group.remote)
        });
        let room = MAX_GROUPS.saturating_sub(self.groups.len());
        self.groups_dropped += new.len().saturating_sub(room) as u64;
        for (group, found) in new.into_iter().take(room) {
            let mut held = GroupState {
                since: now.elapsed,
                started_at: now.at,
                absent_since: None,
                sent: None,
                annotations: Vec::new(),
            };
            if held.due(&self.settings, now) {
                self.fired += 1;
                alerts.push(held.fire(&group, &found, &self.settings, now));
            }
            self.groups.insert(group, held);
        }
    }

    /// Counts, with those of the sinks.
    #[must_use]
    pub fn tallies(&self, sinks: Vec<SinkTally>) -> AlertTallies {
        let active = self.groups.values().filter(|held| held.sent.is_some());
        AlertTallies {
            firing: self.fired,
            resolved: self.resolved,
            active: active.count() as u64,
            groups_dropped: self.groups_dropped,
            sinks,
        }
    }
}

impl GroupState {
    /// True where it is time to send it: for the first time, or again.
    fn due(&self, settings: &AlertSettings, now: Now) -> bool {
        match self.sent {
            None => now.elapsed.saturating_sub(self.since) >= settings.hold,
            Some(sent) => now.elapsed.saturating_sub(sent) >= settings.repeat,
        }
    }

    fn fire(
        &mut self,
        group: &Group,
        found: &GroupSockets<'_>,
        settings: &AlertSettings,
        now: Now,
    ) -> Alert {
        self.sent = Some(now.elapsed);
        self.annotations = describe::annotations(group, found);
        self.alert(group, AlertState::Firing, settings, now)
    }

    fn alert(&self, group: &Group, state: AlertState, settings: &AlertSettings, now: Now) -> Alert {
        let ends_at = match state {
            AlertState::Firing => later(now.at, settings.valid_for()),
            AlertState::Resolved => now.at,
        };
        Alert {
            group: group.clone(),
            state,
            host: Arc::clone(&settings.host),
            // Sinks refuse a beginning after the end, which a wall clock that was set back makes.
            starts_at: self.started_at.min(now.at),
            ends_at,
            annotations: self.annotations.clone(),
        }
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

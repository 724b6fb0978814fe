//! Alerts that wait to be sent: of each group only its latest state.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::alert::{Alert, Group};

/// Number of groups that wait at most.
pub const CAPACITY: usize = 1000;

/// A queue with one place for each group.
#[derive(Debug, Default)]
pub(super) struct Queue {
    latest: FxHashMap<Group, Arc<Alert>>,
    /// Every group of `latest` once, the one that has waited for longest first.
    order: VecDeque<Group>,
}

impl Queue {
    /// Adds alerts; one that is newer than what waits takes its place. Returns how many were
    /// dropped for them: those that have waited for longest, since what still fires is sent again.
    pub(super) fn push(&mut self, alerts: impl IntoIterator<Item = Arc<Alert>>) -> u64 {
        let mut dropped = 0;
        for alert in alerts {
            let group = alert.group.clone();
            if self.latest.insert(group.clone(), alert).is_none() {
                self.order.push_back(group);
                dropped += self.drop_oldest();
            }
        }
        dropped
    }

    /// Takes back what could not be sent, to be sent first, unless there is something newer about
    /// the group. Returns how many there was no room for.
    pub(super) fn push_back(&mut self, alerts: Vec<Arc<Alert>>) -> u64 {
        let mut dropped = 0;
        for alert in alerts.into_iter().rev() {
            if self.latest.contains_key(&alert.group) {
                continue;
            }
            if self.order.len() >= CAPACITY {
                dropped += 1;
                continue;
            }
            self.order.push_front(alert.group.clone());
            self.latest.insert(alert.group.clone(), alert);
        }
        dropped
    }

    /// Takes the first out.
    pub(super) fn take(&mut self, at_most: usize) -> Vec<Arc<Alert>> {
        let count = self.order.len().min(at_most);
        let groups = self.order.drain(..count);
        groups
            .filter_map(|group| self.latest.remove(&group))
            .collect()
    }

    fn drop_oldest(&mut self) -> u64 {
        if self.order.len() <= CAPACITY {
            return 0;
        }
        let oldest = self.order.pop_front();
        oldest.map_or(0, |group| u64::from(self.latest.remove(&group).is_some()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::alert::{AlertState, kind};

    fn alert(port: u16, state: AlertState) -> Arc<Alert> {
        Arc::new(Alert {
            group: Group {
                kind: &kind::STALE,
                workload: "a".into(),
                remote: std::net::SocketAddr::from(([192, 0, 2, 1], port)).into(),
                verdict: None,
            },
            state,
            host: "h".into(),
            starts_at: Timestamp::UNIX_EPOCH,
            ends_at: Timestamp::UNIX_EPOCH,
            annotations: Vec::new(),
        })
    }

    fn firing(ports: impl IntoIterator<Item = u16>) -> Vec<Arc<Alert>> {
        let ports = ports.into_iter();
        ports.map(|port| alert(port, AlertState::Firing)).collect()
    }

    fn ports(alerts: &[Arc<Alert>]) -> Vec<u16> {
        alerts
            .iter()
            .map(|a| a.group.remote.port.unwrap())
            .collect()
    }

    #[test]
    fn a_newer_state_takes_the_place_of_the_older() {
        let mut queue = Queue::default();
        assert_eq!(queue.push(firing([1, 2])), 0);
        assert_eq!(queue.push([alert(1, AlertState::Resolved)]), 0);
        let taken = queue.take(64);
        assert_eq!(ports(&taken), [1, 2]);
        assert_eq!(taken[0].state, AlertState::Resolved);
        assert!(queue.take(64).is_empty());
    }

    #[test]
    fn what_comes_back_is_first_and_does_not_undo_news() {
        let mut queue = Queue::default();
        queue.push(firing([1, 2, 3]));
        let taken = queue.take(2);
        queue.push([alert(1, AlertState::Resolved)]);
        assert_eq!(queue.push_back(taken), 0);
        let taken = queue.take(64);
        assert_eq!(ports(&taken), [2, 3, 1]);
        assert_eq!(taken[2].state, AlertState::Resolved);
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let mut queue = Queue::default();
        let capacity = u16::try_from(CAPACITY).unwrap();
        assert_eq!(queue.push(firing(1..=capacity)), 0);
        let taken = queue.take(2);
        assert_eq!(queue.push(firing(capacity + 1..=capacity + 3)), 1);
        assert_eq!(queue.push_back(taken), 2);
        let left = ports(&queue.take(usize::MAX));
        assert_eq!(left.len(), CAPACITY);
        assert_eq!((left[0], left[999]), (4, 1003));
    }
}

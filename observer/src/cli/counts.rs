//! Numbers of events, for the closing line.

use std::time::Duration;

use crate::model::EventKind;

/// Events shown, by kind, and those that were not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct EventCounts {
    /// By [`EventKind::index`].
    shown: [u64; EventKind::COUNT],
    pub(super) not_selected: u64,
    pub(super) lost: u64,
    /// Number of times that there was no room to track a socket.
    pub(super) tracked_rejected: u64,
}

impl EventCounts {
    pub(super) fn add(&mut self, kind: EventKind) {
        if let Some(count) = self.shown.get_mut(kind.index()) {
            *count += 1;
        }
    }

    /// Number of events of this kind.
    #[cfg(test)]
    pub(super) fn of(&self, kind: EventKind) -> u64 {
        self.shown.get(kind.index()).copied().unwrap_or_default()
    }

    /// `1234 events in 10.0 s (set 20, opened 600, probe 4, closed 610), 12 lost`.
    pub(super) fn summary(&self, took: Duration) -> String {
        let &Self {
            shown: by_kind,
            not_selected,
            lost,
            tracked_rejected,
        } = self;
        let shown: u64 = by_kind.iter().sum();
        let events = if shown == 1 { "event" } else { "events" };
        let (seconds, tenths) = (took.as_secs(), took.subsec_millis() / 100);
        let kinds = EventKind::ALL.into_iter().zip(by_kind);
        let kinds: Vec<String> = kinds
            .map(|(kind, count)| format!("{} {count}", kind.name()))
            .collect();
        let kinds = kinds.join(", ");
        let others = if not_selected > 0 {
            format!(", {not_selected} not selected")
        } else {
            String::new()
        };
        let unremembered = if tracked_rejected > 0 {
            format!(
                ", {tracked_rejected} sockets did not fit: who opened and set them is not known"
            )
        } else {
            String::new()
        };
        format!(
            "{shown} {events} in {seconds}.{tenths} s ({kinds}){others}, {lost} lost{unremembered}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_counted_by_itself() {
        let mut counts = EventCounts::default();
        counts.add(EventKind::Opened);
        assert_eq!(
            counts.summary(Duration::from_millis(59)),
            "1 event in 0.0 s (set 0, opened 1, probe 0, closed 0), 0 lost"
        );
        counts.add(EventKind::Probe);
        counts.add(EventKind::Closed);
        counts.add(EventKind::Closed);
        counts.not_selected = 7;
        counts.lost = 12;
        assert_eq!(
            counts.summary(Duration::from_millis(3_600_990)),
            "4 events in 3600.9 s (set 0, opened 1, probe 1, closed 2), 7 not selected, 12 lost"
        );
        counts.tracked_rejected = 3;
        let summary = counts.summary(Duration::ZERO);
        assert!(
            summary.contains("12 lost, 3 sockets did not fit"),
            "{summary}"
        );
    }
}

//! The choice between a summary and a full scan. Pure.

use super::types::Summary;
use crate::model::Socket;

/// Summaries in a row before a full scan. A summary does not see sockets that have a file and no
/// descriptor that leads to it: io_uring's fixed files, descriptors on their way to another process,
/// processes outside of observer's PID namespace. A scan does; while it finds such sockets, every
/// sweep is a scan.
const SCAN_AFTER: u32 = 30;

/// Sockets that may be missing from a summary, because they come and go while it walks: a number,
/// and one in so many.
const SLACK: (u64, u64) = (64, 50);

/// Rules for when a full scan takes the place of a summary.
#[derive(Debug, Default)]
pub(in crate::source) struct FullScanRules {
    /// Summaries since the last scan; `None` before the first scan.
    since_scan: Option<u32>,
    /// `true` if the last scan found sockets that summaries do not see.
    holds_hidden: bool,
    /// `true` if the last summary missed many.
    missed: bool,
    /// Scans until a summary is tried again after one that failed.
    scans_left: u32,
}

impl FullScanRules {
    /// `true` if the next sweep must be a full scan.
    pub(super) fn is_scan_due(&self) -> bool {
        self.holds_hidden
            || self.scans_left > 0
            || self
                .since_scan
                .is_none_or(|summaries| summaries >= SCAN_AFTER)
    }

    /// Takes a full scan into account.
    pub(super) fn scanned(&mut self, sockets: &[Socket]) {
        self.since_scan = Some(0);
        self.scans_left = self.scans_left.saturating_sub(1);
        self.missed = false;
        let is_hidden = |socket: &Socket| socket.owners.is_empty() && socket.inode.is_some();
        self.holds_hidden = sockets.iter().any(is_hidden);
    }

    /// Takes into account that the kernel refused a summary, or ended it early.
    pub(super) fn failed(&mut self) {
        self.scans_left = SCAN_AFTER;
    }

    /// Takes a summary into account; `false` if it missed too much to be used.
    pub(super) fn accepts(&mut self, summary: &Summary) -> bool {
        let found = summary.healthy.total() + summary.sockets.len() as u64;
        let (number, share) = SLACK;
        let missed = summary.unaccounted > number + found / share;
        let twice = std::mem::replace(&mut self.missed, missed) && missed;
        self.since_scan = self.since_scan.map(|summaries| summaries + 1);
        !twice
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::socket;

    #[test]
    fn a_scan_comes_first_and_every_so_often() {
        let mut rules = FullScanRules::default();
        assert!(rules.is_scan_due());
        rules.scanned(&[socket()]);
        for _ in 0..SCAN_AFTER {
            assert!(!rules.is_scan_due());
            assert!(rules.accepts(&Summary::default()));
        }
        assert!(rules.is_scan_due());
    }

    #[test]
    fn while_sockets_are_hidden_only_scans_will_do() {
        let mut rules = FullScanRules::default();
        let mut hidden = socket();
        hidden.owners.clear();
        rules.scanned(&[socket(), hidden.clone()]);
        assert!(rules.is_scan_due());
        // An orphan has no file.
        hidden.inode = None;
        rules.scanned(&[hidden]);
        assert!(!rules.is_scan_due());
    }

    #[test]
    fn after_a_failure_scans_take_its_place_for_a_while() {
        let mut rules = FullScanRules::default();
        rules.scanned(&[]);
        rules.failed();
        for _ in 0..SCAN_AFTER {
            assert!(rules.is_scan_due());
            rules.scanned(&[]);
        }
        assert!(!rules.is_scan_due());
    }

    #[test]
    fn a_summary_that_misses_many_twice_is_not_believed() {
        let missing = |unaccounted| Summary {
            unaccounted,
            ..Summary::default()
        };
        let mut rules = FullScanRules::default();
        rules.scanned(&[]);
        assert!(rules.accepts(&missing(1000)));
        assert!(rules.accepts(&missing(64)));
        assert!(rules.accepts(&missing(1000)));
        assert!(!rules.accepts(&missing(1000)));
    }
}

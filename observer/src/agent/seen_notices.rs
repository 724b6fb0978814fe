//! Notices of sweeps, each logged once.

use rustc_hash::FxHashSet;

/// Kinds of notices that are remembered; there are some ten.
const MOST_KINDS: usize = 100;

/// Notices that were logged.
#[derive(Debug, Default)]
pub(super) struct SeenNotices(FxHashSet<String>);

impl SeenNotices {
    /// True for a notice that is new. One that differs from an earlier one in its numbers alone is not: a
    /// count changes from sweep to sweep.
    pub(super) fn is_new(&mut self, notice: &str) -> bool {
        let kind = notice.replace(|c: char| c.is_ascii_digit(), "");
        self.0.len() < MOST_KINDS && self.0.insert(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_changes_is_no_news() {
        let mut seen = SeenNotices::default();
        assert!(seen.is_new("4 sockets are lost"));
        assert!(!seen.is_new("4 sockets are lost"));
        assert!(!seen.is_new("4012 sockets are lost"));
        assert!(seen.is_new("4 sockets are found"));
    }

    #[test]
    fn kinds_have_a_bound() {
        let mut seen = SeenNotices::default();
        let kinds = (0..1000).map(|length| "x".repeat(length));
        assert_eq!(kinds.filter(|kind| seen.is_new(kind)).count(), MOST_KINDS);
    }
}

//! What looks have to say, once.

use rustc_hash::FxHashSet;

/// Kinds of notices that are remembered; there are some ten.
const MOST_KINDS: usize = 100;

/// The notices that were said.
#[derive(Debug, Default)]
pub(super) struct Said(FxHashSet<String>);

impl Said {
    /// Whether a notice is new. One that differs from an earlier one in its numbers alone is not: a
    /// count changes from look to look.
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
        let mut said = Said::default();
        assert!(said.is_new("4 sockets are lost"));
        assert!(!said.is_new("4 sockets are lost"));
        assert!(!said.is_new("4012 sockets are lost"));
        assert!(said.is_new("4 sockets are found"));
    }

    #[test]
    fn kinds_have_a_bound() {
        let mut said = Said::default();
        let kinds = (0..1000).map(|length| "x".repeat(length));
        assert_eq!(kinds.filter(|kind| said.is_new(kind)).count(), MOST_KINDS);
    }
}

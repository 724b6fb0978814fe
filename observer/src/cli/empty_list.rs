//! The line that `observer list` writes to stderr where its table has no row.

use std::collections::BTreeMap;

use crate::model::State;

/// Sockets that were seen, and those that `--all` would add to the table.
///
/// `seen` are the sockets of the scan, which hold the states asked for; `others` the states of
/// further sockets that the selection matches, `None` where nothing more can be shown.
pub(super) fn explanation(seen: usize, others: Option<&[State]>) -> String {
    let kind = if others.is_some() { "connected " } else { "" };
    let shown = match seen {
        0 => format!("no {kind}sockets"),
        1 => format!("the selection leaves out the one {kind}socket"),
        seen => format!("the selection leaves out all {seen} {kind}sockets"),
    };
    let others = others.unwrap_or_default();
    if others.is_empty() {
        return shown;
    }
    let mut counts = BTreeMap::<&str, usize>::new();
    for state in others {
        *counts.entry(state.name()).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let plural = if others.len() == 1 { "" } else { "s" };
    format!(
        "{shown}; {} other{plural} ({}) with --all",
        others.len(),
        counts.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_and_what_all_would_add() {
        use State::{Listen, TimeWait};
        assert_eq!(explanation(0, Some(&[])), "no connected sockets");
        assert_eq!(explanation(0, None), "no sockets");
        assert_eq!(
            explanation(0, Some(&[TimeWait, Listen, Listen])),
            "no connected sockets; 3 others (2 listen, 1 time-wait) with --all"
        );
        assert_eq!(
            explanation(12, Some(&[Listen])),
            "the selection leaves out all 12 connected sockets; 1 other (1 listen) with --all"
        );
        assert_eq!(
            explanation(1, None),
            "the selection leaves out the one socket"
        );
    }
}

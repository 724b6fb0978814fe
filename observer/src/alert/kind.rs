//! Kinds of alerts. Each is one value here: labels, condition and text.
//! docs/alerts.md is the reference for users.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::policy::Health;
use crate::policy::snapshot::Flagged;
use crate::text::quantity::counted;

/// Kind of alert: a danger that is reported.
#[derive(Debug)]
pub struct AlertKind {
    /// Value of the label `alertname`.
    pub alertname: &'static str,
    /// Value of the label `severity`.
    pub severity: &'static str,
    /// Health of the sockets that qualify.
    pub health: Health,
    /// Condition on a socket besides its health.
    condition: fn(&Flagged) -> bool,
    /// Second half of the summary, after the connections that it is about.
    pub(super) summary: fn(&SummaryParts) -> String,
    /// Description, from a sentence on how the group's example is protected, and the example.
    pub(super) description: fn(&str, &Flagged) -> String,
}

/// Parts that summaries are made of.
#[derive(Debug)]
pub(super) struct SummaryParts {
    /// Longest silence.
    pub(super) quiet: String,
    /// `it` or `them`, for the connections.
    pub(super) them: &'static str,
    /// Path limit, and where it comes from.
    pub(super) limit: String,
}

/// Silent for longer than the path remembers.
pub static STALE: AlertKind = AlertKind {
    alertname: "KeepaliveStale",
    severity: "critical",
    health: Health::Stale,
    condition: |_| true,
    summary: |SummaryParts { quiet, them, limit }| {
        format!("silent for up to {quiet}, and the path forgets {them} after {limit}")
    },
    description: |protection, _| {
        format!(
            "{protection} A middlebox that forgets silently has dropped the connection by now: what is sent on it is lost, and the program waits for its own timeout or until TCP gives up retransmitting."
        )
    },
};

/// Keepalive probes stay unanswered.
///
/// A probe counts as unanswered from when it is sent, and one that was lost until the next is
/// answered: only the second shows that the peer had its time.
pub static PEER_SILENT: AlertKind = AlertKind {
    alertname: "KeepalivePeerSilent",
    severity: "warning",
    health: Health::Probing,
    condition: |flagged| {
        let unanswered = flagged.judged.socket.keepalive.unanswered;
        unanswered.is_some_and(|probes| probes >= 2)
    },
    summary: |_| "keepalive probes stay unanswered".to_owned(),
    description: |_, example| {
        let probes = match example.judged.socket.keepalive.unanswered {
            Some(unanswered) => format!("{} stay", counted(unanswered.into(), "probe")),
            None => "Probes stay".to_owned(),
        };
        format!(
            "{probes} unanswered: the peer is gone, or the path has forgotten the connection. Unless the peer answers, the kernel gives it up and the program gets ETIMEDOUT."
        )
    },
};

/// Silent for a good part of what the path remembers.
pub static AT_RISK: AlertKind = AlertKind {
    alertname: "KeepaliveAtRisk",
    severity: "warning",
    health: Health::AtRisk,
    condition: |_| true,
    summary: |SummaryParts { quiet, them, limit }| {
        format!("silent for up to {quiet}, and the path will forget {them} after {limit}")
    },
    description: |protection, _| {
        format!(
            "{protection} If nothing is sent before the limit, the connection is lost without either end being told, and the next request on it hangs."
        )
    },
};

impl AlertKind {
    /// Every kind, the worst first.
    ///
    /// [`Health::Retransmitting`] has none: data in flight is no keepalive matter, and one lost packet
    /// leads to it.
    pub const ALL: [&'static Self; 3] = [&STALE, &PEER_SILENT, &AT_RISK];

    /// Kind that a socket qualifies for.
    pub(super) fn of(flagged: &Flagged) -> Option<&'static Self> {
        let health = flagged.judged.judgement.health?;
        Self::ALL
            .into_iter()
            .find(|kind| kind.health == health && (kind.condition)(flagged))
    }

    /// Place in [`AlertKind::ALL`].
    fn rank(&self) -> usize {
        let rank = Self::ALL.iter().position(|kind| *kind == self);
        rank.unwrap_or(Self::ALL.len())
    }
}

/// Kinds are told apart by their names.
impl PartialEq for AlertKind {
    fn eq(&self, other: &Self) -> bool {
        self.alertname == other.alertname
    }
}

impl Eq for AlertKind {}

impl Hash for AlertKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.alertname.hash(state);
    }
}

/// The worst is the least.
impl Ord for AlertKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for AlertKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = include_str!("../../../docs/alerts.md");

    #[test]
    fn every_kind_is_in_the_reference_with_its_severity_and_health() {
        let rows = || {
            REFERENCE
                .lines()
                .filter(|line| line.starts_with("| `Keepalive"))
        };
        for kind in AlertKind::ALL {
            let head = format!("| `{}` | `{}` |", kind.alertname, kind.severity);
            let row = rows().find(|row| row.starts_with(&head));
            let row = row.unwrap_or_else(|| panic!("docs/alerts.md has no row {head}"));
            let health = format!("health is `{}`", kind.health.name());
            assert!(row.contains(&health), "{row}");
        }
        assert_eq!(rows().count(), AlertKind::ALL.len());
    }

    #[test]
    fn the_worst_comes_first() {
        assert!(STALE < PEER_SILENT && PEER_SILENT < AT_RISK);
        assert_eq!(AlertKind::ALL.iter().max(), Some(&&AT_RISK));
    }
}

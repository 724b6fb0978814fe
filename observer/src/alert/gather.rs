//! Which sockets of a snapshot qualify for an alert, put together by group.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::peer::Peer;
use crate::policy::snapshot::Flagged;
use crate::policy::{Health, HostSnapshot, Verdict};

/// What an alert is about: one of these is one alert, however many sockets it has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// Which danger.
    pub kind: Kind,
    /// What the sockets work for. Foreign input, escaped.
    pub workload: Arc<str>,
    /// Who is at the other end.
    pub remote: Peer,
    /// `None` where it is unknown.
    pub verdict: Option<Verdict>,
}

/// A danger that is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Silent for longer than the path remembers.
    Stale,
    /// Keepalive probes stay unanswered.
    PeerSilent,
    /// Silent for a good part of what the path remembers.
    AtRisk,
}

impl Kind {
    /// Every kind, the worst first.
    pub const ALL: [Self; 3] = [Self::Stale, Self::PeerSilent, Self::AtRisk];

    /// The label `alertname`.
    #[must_use]
    pub const fn alertname(self) -> &'static str {
        match self {
            Self::Stale => "KeepaliveStale",
            Self::PeerSilent => "KeepalivePeerSilent",
            Self::AtRisk => "KeepaliveAtRisk",
        }
    }

    /// The label `severity`.
    #[must_use]
    pub const fn severity(self) -> &'static str {
        match self {
            Self::Stale => "critical",
            Self::PeerSilent | Self::AtRisk => "warning",
        }
    }

    /// The health of its sockets.
    #[must_use]
    pub const fn health(self) -> Health {
        match self {
            Self::Stale => Health::Stale,
            Self::PeerSilent => Health::Probing,
            Self::AtRisk => Health::AtRisk,
        }
    }

    /// What a socket qualifies for.
    ///
    /// A probe counts as unanswered from when it is sent, and one that was lost until the next is
    /// answered: only the second says that the peer had its time. Data in flight is no keepalive
    /// matter, and retransmission is what any lost packet leads to: no alert.
    fn of(flagged: &Flagged) -> Option<Self> {
        match flagged.judged.judgement.health? {
            Health::Stale => Some(Self::Stale),
            Health::AtRisk => Some(Self::AtRisk),
            Health::Probing => {
                let unanswered = flagged.judged.socket.keepalive.unanswered?;
                (unanswered >= 2).then_some(Self::PeerSilent)
            }
            Health::Retransmitting | Health::Ok => None,
        }
    }
}

/// The label `verdict`.
#[must_use]
pub(super) fn verdict_name(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("unknown", Verdict::name)
}

/// The sockets of one group in one snapshot.
#[derive(Debug, Clone)]
pub(super) struct Found<'a> {
    /// How many.
    pub(super) sockets: u64,
    /// The one that has been quiet for longest.
    pub(super) longest: &'a Flagged,
}

/// Puts the sockets of a snapshot into their groups.
pub(super) fn gather(snapshot: &HostSnapshot) -> FxHashMap<Group, Found<'_>> {
    let mut groups: FxHashMap<Group, Found<'_>> = FxHashMap::default();
    for flagged in &snapshot.flagged {
        let Some(kind) = Kind::of(flagged) else {
            continue;
        };
        let group = Group {
            kind,
            workload: Arc::clone(&flagged.workload),
            remote: Peer::of(&flagged.judged.socket),
            verdict: flagged.judged.judgement.verdict,
        };
        let found = groups.entry(group).or_insert(Found {
            sockets: 0,
            longest: flagged,
        });
        found.sockets += 1;
        if quiet_ms(flagged) > quiet_ms(found.longest) {
            found.longest = flagged;
        }
    }
    groups
}

/// The silence of a socket, `None` (which is less than any) where it is unknown.
pub(super) fn quiet_ms(flagged: &Flagged) -> Option<u64> {
    flagged.judged.socket.idle.quiet_ms()
}

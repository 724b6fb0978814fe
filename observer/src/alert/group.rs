//! Groups of the sockets of a snapshot that qualify for an alert.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::kind::AlertKind;
use super::peer::Peer;
use crate::policy::snapshot::Flagged;
use crate::policy::{HostSnapshot, Verdict};

/// Subject of one alert, however many sockets it has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// Kind of danger.
    pub kind: &'static AlertKind,
    /// Workload of the sockets. Foreign input, escaped.
    pub workload: Arc<str>,
    /// Other end of the connections.
    pub remote: Peer,
    /// Verdict on them; `None` where it is unknown.
    pub verdict: Option<Verdict>,
}

/// Value of the label `verdict`.
#[must_use]
pub(super) fn verdict_name(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("unknown", Verdict::name)
}

/// Sockets of one group in one snapshot.
#[derive(Debug, Clone)]
pub(super) struct GroupSockets<'a> {
    /// Number of sockets.
    pub(super) sockets: u64,
    /// Socket that has been quiet for longest.
    pub(super) longest: &'a Flagged,
}

/// Groups of a snapshot, with their sockets.
pub(super) fn gather(snapshot: &HostSnapshot) -> FxHashMap<Group, GroupSockets<'_>> {
    let mut groups: FxHashMap<Group, GroupSockets<'_>> = FxHashMap::default();
    for flagged in &snapshot.flagged {
        let Some(kind) = AlertKind::of(flagged) else {
            continue;
        };
        let group = Group {
            kind,
            workload: Arc::clone(&flagged.workload),
            remote: Peer::of(&flagged.judged.socket),
            verdict: flagged.judged.judgement.verdict,
        };
        let found = groups.entry(group).or_insert(GroupSockets {
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

/// Silence of a socket, `None` (which is less than any) where it is unknown.
pub(super) fn quiet_ms(flagged: &Flagged) -> Option<u64> {
    flagged.judged.socket.idle.quiet_ms()
}

//! Remedy of a socket: what to change so that it survives its silence. Decided here and nowhere
//! else; explain, the status page and alerts only render it.

mod setting;

pub use setting::{Change, KeepaliveSetting, KeepaliveValues, SettingChanges};

use super::profile::Counts;
use super::{Health, Judgement, Reason, Verdict};
use crate::model::Socket;

/// Help for a socket: in its program, and outside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// Change of its keepalive settings.
    pub keepalive: KeepaliveRemedy,
    /// Duty that its peer fails in. Nothing in the program helps there: the peer and the path to it
    /// are to be looked at.
    pub peer: Option<PeerFault>,
    /// A `TCP_USER_TIMEOUT` in milliseconds that was most likely meant in seconds.
    pub tiny_user_timeout_ms: Option<u32>,
}

/// Change of a socket's keepalive settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepaliveRemedy {
    /// None: it is protected or exempt.
    NotNeeded,
    /// These changes protect it.
    Protects(SettingChanges),
    /// A value that decides is unknown: it may be protected as it is. These changes protect it
    /// whatever the value is.
    Unknown(SettingChanges),
    /// Keepalive does not help: the path counts payload alone. A heartbeat of the protocol helps, or a
    /// longer limit.
    NotCounted,
    /// No values protect it, because they count whole seconds and the limit is too short. These are
    /// the nearest.
    LimitTooShort(SettingChanges),
}

/// A duty that the peer, or the path to it, does not fulfil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerFault {
    /// Data stays unacknowledged.
    DataUnacknowledged,
    /// Keepalive probes stay unanswered.
    ProbesUnanswered,
}

impl Remedy {
    /// The remedy of a socket that was judged.
    #[must_use]
    pub fn of(socket: &Socket, judgement: &Judgement) -> Self {
        let tiny = judgement.reasons.contains(Reason::TinyUserTimeout);
        Self {
            keepalive: KeepaliveRemedy::of(socket, judgement),
            peer: match judgement.health {
                Some(Health::Retransmitting) => Some(PeerFault::DataUnacknowledged),
                Some(Health::Probing) => Some(PeerFault::ProbesUnanswered),
                Some(Health::Stale | Health::AtRisk | Health::Ok) | None => None,
            },
            tiny_user_timeout_ms: socket.keepalive.user_timeout_ms.filter(|_| tiny),
        }
    }
}

impl KeepaliveRemedy {
    fn of(socket: &Socket, judgement: &Judgement) -> Self {
        let Some(limit_s) = judgement.path.limit_s else {
            return Self::NotNeeded;
        };
        let changes = || SettingChanges::for_limit(socket, &judgement.path, limit_s);
        let protects = match judgement.verdict {
            Some(Verdict::Protected | Verdict::Exempt) => return Self::NotNeeded,
            _ if judgement.path.counts == Counts::Payload => return Self::NotCounted,
            Some(Verdict::Late | Verdict::Unprotected) => Self::Protects,
            None => Self::Unknown,
        };
        match changes() {
            changes if changes.fit_below(limit_s) => protects(changes),
            nearest => Self::LimitTooShort(nearest),
        }
    }

    /// The changes, if any are needed: those that protect, or the nearest to it.
    #[must_use]
    pub const fn changes(&self) -> Option<&SettingChanges> {
        match self {
            Self::NotNeeded | Self::NotCounted => None,
            Self::Protects(changes) | Self::Unknown(changes) | Self::LimitTooShort(changes) => {
                Some(changes)
            }
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

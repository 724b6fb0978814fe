//! Verdict on a connection: does it survive its own silence?

use super::forecast;
use super::path::PathLimit;
use super::profile::Counts;
use crate::model::Socket;

/// Prediction for a silent connection: does keepalive send something before the path forgets it?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Keepalive is on: the probe that is due next, and each after it, comes before the path forgets the
    /// connection.
    Protected,
    /// Keepalive is on, and some probe comes too late, or none ever leaves.
    Late,
    /// Keepalive is off, or the path does not count its probes.
    Unprotected,
    /// There is no path limit, or the socket is not connected.
    Exempt,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Protected, Self::Late, Self::Unprotected, Self::Exempt];

    /// Name used in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::Late => "late",
            Self::Unprotected => "unprotected",
            Self::Exempt => "exempt",
        }
    }

    /// Judges a socket; `None` where a value that decides is unknown.
    #[must_use]
    pub fn of(socket: &Socket, path: &PathLimit) -> Option<Self> {
        if path.limit_s.is_none() || !socket.state.is_connected() {
            return Some(Self::Exempt);
        }
        if !socket.keepalive.enabled? || path.counts == Counts::Payload {
            return Some(Self::Unprotected);
        }
        match forecast::is_in_time(socket, path) {
            Some(true) => Some(Self::Protected),
            Some(false) => Some(Self::Late),
            None => None,
        }
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "verdict_props.rs"]
mod props;

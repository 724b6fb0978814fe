//! Verdict on a connection: does it survive its own silence?

use crate::model::{Keepalive, Setting, Socket};

/// Prediction for a silent connection: does keepalive send something before the path forgets it?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Keepalive is on, and its idle time and interval are below the path limit.
    Protected,
    /// Keepalive is on, and its idle time or its interval is not below the path limit.
    Late,
    /// Keepalive is off.
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
    ///
    /// The interval counts like the idle time: after a probe `tcp_keepalive_timer` waits for the
    /// interval, also when the probe was answered, so that probes of a silent connection are as far
    /// apart as the longer of the two.
    #[must_use]
    pub fn of(socket: &Socket, limit_s: Option<u64>) -> Option<Self> {
        let Some(limit_s) = limit_s.filter(|_| socket.state.is_connected()) else {
            return Some(Self::Exempt);
        };
        if !socket.keepalive.enabled? {
            return Some(Self::Unprotected);
        }
        let Keepalive { idle, interval, .. } = socket.keepalive;
        let below = |setting: Setting| setting.value.map(|value_s| u64::from(value_s) < limit_s);
        match (below(idle), below(interval)) {
            (Some(false), _) | (_, Some(false)) => Some(Self::Late),
            (Some(true), Some(true)) => Some(Self::Protected),
            (None, _) | (_, None) => None,
        }
    }
}

/// Lateness by the interval alone: the first probe comes before the path forgets the connection, and
/// those after it do not.
#[must_use]
pub fn is_late_by_interval(socket: &Socket, limit_s: Option<u64>) -> bool {
    let Keepalive { idle, interval, .. } = socket.keepalive;
    let (Some(limit_s), Some(idle_s), Some(interval_s)) = (limit_s, idle.value, interval.value)
    else {
        return false;
    };
    u64::from(idle_s) < limit_s && u64::from(interval_s) >= limit_s
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "verdict_props.rs"]
mod props;

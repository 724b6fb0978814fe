//! Health of a connection at the moment of the scan.

use super::Verdict;
use super::path::PathLimit;
use super::profile::Counts;
use crate::model::{Keepalive, Socket, State, TimerKind};

/// Trouble that a connection is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// Data in flight was sent again.
    Retransmitting,
    /// A keepalive probe, or more than one of the peer's closed window, is unanswered.
    Probing,
    /// Not protected, and silent for longer than the path remembers.
    Stale,
    /// Not protected, and silent for a good part of what the path remembers.
    AtRisk,
    /// None of these.
    Ok,
}

impl Health {
    /// Every state of health.
    pub const ALL: [Self; 5] = [
        Self::Retransmitting,
        Self::Probing,
        Self::Stale,
        Self::AtRisk,
        Self::Ok,
    ];

    /// Name used in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retransmitting => "retransmitting",
            Self::Probing => "probing",
            Self::Stale => "stale",
            Self::AtRisk => "at-risk",
            Self::Ok => "ok",
        }
    }

    /// The first that holds; `None` as soon as it cannot be told whether one does.
    ///
    /// `at_risk` is the share of the path limit from which silence is a risk. A connection that
    /// its peer keeps alive is not at risk, and stale only where its probes come too late.
    #[must_use]
    pub fn of(
        socket: &Socket,
        verdict: Option<Verdict>,
        path: &PathLimit,
        at_risk: f64,
    ) -> Option<Self> {
        if retransmitting(socket)? {
            return Some(Self::Retransmitting);
        }
        if probing(socket)? {
            return Some(Self::Probing);
        }
        let limit_ms = match verdict? {
            Verdict::Protected | Verdict::Exempt => return Some(Self::Ok),
            Verdict::Late | Verdict::Unprotected => path.limit_ms(),
        };
        let Some(limit_ms) = limit_ms else {
            return Some(Self::Ok);
        };
        let is_kept = socket.idle.peer_keeps_alive && path.counts == Counts::Segments;
        let quiet_ms = path.silence_ms(socket)?;
        Some(if quiet_ms >= limit_ms {
            Self::Stale
        } else if is_kept {
            Self::Ok
        } else if quiet_ms as f64 >= limit_ms as f64 * at_risk {
            Self::AtRisk
        } else {
            Self::Ok
        })
    }
}

fn retransmitting(socket: &Socket) -> Option<bool> {
    let in_flight = socket.in_flight;
    let again = socket.timer.map(|timer| timer.retransmits > 0);
    if in_flight == Some(false) || again == Some(false) {
        return Some(false);
    }
    Some(in_flight? && again?)
}

fn probing(socket: &Socket) -> Option<bool> {
    if let Some(timer) = socket.timer
        && timer.kind == TimerKind::Probe
    {
        // A peer that is there may leave one without an answer (tcp_invalid_ratelimit, 500 ms).
        return Some(timer.unanswered > 1);
    }
    let Keepalive {
        enabled,
        unanswered,
        ..
    } = socket.keepalive;
    let cannot_probe = enabled == Some(false)
        || matches!(
            socket.state,
            State::Listen | State::TimeWait | State::SynRecv | State::SynSent | State::Close
        );
    unanswered
        .map(|probes| probes > 0)
        .or(cannot_probe.then_some(false))
}

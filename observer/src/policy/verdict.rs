//! Whether a connection survives its own silence.

use crate::model::{Keepalive, Setting, SettingFrom, Socket, State};

/// Whether the next keepalive probe comes before the path forgets the connection.
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

    /// The name used in JSON and on the command line.
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

/// Whether the first probe comes before the path forgets the connection, and those after it do not.
#[must_use]
pub fn is_late_by_interval(socket: &Socket, limit_s: Option<u64>) -> bool {
    let Keepalive { idle, interval, .. } = socket.keepalive;
    let (Some(limit_s), Some(idle_s), Some(interval_s)) = (limit_s, idle.value, interval.value)
    else {
        return false;
    };
    u64::from(idle_s) < limit_s && u64::from(interval_s) >= limit_s
}

/// What a connection is going through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// Data in flight was sent again.
    Retransmitting,
    /// A keepalive probe is unanswered.
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

    /// The name used in JSON and on the command line.
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
    /// its peer keeps alive is neither at risk nor stale.
    #[must_use]
    pub fn of(
        socket: &Socket,
        verdict: Option<Verdict>,
        limit_s: Option<u64>,
        at_risk: f64,
    ) -> Option<Self> {
        if retransmitting(socket)? {
            return Some(Self::Retransmitting);
        }
        if probing(socket)? {
            return Some(Self::Probing);
        }
        let limit_s = match verdict? {
            Verdict::Protected | Verdict::Exempt => return Some(Self::Ok),
            Verdict::Late | Verdict::Unprotected => limit_s,
        };
        let Some(limit_ms) = limit_s.map(|s| s.saturating_mul(1000)) else {
            return Some(Self::Ok);
        };
        if socket.idle.peer_keeps_alive {
            return Some(Self::Ok);
        }
        let quiet_ms = socket.idle.quiet_ms()?;
        Some(if quiet_ms >= limit_ms {
            Self::Stale
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

/// A fact about the socket that explains its verdict or that its owner should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// Keepalive is off.
    Off,
    /// Keepalive is off although its values were set on the socket.
    ValuesWithoutSwitch,
    /// Keepalive is on; its idle time is the sysctl's and not below the path limit.
    SystemDefault,
    /// Keepalive is on; its idle time was set on the socket and is not below the path limit.
    IdleAboveLimit,
    /// Keepalive is on; the time between its probes is not below the path limit.
    IntervalAboveLimit,
    /// Keepalive does not run while data is in flight.
    InFlight,
    /// `TCP_USER_TIMEOUT` is below one second: most likely meant in seconds.
    TinyUserTimeout,
    /// The peer's probes arrive while no data does.
    PeerKeepsAlive,
}

impl Reason {
    /// Every reason, in the order in which they are given.
    pub const ALL: [Self; 8] = [
        Self::Off,
        Self::ValuesWithoutSwitch,
        Self::SystemDefault,
        Self::IdleAboveLimit,
        Self::IntervalAboveLimit,
        Self::InFlight,
        Self::TinyUserTimeout,
        Self::PeerKeepsAlive,
    ];

    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::ValuesWithoutSwitch => "values-without-switch",
            Self::SystemDefault => "system-default",
            Self::IdleAboveLimit => "idle-above-limit",
            Self::IntervalAboveLimit => "interval-above-limit",
            Self::InFlight => "in-flight",
            Self::TinyUserTimeout => "tiny-user-timeout",
            Self::PeerKeepsAlive => "peer-keeps-alive",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reasons(u8);

impl Reasons {
    /// Every reason that is known to hold. One that hangs on an unknown value is left out.
    #[must_use]
    pub fn of(socket: &Socket, limit_s: Option<u64>) -> Self {
        let keepalive = &socket.keepalive;
        let from = keepalive.idle.from;
        let on = keepalive.enabled == Some(true);
        let off = keepalive.enabled == Some(false);
        let too_long = |setting: Setting| match (setting.value, limit_s) {
            (Some(value_s), Some(limit_s)) => on && u64::from(value_s) >= limit_s,
            _ => false,
        };
        let idle_too_long = too_long(keepalive.idle);
        let tiny = matches!(keepalive.user_timeout_ms, Some(1..=999));
        [
            (Reason::Off, off),
            (
                Reason::ValuesWithoutSwitch,
                off && keepalive.values_set() == Some(true),
            ),
            (
                Reason::SystemDefault,
                idle_too_long && from == Some(SettingFrom::Sysctl),
            ),
            (
                Reason::IdleAboveLimit,
                idle_too_long && from == Some(SettingFrom::Socket),
            ),
            (Reason::IntervalAboveLimit, too_long(keepalive.interval)),
            (Reason::InFlight, socket.in_flight == Some(true)),
            (Reason::TinyUserTimeout, tiny),
            (Reason::PeerKeepsAlive, socket.idle.peer_keeps_alive),
        ]
        .into_iter()
        .filter(|(_, holds)| *holds)
        .fold(Self::default(), |set, (reason, _)| {
            Self(set.0 | reason.bit())
        })
    }

    /// Whether the set holds `reason`.
    #[must_use]
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & reason.bit() != 0
    }

    /// The reasons in the order of [`Reason::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL
            .into_iter()
            .filter(move |reason| self.contains(*reason))
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "verdict_props.rs"]
mod props;

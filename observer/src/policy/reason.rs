//! Reasons: facts about a socket that explain its verdict or that its owner should know. All that
//! there is to say of a reason is in one table.

use super::forecast;
use super::path::PathLimit;
use super::profile::Counts;
use crate::model::{Setting, SettingFrom, Socket, Timer, TimerKind};

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
    /// `TCP_USER_TIMEOUT` is below three seconds: most likely meant in seconds.
    TinyUserTimeout,
    /// The peer's probes arrive while no data does.
    PeerKeepsAlive,
    /// The values are good, and the keepalive timer that is armed fires too late all the same.
    TimerTooLate,
    /// `tcp_keepalive_probes` is 0: the timer ends the connection without a probe.
    NoProbes,
    /// The path counts payload alone.
    KeepaliveNotCounted,
}

/// All that there is to say of one reason.
struct Definition {
    reason: Reason,
    /// Name used in JSON.
    name: &'static str,
    /// Fact that holds, for docs/json.md.
    meaning: &'static str,
    /// Check for the fact, on this path. An unknown value does not pass.
    holds: fn(&Socket, &PathLimit) -> bool,
    /// Sentence that explains it, for a socket for which it holds; `None` where the verdict says it.
    remark: fn(&Socket) -> Option<String>,
    /// Part of the [`Remedy`](super::Remedy) that ends it.
    ended_by: EndedBy,
}

/// Part of a [`Remedy`](super::Remedy) that ends what a reason says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// Change of the keepalive settings.
    Keepalive,
    /// Change of `TCP_USER_TIMEOUT`.
    UserTimeout,
    /// Traffic of the program itself, or a longer limit.
    Traffic,
    /// Nothing: it is no fault.
    Nothing,
}

/// Every reason, in the order in which they are given.
const TABLE: [Definition; 11] = [
    Definition {
        reason: Reason::Off,
        name: "off",
        meaning: "keepalive is off",
        holds: |socket, _| is_off(socket),
        remark: |_| None,
        ended_by: EndedBy::Keepalive,
    },
    Definition {
        reason: Reason::ValuesWithoutSwitch,
        name: "values-without-switch",
        meaning: "TCP_KEEPIDLE, TCP_KEEPINTVL or TCP_KEEPCNT was set on the socket, and SO_KEEPALIVE is off: nothing is sent",
        holds: |socket, _| is_off(socket) && socket.keepalive.values_set() == Some(true),
        remark: |_| {
            Some("TCP_KEEP* values are set on the socket, and SO_KEEPALIVE is not: no probe is ever sent.".to_owned())
        },
        ended_by: EndedBy::Keepalive,
    },
    Definition {
        reason: Reason::SystemDefault,
        name: "system-default",
        meaning: "keepalive is on, its idle time comes from the sysctl and is not below the path limit",
        holds: |socket, path| idle_too_long(socket, path, SettingFrom::Sysctl),
        remark: |socket| {
            let idle_s = socket.keepalive.idle.value?;
            Some(format!(
                "SO_KEEPALIVE is on, and the first probe comes after the system's {idle_s} s."
            ))
        },
        ended_by: EndedBy::Keepalive,
    },
    Definition {
        reason: Reason::IdleAboveLimit,
        name: "idle-above-limit",
        meaning: "keepalive is on, its idle time was set on the socket and is not below the path limit",
        holds: |socket, path| idle_too_long(socket, path, SettingFrom::Socket),
        remark: |socket| {
            let idle_s = socket.keepalive.idle.value?;
            Some(format!(
                "The program set the first probe to {idle_s} s, which is not below the path limit."
            ))
        },
        ended_by: EndedBy::Keepalive,
    },
    Definition {
        reason: Reason::IntervalAboveLimit,
        name: "interval-above-limit",
        meaning: "keepalive is on, the time between its probes is not below the path limit: after a probe the kernel waits for the interval, also when the probe was answered",
        holds: |socket, path| too_long(socket, socket.keepalive.interval, path),
        remark: |socket| {
            let interval_s = socket.keepalive.interval.value?;
            Some(format!(
                "After a probe the next one comes {interval_s} s later, also when it was answered, which is not below the path limit."
            ))
        },
        ended_by: EndedBy::Keepalive,
    },
    Definition {
        reason: Reason::InFlight,
        name: "in-flight",
        meaning: "data is unacknowledged or waits to be sent: keepalive does not run, retransmission or probes of the window decide",
        holds: |socket, _| socket.in_flight == Some(true) && socket.state.has_stamps(),
        remark: |socket| {
            Some(if is_window_closed(socket) {
                "The peer's window is closed: data waits to be sent, and keepalive does not run until it has gone. Probes of the window do.".to_owned()
            } else {
                "Data is in flight: keepalive does not run until it is acknowledged, retransmission decides.".to_owned()
            })
        },
        ended_by: EndedBy::Nothing,
    },
    Definition {
        reason: Reason::TinyUserTimeout,
        name: "tiny-user-timeout",
        meaning: "TCP_USER_TIMEOUT is below three seconds, a few retransmissions: most likely meant in seconds",
        holds: |socket, _| matches!(socket.keepalive.user_timeout_ms, Some(1..3000)),
        remark: |socket| {
            let ms = socket.keepalive.user_timeout_ms?;
            Some(format!(
                "TCP_USER_TIMEOUT is {ms} ms, most likely meant in seconds: a loss of packets for that long ends the connection."
            ))
        },
        ended_by: EndedBy::UserTimeout,
    },
    Definition {
        reason: Reason::PeerKeepsAlive,
        name: "peer-keeps-alive",
        meaning: "the peer's keepalive probes arrive while no data does. One `bpf` scan sees them; `diag` takes two, so `list` by `diag` never gives it",
        holds: |socket, _| socket.idle.peer_keeps_alive,
        remark: |_| None,
        ended_by: EndedBy::Nothing,
    },
    Definition {
        reason: Reason::TimerTooLate,
        name: "timer-too-late",
        meaning: "the values are good, and the keepalive timer that is armed fires too late all the same: it was armed before a sysctl or the interval was lowered, or before SO_KEEPALIVE was set",
        holds: forecast::is_late_by_timer,
        remark: |socket| {
            let timer_s = socket.keepalive.timer_ms? / 1000;
            Some(format!(
                "The keepalive timer was armed before its values were changed, and fires in {timer_s} s. To set TCP_KEEPIDLE on the socket arms it anew; a sysctl does not."
            ))
        },
        ended_by: EndedBy::Keepalive,
    },
    Definition {
        reason: Reason::NoProbes,
        name: "no-probes",
        meaning: "the sysctl tcp_keepalive_probes is 0: the kernel ends the connection at the first keepalive timer, without a probe",
        holds: |socket, _| socket.keepalive.ends_without_probe() == Some(true),
        remark: |_| {
            Some("tcp_keepalive_probes is 0: the kernel ends a silent connection at its first keepalive timer, and asks nobody.".to_owned())
        },
        ended_by: EndedBy::Keepalive,
    },
    Definition {
        reason: Reason::KeepaliveNotCounted,
        name: "keepalive-not-counted",
        meaning: "the path is a proxy whose idle timer counts payload alone: keepalive does not help there",
        holds: |socket, path| {
            path.counts == Counts::Payload && path.limit_s.is_some() && socket.state.is_connected()
        },
        remark: |_| {
            Some("Keepalive does not help: the proxy answers probes itself, and its idle timer counts payload alone. A heartbeat of the protocol does, or a longer timeout of the proxy.".to_owned())
        },
        ended_by: EndedBy::Traffic,
    },
];

fn is_off(socket: &Socket) -> bool {
    socket.keepalive.enabled == Some(false)
}

/// True where data waits for the peer's window to open.
#[must_use]
pub fn is_window_closed(socket: &Socket) -> bool {
    let probes = |timer: Timer| timer.kind == TimerKind::Probe;
    socket.in_flight == Some(true) && socket.timer.is_some_and(probes)
}

fn too_long(socket: &Socket, setting: Setting, path: &PathLimit) -> bool {
    match (setting.value, path.limit_s) {
        (Some(value_s), Some(limit_s)) => {
            socket.keepalive.enabled == Some(true) && u64::from(value_s) >= limit_s
        }
        _ => false,
    }
}

fn idle_too_long(socket: &Socket, path: &PathLimit, from: SettingFrom) -> bool {
    let idle = socket.keepalive.idle;
    idle.from == Some(from) && too_long(socket, idle, path)
}

impl Reason {
    /// Every reason, in the order in which they are given.
    pub const ALL: [Self; TABLE.len()] = {
        let mut all = [Self::Off; TABLE.len()];
        let mut i = 0;
        while i < TABLE.len() {
            all[i] = TABLE[i].reason;
            // A definition is found by its reason's number, and a set has a bit for each.
            assert!(all[i] as usize == i, "the table is in the enum's order");
            i += 1;
        }
        assert!(TABLE.len() <= Bits::BITS as usize, "the set has room");
        all
    };

    const fn definition(self) -> &'static Definition {
        &TABLE[self as usize]
    }

    /// Name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.definition().name
    }

    /// Fact that holds, as docs/json.md has it.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.definition().meaning
    }

    /// Sentence that explains it, for a socket for which it holds; `None` where the verdict says
    /// all there is.
    #[must_use]
    pub fn remark(self, socket: &Socket) -> Option<String> {
        (self.definition().remark)(socket)
    }

    /// Part of the [`Remedy`](super::Remedy) that ends it.
    #[must_use]
    pub const fn ended_by(self) -> EndedBy {
        self.definition().ended_by
    }

    const fn bit(self) -> Bits {
        1 << self as u8
    }
}

type Bits = u32;

/// A set of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reasons(Bits);

impl Reasons {
    /// Every reason that is known to hold. One that hangs on an unknown value is left out.
    #[must_use]
    pub fn of(socket: &Socket, path: &PathLimit) -> Self {
        let bits = TABLE.iter().fold(0, |bits, definition| {
            let holds = (definition.holds)(socket, path);
            bits | (Bits::from(holds) << definition.reason as u8)
        });
        Self(bits)
    }

    /// Membership of `reason` in the set.
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
#[path = "reason_tests.rs"]
mod tests;

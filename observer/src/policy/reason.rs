//! Reasons: facts about a socket that explain its verdict or that its owner should know. All that
//! there is to say of a reason is in one table.

use crate::model::{Setting, SettingFrom, Socket};

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

/// All that there is to say of one reason.
struct Definition {
    reason: Reason,
    /// Name used in JSON.
    name: &'static str,
    /// Fact that holds, for docs/json.md.
    meaning: &'static str,
    /// Check for the fact, by the path limit in seconds. An unknown value does not pass.
    holds: fn(&Socket, Option<u64>) -> bool,
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
    /// Nothing: it is no fault.
    Nothing,
}

/// Every reason, in the order in which they are given.
const TABLE: [Definition; 8] = [
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
        holds: |socket, limit_s| idle_too_long(socket, limit_s, SettingFrom::Sysctl),
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
        holds: |socket, limit_s| idle_too_long(socket, limit_s, SettingFrom::Socket),
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
        holds: |socket, limit_s| too_long(socket, socket.keepalive.interval, limit_s),
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
        meaning: "data is unacknowledged: keepalive does not run, retransmission decides",
        holds: |socket, _| socket.in_flight == Some(true),
        remark: |_| {
            Some("Data is in flight: keepalive does not run until it is acknowledged, retransmission decides.".to_owned())
        },
        ended_by: EndedBy::Nothing,
    },
    Definition {
        reason: Reason::TinyUserTimeout,
        name: "tiny-user-timeout",
        meaning: "TCP_USER_TIMEOUT is below one second: most likely meant in seconds",
        holds: |socket, _| matches!(socket.keepalive.user_timeout_ms, Some(1..=999)),
        remark: |socket| {
            let ms = socket.keepalive.user_timeout_ms?;
            Some(format!(
                "TCP_USER_TIMEOUT is {ms} ms, most likely meant in seconds: the first lost packet ends the connection."
            ))
        },
        ended_by: EndedBy::UserTimeout,
    },
    Definition {
        reason: Reason::PeerKeepsAlive,
        name: "peer-keeps-alive",
        meaning: "segments keep arriving while no data does: the peer's probes. Takes two scans to see, so `list` never gives it",
        holds: |socket, _| socket.idle.peer_keeps_alive,
        remark: |_| None,
        ended_by: EndedBy::Nothing,
    },
];

fn is_off(socket: &Socket) -> bool {
    socket.keepalive.enabled == Some(false)
}

fn too_long(socket: &Socket, setting: Setting, limit_s: Option<u64>) -> bool {
    match (setting.value, limit_s) {
        (Some(value_s), Some(limit_s)) => {
            socket.keepalive.enabled == Some(true) && u64::from(value_s) >= limit_s
        }
        _ => false,
    }
}

fn idle_too_long(socket: &Socket, limit_s: Option<u64>, from: SettingFrom) -> bool {
    let idle = socket.keepalive.idle;
    idle.from == Some(from) && too_long(socket, idle, limit_s)
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
    pub fn of(socket: &Socket, limit_s: Option<u64>) -> Self {
        let bits = TABLE.iter().fold(0, |bits, definition| {
            let holds = (definition.holds)(socket, limit_s);
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

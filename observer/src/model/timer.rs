//! The one timer of a socket that `netstat --timers` and `ss -o` show.

use std::fmt;

/// Which timer runs. The kernel shows the first of them that is pending, in the order of
/// `net/ipv4/inet_diag.c`: retransmission and its kin, zero-window probe, keepalive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimerKind {
    /// No timer.
    Off,
    /// Retransmission, loss probe or reordering timer.
    On,
    /// Keepalive.
    Keepalive,
    /// TIME_WAIT.
    TimeWait,
    /// Zero-window probe.
    Probe,
}

impl TimerKind {
    /// The word that netstat prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Keepalive => "keepalive",
            Self::TimeWait => "timewait",
            Self::Probe => "probe",
        }
    }
}

/// A timer as netstat shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// Which one.
    pub kind: TimerKind,
    /// Time left in milliseconds; 0 when it is due or there is none.
    pub expires_ms: u64,
    /// `icsk_retransmits`.
    pub retransmits: u32,
    /// `icsk_probes_out`: zero-window or keepalive probes without an answer.
    pub unanswered: u32,
}

impl Timer {
    /// No timer runs.
    pub const OFF: Self = Self {
        kind: TimerKind::Off,
        expires_ms: 0,
        retransmits: 0,
        unanswered: 0,
    };
}

/// netstat's form: `kind (seconds left/retransmits/unanswered probes)`.
impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, centis) = (self.expires_ms / 1000, self.expires_ms % 1000 / 10);
        write!(
            f,
            "{} ({seconds}.{centis:02}/{}/{})",
            self.kind.name(),
            self.retransmits,
            self.unanswered
        )
    }
}

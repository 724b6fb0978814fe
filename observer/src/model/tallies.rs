//! Tallies of the hooks.

use std::time::Duration;

/// Tallies of the hooks since they were attached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookTallies {
    /// Options set, in the order of [`KeepaliveOption::ALL`](super::event::KeepaliveOption);
    /// `[ok, error]`.
    pub sets: [[u64; 2]; 5],
    /// Keepalive probes sent.
    pub probes: u64,
    /// Connections lost: by keepalive, by user timeout, by retransmission, by reset.
    pub lost: [u64; 4],
    /// Events that did not fit into the ring buffer.
    pub events_lost: u64,
    /// Sockets that are remembered.
    pub notes: u64,
    /// Sockets that can be remembered.
    pub notes_capacity: u64,
    /// Sockets that could not be remembered for want of room.
    pub notes_rejected: u64,
    /// Each hook.
    pub hooks: Vec<HookTally>,
}

/// State of one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookTally {
    /// Its name.
    pub name: &'static str,
    /// `true` for one that is attached.
    pub attached: bool,
    /// Number of runs of its programs and their time; `None` where the kernel keeps no statistics
    /// (`kernel.bpf_stats_enabled`).
    pub runs: Option<(u64, Duration)>,
}

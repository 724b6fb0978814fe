//! What hooks count.

use std::time::Duration;

/// What hooks have counted since they were attached.
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

/// What is known of one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookTally {
    /// Its name.
    pub name: &'static str,
    /// Whether it is attached.
    pub attached: bool,
    /// How often its programs ran and for how long; `None` where the kernel keeps no statistics
    /// (`kernel.bpf_stats_enabled`).
    pub runs: Option<(u64, Duration)>,
}

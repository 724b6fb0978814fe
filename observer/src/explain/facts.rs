//! Facts that are read from the host to explain a socket.

use crate::host::{Program, Resolver, RetrySysctls, SocketLimits};

/// Facts beyond those of a scan. `None` is what this host, kernel or permission does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExplainFacts {
    /// Process whose program, resolver and descriptor were read: the first owner.
    pub pid: Option<u32>,
    /// Options and state of the socket.
    pub limits: Option<SocketLimits>,
    /// Sysctls of the socket's network namespace.
    pub sysctls: Option<RetrySysctls>,
    /// Resolver by which the process looks names up.
    pub resolver: Option<Resolver>,
    /// Program that the process runs.
    pub program: Option<Program>,
    /// `true` for a socket in observer's own network namespace.
    pub own_netns: Option<bool>,
    /// A process in the socket's network namespace: not always its owner.
    pub netns_pid: Option<u32>,
    /// `true` where this end accepted the connection: a listener holds its local port.
    pub accepted: Option<bool>,
}

impl ExplainFacts {
    /// The longest RTO, `tcp_rto_max` in milliseconds.
    #[must_use]
    pub fn rto_max_ms(&self) -> Option<u64> {
        let own = self.limits.and_then(|limits| limits.rto_max_ms);
        own.or_else(|| {
            let sysctl = self.sysctls?.rto_max_ms;
            Some(sysctl.map_or(super::timeouts::RTO_MAX_MS, u64::from))
        })
    }

    /// The RTO without backoff, in milliseconds.
    #[must_use]
    pub fn rto_ms(&self) -> Option<u64> {
        let limits = self.limits?;
        let (rto_ms, backoff) = (limits.rto_ms?, limits.backoff?);
        if backoff == 0 {
            return Some(rto_ms);
        }
        // Where the longest RTO cut it, the shift gives too little: RTT and the shortest one do not.
        let shifted = rto_ms.checked_shr(backoff.into()).unwrap_or(0);
        let least = u64::from(limits.rtt_us?) / 1000 + super::timeouts::RTO_MIN_MS;
        Some(shifted.max(least).min(rto_ms))
    }

    /// Longest wait of a blocking read, in milliseconds, 0 for ever; `None` also for a non-blocking
    /// socket, whose waits are not the socket's.
    #[must_use]
    pub fn read_limit_ms(&self) -> Option<u64> {
        let limits = self.limits?;
        if limits.non_blocking? {
            return None;
        }
        limits.receive_timeout_ms
    }
}

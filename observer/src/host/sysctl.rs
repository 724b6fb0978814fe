//! The sysctls of a network namespace that say how long TCP waits.

use std::io;

/// `net.ipv4.tcp_keepalive_*`, which hold for IPv6 sockets too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepaliveSysctls {
    /// `tcp_keepalive_time`, in seconds.
    pub idle_s: u32,
    /// `tcp_keepalive_intvl`, in seconds.
    pub interval_s: u32,
    /// `tcp_keepalive_probes`, a count.
    pub probes: u32,
}

impl KeepaliveSysctls {
    /// Reads those of the calling thread's network namespace: `/proc/sys/net` shows each task its
    /// own.
    ///
    /// # Errors
    /// When `/proc/sys` is not mounted or holds no number.
    pub fn read() -> io::Result<Self> {
        Ok(Self {
            idle_s: number("/proc/sys/net/ipv4/tcp_keepalive_time")?,
            interval_s: number("/proc/sys/net/ipv4/tcp_keepalive_intvl")?,
            probes: number("/proc/sys/net/ipv4/tcp_keepalive_probes")?,
        })
    }
}

/// `net.ipv4` sysctls of retransmission, which hold for IPv6 sockets too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySysctls {
    /// `tcp_syn_retries`: SYNs sent again before connect fails, those of `syn_linear_timeouts` not
    /// counted.
    pub syn_retries: u32,
    /// `tcp_syn_linear_timeouts`: SYNs sent again without backoff; `None` before Linux 6.5.
    pub syn_linear_timeouts: Option<u32>,
    /// `tcp_retries2`: retransmissions before an established connection is given up.
    pub retries2: u32,
    /// `tcp_rto_max_ms`, in milliseconds; `None` before Linux 6.15.
    pub rto_max_ms: Option<u32>,
}

impl RetrySysctls {
    /// Reads those of the calling thread's network namespace.
    ///
    /// # Errors
    /// When `/proc/sys` is not mounted or holds no number.
    pub fn read() -> io::Result<Self> {
        Ok(Self {
            syn_retries: number("/proc/sys/net/ipv4/tcp_syn_retries")?,
            syn_linear_timeouts: number_if_there("/proc/sys/net/ipv4/tcp_syn_linear_timeouts")?,
            retries2: number("/proc/sys/net/ipv4/tcp_retries2")?,
            rto_max_ms: number_if_there("/proc/sys/net/ipv4/tcp_rto_max_ms")?,
        })
    }
}

fn number_if_there(path: &str) -> io::Result<Option<u32>> {
    match number(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

fn number(path: &str) -> io::Result<u32> {
    let text = std::fs::read_to_string(path)?;
    parse(&text).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{path} does not hold a number"),
        )
    })
}

pub(crate) fn parse(text: &str) -> Option<u32> {
    text.trim_ascii().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_namespace_has_them() {
        assert!(KeepaliveSysctls::read().is_ok());
        assert!(RetrySysctls::read().is_ok());
        assert!(number("/proc/version").is_err());
        assert!(number_if_there("/proc/sys/no").is_ok_and(|n| n.is_none()));
    }
}

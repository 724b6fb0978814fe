//! The keepalive sysctls of a network namespace.

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

fn number(path: &str) -> io::Result<u32> {
    let text = std::fs::read_to_string(path)?;
    text.trim_ascii().parse().map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{path} does not hold a number"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_namespace_has_them() {
        assert!(KeepaliveSysctls::read().is_ok());
        assert!(number("/proc/version").is_err());
    }
}

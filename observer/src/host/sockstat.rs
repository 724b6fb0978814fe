//! Number of TCP sockets in a network namespace, without looking at each.

use std::io;

use super::inet_diag::{SOCK_DIAG_BY_FAMILY, request};
use super::netlink::{Netlink, Protocol};
use crate::model::StateSet;
use crate::model::{Family, State};

/// TCP sockets in the kernel's tables, IPv4 and IPv6 together: connected, listening and orphaned
/// ones; not TIME_WAIT, not half-open ones, not those that are made or bound and no more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InUse {
    /// All of them: `inuse` in `/proc/net/sockstat` and `sockstat6`.
    pub all: u64,
    /// Those that listen.
    pub listening: u64,
}

impl InUse {
    /// Counts in the namespace of the calling thread.
    ///
    /// # Errors
    /// The kernel's format is another, or it has no sock_diag for TCP.
    pub fn here() -> io::Result<Self> {
        let ipv4 = std::fs::read_to_string("/proc/thread-self/net/sockstat")?;
        let ipv4 = in_use(&ipv4, "TCP:").ok_or(io::ErrorKind::InvalidData)?;
        // The file is missing where IPv6 is.
        let ipv6 = std::fs::read_to_string("/proc/thread-self/net/sockstat6").unwrap_or_default();
        Ok(Self {
            all: ipv4 + in_use(&ipv6, "TCP6:").unwrap_or(0),
            listening: listening()?,
        })
    }

    /// Those that do not listen.
    #[must_use]
    pub fn connected(self) -> u64 {
        self.all.saturating_sub(self.listening)
    }
}

/// The number after `inuse` in the line that begins with `protocol`.
pub(crate) fn in_use(text: &str, protocol: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(protocol))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "inuse")?;
    words.next()?.parse().ok()
}

/// The listening sockets, for which the kernel looks at no others.
fn listening() -> io::Result<u64> {
    let mut netlink = Netlink::open(Protocol::SockDiag)?;
    let mut count = 0;
    for family in [Family::Ipv4, Family::Ipv6] {
        let request = request(family, StateSet(State::Listen.bit()), 0);
        netlink.dump(SOCK_DIAG_BY_FAMILY, SOCK_DIAG_BY_FAMILY, &request, |_| {
            count += 1;
        })?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_format() {
        let text =
            "sockets: used 30\nTCP: inuse 6 orphan 0 tw 3 alloc 9 mem 1\nUDP: inuse 2 mem 0\n";
        assert_eq!(in_use(text, "TCP:"), Some(6));
        assert_eq!(in_use("TCP6: inuse 4\n", "TCP6:"), Some(4));
        for bad in ["", "TCP:", "TCP: inuse", "TCP: inuse x", "UDP: inuse 1"] {
            assert_eq!(in_use(bad, "TCP:"), None, "{bad}");
        }
    }

    #[test]
    fn a_listener_is_counted() {
        let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let here = InUse::here().unwrap();
        assert!(
            here.listening >= 1 && here.all >= here.listening,
            "{here:?}"
        );
    }
}

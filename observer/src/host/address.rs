//! Which addresses belong to a network namespace, and so which peers are on this host.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::netlink::{Netlink, Protocol};
use super::nlmsg::{array, attributes};

// `include/uapi/linux/rtnetlink.h` and `if_addr.h`.
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
/// Length of `struct ifaddrmsg`.
const IFADDRMSG_LEN: usize = 8;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// Number of times that a dump is repeated when the addresses changed meanwhile.
const ATTEMPTS: u32 = 3;

/// The addresses of the calling thread's network namespace, IPv4 and IPv6, in no order.
///
/// # Errors
/// Errors of rtnetlink; an ordinary user may ask.
pub fn local_addresses() -> io::Result<Vec<IpAddr>> {
    let mut netlink = Netlink::open(Protocol::Route)?;
    let mut addresses = Vec::new();
    for _ in 0..ATTEMPTS {
        addresses.clear();
        let changed = netlink.dump(RTM_GETADDR, RTM_NEWADDR, &[0; IFADDRMSG_LEN], |message| {
            addresses.extend(parse(message));
        })?;
        if !changed {
            break;
        }
    }
    Ok(addresses)
}

/// The local address of one `RTM_NEWADDR` message: `IFA_LOCAL`, and where there is none (IPv6
/// without a peer address) `IFA_ADDRESS`.
pub(crate) fn parse(message: &[u8]) -> Option<IpAddr> {
    let mut address = None;
    for (kind, value) in attributes(message.get(IFADDRMSG_LEN..)?) {
        match kind {
            IFA_LOCAL => return ip(value),
            IFA_ADDRESS => address = ip(value),
            _ => {}
        }
    }
    address
}

fn ip(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => array(value, 0).map(|octets: [u8; 4]| Ipv4Addr::from(octets).into()),
        16 => array(value, 0).map(|octets: [u8; 16]| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

/// The addresses of each network namespace, by its inode number.
#[derive(Debug, Clone, Default)]
pub struct LocalAddresses {
    by_netns: HashMap<u32, HashSet<IpAddr>>,
}

impl LocalAddresses {
    /// Sets a namespace's addresses.
    pub fn insert(&mut self, netns: u32, addresses: impl IntoIterator<Item = IpAddr>) {
        let addresses = addresses.into_iter().map(|a| a.to_canonical()).collect();
        self.by_netns.insert(netns, addresses);
    }

    /// Every address with the inode number of its namespace, v4-mapped ones as IPv4.
    pub fn iter(&self) -> impl Iterator<Item = (u32, IpAddr)> {
        let namespaces = self.by_netns.iter();
        namespaces.flat_map(|(netns, addresses)| addresses.iter().map(|addr| (*netns, *addr)))
    }

    /// Test for a `remote` whose packets stay on this host: a loopback address, or one of the
    /// namespace's own. v4-mapped addresses count as IPv4. `None` where the namespace is unknown
    /// or its addresses could not be read; no peer (the unspecified address) is not local.
    #[must_use]
    pub fn peer_is_local(&self, netns: Option<u32>, remote: IpAddr) -> Option<bool> {
        let remote = remote.to_canonical();
        if remote.is_loopback() {
            return Some(true);
        }
        if remote.is_unspecified() {
            return Some(false);
        }
        Some(self.by_netns.get(&netns?)?.contains(&remote))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_judged_in_their_own_namespace() -> Result<(), std::net::AddrParseError> {
        let mut local = LocalAddresses::default();
        local.insert(1, ["10.0.0.1".parse()?, "fd00::1".parse()?]);
        let cases = [
            (None, "127.8.9.1", Some(true)),
            (None, "::1", Some(true)),
            (None, "::ffff:127.0.0.1", Some(true)),
            (None, "0.0.0.0", Some(false)),
            (None, "::", Some(false)),
            (None, "10.0.0.1", None),
            (Some(2), "10.0.0.1", None),
            (Some(1), "10.0.0.1", Some(true)),
            (Some(1), "::ffff:10.0.0.1", Some(true)),
            (Some(1), "fd00::1", Some(true)),
            (Some(1), "10.0.0.2", Some(false)),
        ];
        for (netns, remote, expected) in cases {
            assert_eq!(
                local.peer_is_local(netns, remote.parse()?),
                expected,
                "{netns:?} {remote}"
            );
        }
        Ok(())
    }

    #[test]
    fn loopback_is_among_our_addresses() {
        let addresses = local_addresses().unwrap_or_default();
        assert!(
            addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)),
            "{addresses:?}"
        );
    }

    #[test]
    fn ifa_local_wins_over_the_peer_address() {
        let mut message = vec![2, 32, 0, 0, 1, 0, 0, 0];
        message.extend([8, 0, 1, 0, 10, 0, 0, 9]);
        message.extend([8, 0, 2, 0, 10, 0, 0, 1]);
        assert_eq!(parse(&message), Some(Ipv4Addr::new(10, 0, 0, 1).into()));
        assert_eq!(
            parse(&message[..16]),
            Some(Ipv4Addr::new(10, 0, 0, 9).into())
        );
        for len in 0..message.len() {
            let _ = parse(&message[..len]);
        }
    }
}

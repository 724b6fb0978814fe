//! Path limits as the kernel side takes them: in jiffies, by address prefix.

use std::net::IpAddr;

use observer_common::summary::{LimitJiffies, PathLimits, PrefixLimits};

/// Every path limit that the kernel side goes by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LimitTable {
    /// Limit where no prefix matches.
    pub(crate) default: PathLimits,
    /// Limits by prefix: its length in bits and its first address, IPv4 v4-mapped.
    pub(crate) prefixes: Vec<(u32, u128, PrefixLimits)>,
}

impl LimitTable {
    /// Least silence from which some socket is flagged, in jiffies; `None` without any limit.
    pub(crate) fn least_near(&self) -> Option<u32> {
        let of_prefix = |limits: &PrefixLimits| {
            let [a, b, c, d, e, f, g, h] = limits.by_port;
            [a, b, c, d, e, f, g, h, limits.otherwise]
        };
        self.prefixes
            .iter()
            .flat_map(|(.., limits)| of_prefix(limits))
            .chain([self.default])
            .flat_map(|path| [path.open, path.half_closed])
            .filter(|limit: &LimitJiffies| limit.limit > 0)
            .map(|limit| limit.near)
            .min()
    }
}

/// An address as 128 bits, IPv4 v4-mapped.
pub(crate) fn mapped(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

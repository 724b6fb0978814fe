//! Address ranges, with v4-mapped IPv6 addresses taken as the IPv4 addresses that they are.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// All addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    base: IpAddr,
    prefix_len: u8,
}

/// Why a text is no address range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// The part before the slash.
    #[error(
        "{0:?} is no IP address: write a range such as 10.0.0.0/8, 2001:db8::/32 or one address"
    )]
    Address(String),
    /// The part after the slash.
    #[error("/{written} is no prefix length: this address takes /0 to /{max}")]
    PrefixLen {
        /// Text as it was written.
        written: String,
        /// The longest that the address family has.
        max: u8,
    },
}

impl Cidr {
    /// Membership of an address in the range. An IPv4 range holds v4-mapped addresses too.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.base, addr.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(addr)) => {
                (base.to_bits() ^ addr.to_bits()) & mask_v4(self.prefix_len) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(addr)) => {
                (base.to_bits() ^ addr.to_bits()) & mask_v6(self.prefix_len) == 0
            }
            _ => false,
        }
    }

    /// The first address.
    #[must_use]
    pub const fn base(&self) -> IpAddr {
        self.base
    }

    /// Number of leading bits that are fixed.
    #[must_use]
    pub const fn prefix_len(&self) -> u8 {
        self.prefix_len
    }
}

fn mask_v4(prefix_len: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix_len))
        .unwrap_or(0)
}

fn mask_v6(prefix_len: u8) -> u128 {
    u128::MAX
        .checked_shl(128 - u32::from(prefix_len))
        .unwrap_or(0)
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (addr_text, len_text) = match text.split_once('/') {
            Some((addr, len)) => (addr, Some(len)),
            None => (text, None),
        };
        let addr: IpAddr = addr_text
            .parse()
            .map_err(|_| CidrError::Address(addr_text.to_owned()))?;
        let max = if addr.is_ipv4() { 32 } else { 128 };
        let prefix_len = match len_text {
            None => max,
            // u8's parser takes a sign, which no one means here.
            Some(len) => Some(len)
                .filter(|len| len.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|len| len.parse().ok())
                .filter(|len| *len <= max)
                .ok_or_else(|| CidrError::PrefixLen {
                    written: len.to_owned(),
                    max,
                })?,
        };
        Ok(match addr {
            IpAddr::V4(addr) => Self::v4(addr, prefix_len),
            IpAddr::V6(addr) => match addr.to_ipv4_mapped() {
                Some(addr) if prefix_len >= 96 => Self::v4(addr, prefix_len - 96),
                _ => Self {
                    base: Ipv6Addr::from_bits(addr.to_bits() & mask_v6(prefix_len)).into(),
                    prefix_len,
                },
            },
        })
    }
}

impl Cidr {
    fn v4(addr: Ipv4Addr, prefix_len: u8) -> Self {
        Self {
            base: Ipv4Addr::from_bits(addr.to_bits() & mask_v4(prefix_len)).into(),
            prefix_len,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix_len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_hold_their_addresses() {
        let holds = |range: &str, addr: &str| cidr(range).contains(addr.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(holds("192.0.2.1", "192.0.2.1"));
        assert!(!holds("192.0.2.1", "192.0.2.0"));
    }

    #[test]
    fn v4_mapped_addresses_are_ipv4() {
        assert!(cidr("10.0.0.0/8").contains("::ffff:10.1.2.3".parse().unwrap()));
        assert_eq!(cidr("::ffff:10.0.0.0/104"), cidr("10.0.0.0/8"));
    }

    #[test]
    fn host_bits_are_dropped() {
        assert_eq!(cidr("10.1.2.3/8").to_string(), "10.0.0.0/8");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for text in ["", "10.0.0/8", "example.org", "10.0.0.0:80", "[::1]"] {
            assert!(
                matches!(text.parse::<Cidr>(), Err(CidrError::Address(_))),
                "{text}"
            );
        }
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8"] {
            assert!(
                matches!(
                    text.parse::<Cidr>(),
                    Err(CidrError::PrefixLen { max: 32, .. })
                ),
                "{text}"
            );
        }
        let error = "::/129".parse::<Cidr>().unwrap_err().to_string();
        assert_eq!(
            error,
            "/129 is no prefix length: this address takes /0 to /128"
        );
    }

    proptest! {
        #[test]
        fn display_parses_back_v4(bits: u32, len in 0u8..=32) {
            let range = cidr(&format!("{}/{len}", Ipv4Addr::from_bits(bits)));
            prop_assert_eq!(cidr(&range.to_string()), range);
            prop_assert!(range.contains(Ipv4Addr::from_bits(bits).into()));
        }

        #[test]
        fn display_parses_back_v6(bits: u128, len in 0u8..=128) {
            let range = cidr(&format!("{}/{len}", Ipv6Addr::from_bits(bits)));
            prop_assert_eq!(cidr(&range.to_string()), range);
            prop_assert!(range.contains(Ipv6Addr::from_bits(bits).into()));
        }

        #[test]
        fn a_range_holds_what_begins_with_its_bits(
            base: u128, len in 0u32..=128, other: u128, same in 0u32..=128, v4: bool,
        ) {
            // An address that has at least `same` bits of the base.
            let other = base ^ other.checked_shr(same).unwrap_or(0);
            let alike = (base ^ other).leading_zeros();
            let (range, addr, expected): (String, IpAddr, bool) = if v4 {
                let (base, other) = ((base >> 96) as u32, (other >> 96) as u32);
                let len = len % 33;
                let range = format!("{}/{len}", Ipv4Addr::from_bits(base));
                (range, Ipv4Addr::from_bits(other).into(), alike >= len)
            } else {
                let range = format!("{}/{len}", Ipv6Addr::from_bits(base));
                (range, Ipv6Addr::from_bits(other).into(), alike >= len)
            };
            // v4-mapped addresses are of the other family: there are tests of their own.
            let is_mapped = |addr: IpAddr| !v4 && addr.to_canonical().is_ipv4();
            prop_assume!(!is_mapped(addr) && !is_mapped(cidr(&range).base()));
            prop_assert_eq!(cidr(&range).contains(addr), expected, "{} {}", range, addr);
        }

        #[test]
        fn a_mapped_range_is_the_range_of_ipv4(bits: u32, len in 0u8..=32) {
            let addr = Ipv4Addr::from_bits(bits);
            let mapped = cidr(&format!("{}/{}", addr.to_ipv6_mapped(), 96 + len));
            prop_assert_eq!(mapped, cidr(&format!("{addr}/{len}")));
            prop_assert!(mapped.contains(addr.to_ipv6_mapped().into()));
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "\\PC*") {
            drop(text.parse::<Cidr>());
        }
    }
}

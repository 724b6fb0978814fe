//! A policy's path limits as the kernel side takes them: in jiffies, by address prefix. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use observer_common::summary::{LimitJiffies, MAX_PREFIXES, PORTS, PathLimits, PrefixLimits};

use crate::kernel::summary::{LimitTable, mapped};
use crate::policy::Policy;
use crate::policy::cidr::Cidr;
use crate::policy::path::{self, Rule};
use crate::policy::profile::Counts;
use crate::policy::snapshot::NEAR;

/// The policy has more rules, or more ports for one prefix, than the kernel side has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooManyRules;

/// Limits of a policy where a second has `hz` jiffies.
pub(super) fn limit_table(policy: &Policy, hz: u32) -> Result<LimitTable, TooManyRules> {
    let of_seconds = |limit_s: Option<u64>| LimitJiffies {
        limit: in_jiffies(limit_s, hz, 1.0),
        near: in_jiffies(limit_s, hz, policy.at_risk * NEAR),
    };
    let jiffies = |limit: &path::Limit| PathLimits {
        open: of_seconds(limit.limit_s()),
        half_closed: of_seconds(limit.half_closed_s()),
        counts_payload: u32::from(limit.counts() == Counts::Payload),
    };
    let default = jiffies(policy.path.default_limit());
    let rules = policy.path.rules();
    let mut prefixes = BTreeMap::new();
    if rules.iter().any(|rule| rule.remote.base().is_ipv6()) {
        // IPv4 addresses match no rule for IPv6, however short its prefix.
        let otherwise = PrefixLimits {
            otherwise: default,
            ..PrefixLimits::default()
        };
        prefixes.insert((96, mapped(IpAddr::V4(0.into()))), otherwise);
    }
    for rule in rules {
        // Rules for the same prefix come to the same limits.
        let limits = of_prefix(&rule.remote, rules, default, jiffies)?;
        prefixes.insert(prefix(&rule.remote), limits);
    }
    if prefixes.len() > MAX_PREFIXES as usize {
        return Err(TooManyRules);
    }
    let prefixes = prefixes.into_iter();
    Ok(LimitTable {
        default,
        prefixes: prefixes
            .map(|((len, base), limits)| (len, base, limits))
            .collect(),
    })
}

/// Limits for addresses of which this is the longest prefix.
fn of_prefix(
    range: &Cidr,
    rules: &[Rule],
    default: PathLimits,
    jiffies: impl Fn(&path::Limit) -> PathLimits,
) -> Result<PrefixLimits, TooManyRules> {
    let mut limits = PrefixLimits {
        otherwise: default,
        ..PrefixLimits::default()
    };
    let mut used = 0;
    let holds = |rule: &&Rule| {
        rule.remote.prefix_len() <= range.prefix_len() && rule.remote.contains(range.base())
    };
    for rule in rules.iter().filter(holds) {
        if rule.ports.is_empty() {
            limits.otherwise = jiffies(&rule.limit);
            break;
        }
        for port in &rule.ports {
            if limits.ports[..used].contains(port) {
                continue;
            }
            let slot = limits.ports.get_mut(used).ok_or(TooManyRules)?;
            *slot = *port;
            limits.by_port[used] = jiffies(&rule.limit);
            used += 1;
        }
    }
    debug_assert!(used <= PORTS);
    Ok(limits)
}

/// Part of a limit in jiffies, at least one; 0 for none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "floats are cut to the range"
)]
fn in_jiffies(limit_s: Option<u64>, hz: u32, share: f64) -> u32 {
    // A stamp that is so old looks new again, to the kernel too.
    const LONGEST: f64 = (u32::MAX / 2) as f64;
    limit_s.map_or(0, |limit_s| {
        (limit_s as f64 * f64::from(hz) * share)
            .ceil()
            .clamp(1.0, LONGEST) as u32
    })
}

/// Length and first address of a range, as the table has them.
fn prefix(range: &Cidr) -> (u32, u128) {
    let bits_before = if range.base().is_ipv4() { 96 } else { 0 };
    let len = bits_before + u32::from(range.prefix_len());
    (len, mapped(range.base()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::testing::socket;
    use crate::policy::PathPolicy;

    fn rule(remote: &str, ports: &[u16], limit: &str) -> Rule {
        Rule {
            remote: remote.parse().unwrap(),
            ports: ports.to_vec(),
            limit: limit.parse().unwrap(),
        }
    }

    fn limits(rules: Vec<Rule>) -> Result<LimitTable, TooManyRules> {
        let policy = Policy {
            path: PathPolicy::new("100".parse().unwrap(), rules),
            at_risk: 0.5,
        };
        limit_table(&policy, 250)
    }

    fn limit(limit_s: u32) -> PathLimits {
        let limit = LimitJiffies {
            limit: limit_s * 250,
            near: limit_s * 250 / 4,
        };
        PathLimits {
            open: limit,
            half_closed: limit,
            counts_payload: 0,
        }
    }

    /// Limit that the kernel side finds for a peer.
    fn found(limits: &LimitTable, addr: &str, port: u16) -> PathLimits {
        let addr = mapped(addr.parse().unwrap());
        let matches = |len: u32, base: u128| {
            (addr ^ base) & u128::MAX.checked_shl(128 - len).unwrap_or(0) == 0
        };
        let longest = limits
            .prefixes
            .iter()
            .filter(|(len, base, _)| matches(*len, *base))
            .max_by_key(|(len, ..)| *len);
        let Some((.., found)) = longest else {
            return limits.default;
        };
        let at = found.ports.iter().position(|of| *of == port);
        at.map_or(found.otherwise, |at| found.by_port[at])
    }

    /// Limit that user space finds for a socket to that peer.
    fn expected(policy: &PathPolicy, addr: &str, port: u16) -> PathLimits {
        let mut socket = socket();
        socket.remote = (addr.parse::<IpAddr>().unwrap(), port).into();
        let limit_s = policy.limit_for(&socket).limit_s;
        limit_s.map_or(PathLimits::default(), |s| limit(u32::try_from(s).unwrap()))
    }

    #[test]
    fn the_kernel_side_finds_what_the_policy_says() {
        let rules = vec![
            rule("10.0.0.0/8", &[], "200"),
            rule("10.0.0.0/8", &[5432, 80], "300"),
            rule("10.9.0.0/16", &[80], "none"),
            rule("2001:db8::/32", &[443], "400"),
            rule("::/0", &[], "500"),
        ];
        let policy = PathPolicy::new("100".parse().unwrap(), rules.clone());
        let limits = limits(rules).unwrap();
        for addr in [
            "192.0.2.1",
            "10.1.1.1",
            "10.9.1.1",
            "2001:db8::1",
            "fd00::1",
        ] {
            for port in [80, 443, 5432, 9999] {
                let expected = expected(&policy, addr, port);
                assert_eq!(found(&limits, addr, port), expected, "{addr} {port}");
            }
        }
        assert_eq!(limits.least_near(), Some(100 * 250 / 4));
    }

    /// Ranges that lie in one another, and addresses in them.
    const RANGES: [&str; 9] = [
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.9.0.0/16",
        "10.9.9.9/32",
        "192.0.2.0/24",
        "::/0",
        "2001:db8::/32",
        "2001:db8::1/128",
        "::ffff:0:0/95",
    ];
    const ADDRESSES: [&str; 8] = [
        "10.9.9.9",
        "10.9.1.1",
        "10.1.1.1",
        "192.0.2.7",
        "198.51.100.1",
        "2001:db8::1",
        "2001:db8::2",
        "fd00::1",
    ];

    fn any_rule() -> impl Strategy<Value = Rule> {
        let ports = proptest::sample::subsequence(&[80, 443, 5432][..], 0..3);
        let limit = prop_oneof![
            Just("none".to_owned()),
            (1_u32..5000).prop_map(|s| s.to_string())
        ];
        (proptest::sample::select(&RANGES[..]), ports, limit)
            .prop_map(|(range, ports, limit)| rule(range, &ports, &limit))
    }

    proptest! {
        #[test]
        fn the_kernel_side_finds_what_any_policy_says(
            rules in proptest::collection::vec(any_rule(), 0..8),
        ) {
            let policy = PathPolicy::new("100".parse().unwrap(), rules.clone());
            let limits = limits(rules).unwrap();
            for addr in ADDRESSES {
                for port in [80, 443, 5432, 9999] {
                    let expected = expected(&policy, addr, port);
                    let found = found(&limits, addr, port).open.limit;
                    prop_assert_eq!(found, expected.open.limit, "{} {}", addr, port);
                }
            }
        }
    }

    #[test]
    fn what_the_kernel_side_has_no_room_for_is_refused() {
        let many: Vec<u16> = (1..10).collect();
        assert_eq!(
            limits(vec![rule("10.0.0.0/8", &many, "9")]),
            Err(TooManyRules)
        );
        let all = (0..=MAX_PREFIXES).map(|i| {
            let addr = std::net::Ipv4Addr::from_bits(0x0a00_0000 + i);
            rule(&addr.to_string(), &[], "9")
        });
        assert_eq!(limits(all.collect()), Err(TooManyRules));
    }

    #[test]
    fn what_a_profile_says_of_half_closed_connections_and_of_payload_goes_along() {
        let of = |profile: &str| {
            let policy = Policy {
                path: PathPolicy::overridden(profile.parse().unwrap()),
                at_risk: 0.5,
            };
            limit_table(&policy, 100).unwrap().default
        };
        let conntrack = of("linux-conntrack");
        assert_eq!(conntrack.open.limit, 43_200_000);
        assert_eq!(conntrack.half_closed.limit, 6000);
        assert_eq!(conntrack.counts_payload, 0);
        assert_eq!(of("envoy").counts_payload, 1);
    }

    #[test]
    fn no_limit_is_never_near() {
        let policy = Policy {
            path: PathPolicy::overridden("none".parse().unwrap()),
            at_risk: 0.5,
        };
        let limits = limit_table(&policy, 1000).unwrap();
        assert_eq!(limits.default, PathLimits::default());
        assert_eq!(limits.least_near(), None);
    }
}

//! Idle limits of well-known middleboxes for established TCP connections.

/// A middlebox on the path and how long it remembers a silent connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name in the configuration and on the command line.
    pub name: &'static str,
    /// Description for people.
    pub what: &'static str,
    /// Silence after which it forgets the connection, in seconds.
    pub limit_s: u64,
    /// Signs of it at the ends of the connection.
    pub at_expiry: &'static str,
    /// Where the limit is documented or was reported.
    pub source: &'static str,
}

/// The built-in profiles. A limit that its operator can change is given at its default.
pub const PROFILES: &[Profile] = &[
    Profile {
        name: "aws-nlb",
        what: "AWS Network Load Balancer",
        limit_s: 350,
        at_expiry: "silent; later packets are lost or answered with RST",
        source: "AWS blog on the configurable idle timeout of NLB (since September 2024; TCP listeners); redpanda-data/redpanda#11496",
    },
    Profile {
        name: "aws-nat-gateway",
        what: "AWS NAT gateway",
        limit_s: 350,
        at_expiry: "RST to later packets, never FIN",
        source: "AWS documentation quoted in encode/httpx#2975",
    },
    Profile {
        name: "aws-vpc-endpoint",
        what: "AWS interface endpoint (PrivateLink)",
        limit_s: 350,
        at_expiry: "silent; later packets are lost",
        source: "AWS blog on long-running TCP connections; aws/aws-sdk-js-v3#3624",
    },
    Profile {
        name: "aws-gwlb",
        what: "AWS Gateway Load Balancer",
        limit_s: 350,
        at_expiry: "silent; later packets are lost (configurable from 60 to 6000 s)",
        source: "AWS API_FlowTimeouts",
    },
    Profile {
        name: "aws-network-firewall",
        what: "AWS Network Firewall",
        limit_s: 350,
        at_expiry: "silent; later packets are lost (configurable from 60 to 6000 s)",
        source: "AWS API_FlowTimeouts",
    },
    Profile {
        name: "aws-security-group",
        what: "connection tracking of AWS security groups",
        limit_s: 350,
        at_expiry: "not documented (350 s on Nitro v6 instances, 432000 s on others)",
        source: "AWS API_ConnectionTrackingConfiguration",
    },
    Profile {
        name: "azure-lb",
        what: "Azure Load Balancer",
        limit_s: 240,
        at_expiry: "silent, RST if so configured (up to 100 min)",
        source: "Azure load-balancer-tcp-reset and load-balancer-tcp-idle-timeout",
    },
    Profile {
        name: "gcp-firewall",
        what: "connection tracking of Google Cloud's VPC firewall",
        limit_s: 600,
        at_expiry: "silent",
        source: "GCP general tips, quoted in gitlab-org/charts/gitlab#2519",
    },
    Profile {
        name: "gcp-cloud-nat",
        what: "Google Cloud NAT",
        limit_s: 1200,
        at_expiry: "silent",
        source: "GCP Cloud NAT documentation",
    },
    Profile {
        name: "ipvs",
        what: "Linux IPVS (kube-proxy in ipvs mode, Docker swarm)",
        limit_s: 900,
        at_expiry: "silent, then dropped or RST",
        source: "kubernetes/kubernetes#84041, kubernetes/kubernetes#80298",
    },
    Profile {
        name: "kube-proxy-conntrack",
        what: "Linux conntrack as kube-proxy sets it",
        limit_s: 86_400,
        at_expiry: "silent",
        source: "kubernetes/kubernetes#71358",
    },
    Profile {
        name: "linux-conntrack",
        what: "Linux conntrack (netfilter NAT and firewalls)",
        limit_s: 432_000,
        at_expiry: "silent",
        source: "kernel default of nf_conntrack_tcp_timeout_established",
    },
    Profile {
        name: "cisco-ftd",
        what: "Cisco Firepower Threat Defense",
        limit_s: 3600,
        at_expiry: "slot freed",
        source: "Cisco Defense Orchestrator documentation",
    },
    Profile {
        name: "istio",
        what: "Istio's sidecar proxy",
        limit_s: 3600,
        at_expiry: "RST seen",
        source: "istio/istio#43233",
    },
    Profile {
        name: "envoy",
        what: "Envoy's TCP proxy",
        limit_s: 3600,
        at_expiry: "RST seen",
        source: "istio/istio#43233",
    },
];

/// The profile that holds where nothing else is configured: its limit is the one that the most
/// common cloud paths share.
pub const DEFAULT: &Profile = &PROFILES[0];

/// Finds a profile by its name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

/// Every profile's name, for messages.
#[must_use]
pub fn names() -> String {
    let names: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
    names.join(", ")
}

/// Every profile with its limit, for help: `azure-lb (240 s), istio, envoy (3600 s each)`.
#[must_use]
pub fn names_with_limits() -> String {
    let groups = PROFILES.chunk_by(|one, next| one.limit_s == next.limit_s);
    let groups: Vec<String> = groups
        .filter_map(|group| {
            let limit_s = group.first()?.limit_s;
            let names: Vec<&str> = group.iter().map(|profile| profile.name).collect();
            let each = if names.len() > 1 { " each" } else { "" };
            Some(format!("{} ({limit_s} s{each})", names.join(", ")))
        })
        .collect();
    groups.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for profile in PROFILES {
            assert_eq!(find(profile.name), Some(profile), "{}", profile.name);
            assert!(!profile.source.is_empty());
        }
        assert_eq!(find("none"), None);
        assert_eq!(DEFAULT.name, "aws-nlb");
    }
    /// README's table, with the shortest limit first.
    #[test]
    fn readme_has_every_profile() {
        let mut profiles: Vec<&Profile> = PROFILES.iter().collect();
        profiles.sort_by_key(|profile| profile.limit_s);
        let rows = profiles.chunk_by(|one, next| one.limit_s == next.limit_s);
        let rows: String = rows
            .map(|group| {
                let names: Vec<String> = group.iter().map(|p| format!("`{}`", p.name)).collect();
                format!("| {} | {} s |\n", names.join(", "), group[0].limit_s)
            })
            .collect();
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
        let readme = std::fs::read_to_string(readme).unwrap();
        let expected = format!("| profile | limit |\n|---|---|\n{rows}\n");
        assert!(readme.contains(&expected), "README.md lacks:\n{expected}");
    }
}

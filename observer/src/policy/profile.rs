//! Idle limits of well-known middleboxes for established TCP connections.

/// Traffic that a middlebox counts as a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Every segment, keepalive probes and their answers too.
    Segments,
    /// Bytes of payload: a proxy ends TCP itself and answers keepalive probes, its idle timer goes on.
    Payload,
}

impl Counts {
    /// Name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Segments => "segments",
            Self::Payload => "payload",
        }
    }
}

/// Sign that the ends of a connection get once a middlebox has forgotten it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Nothing, or nothing that is documented: later packets are lost.
    Silent,
    /// A reset, in answer to what they send later.
    Reset,
    /// The end of the connection at once: it is a proxy, and closes.
    Closed,
}

/// A middlebox on the path and how long it remembers a silent connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name in the configuration and on the command line.
    pub name: &'static str,
    /// Description for people.
    pub what: &'static str,
    /// Silence after which it forgets the connection, in seconds.
    pub limit_s: u64,
    /// The same for a connection of which one end has sent its FIN, where it has a limit of its own.
    pub half_closed_s: Option<u64>,
    /// Traffic that renews its memory.
    pub counts: Counts,
    /// Sign that the ends get then.
    pub expiry: Expiry,
    /// The same in words, with what is reported.
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
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent; later packets are lost or answered with RST",
        source: "AWS blog on the configurable idle timeout of NLB (since September 2024; TCP listeners); redpanda-data/redpanda#11496",
    },
    Profile {
        name: "aws-nat-gateway",
        what: "AWS NAT gateway",
        limit_s: 350,
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Reset,
        at_expiry: "RST to later packets, never FIN",
        source: "AWS documentation quoted in encode/httpx#2975",
    },
    Profile {
        name: "aws-vpc-endpoint",
        what: "AWS interface endpoint (PrivateLink)",
        limit_s: 350,
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent; later packets are lost",
        source: "AWS blog on long-running TCP connections; aws/aws-sdk-js-v3#3624",
    },
    Profile {
        name: "aws-gwlb",
        what: "AWS Gateway Load Balancer",
        limit_s: 350,
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent; later packets are lost (configurable from 60 to 6000 s)",
        source: "AWS API_FlowTimeouts",
    },
    Profile {
        name: "aws-network-firewall",
        what: "AWS Network Firewall",
        limit_s: 350,
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent; later packets are lost (configurable from 60 to 6000 s)",
        source: "AWS API_FlowTimeouts",
    },
    Profile {
        name: "aws-security-group",
        what: "connection tracking of AWS security groups",
        limit_s: 350,
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "not documented (350 s on Nitro v6 instances, 432000 s on others)",
        source: "AWS API_ConnectionTrackingConfiguration",
    },
    Profile {
        name: "azure-lb",
        what: "Azure Load Balancer",
        limit_s: 240,
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent, RST if so configured (up to 100 min)",
        source: "Azure load-balancer-tcp-reset and load-balancer-tcp-idle-timeout",
    },
    Profile {
        name: "gcp-firewall",
        what: "connection tracking of Google Cloud's VPC firewall",
        limit_s: 600,
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent",
        source: "GCP general tips, quoted in gitlab-org/charts/gitlab#2519",
    },
    Profile {
        name: "gcp-cloud-nat",
        what: "Google Cloud NAT",
        limit_s: 1200,
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent",
        source: "GCP Cloud NAT documentation",
    },
    Profile {
        name: "ipvs",
        what: "Linux IPVS (kube-proxy in ipvs mode, Docker swarm)",
        limit_s: 900,
        half_closed_s: Some(120),
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent, then dropped or RST",
        source: "kubernetes/kubernetes#84041, kubernetes/kubernetes#80298",
    },
    Profile {
        name: "kube-proxy-conntrack",
        what: "Linux conntrack as kube-proxy sets it",
        limit_s: 86_400,
        half_closed_s: Some(3600),
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent",
        source: "kubernetes/kubernetes#71358; kubernetes/kubernetes#32551 (half-closed)",
    },
    Profile {
        name: "linux-conntrack",
        what: "Linux conntrack (netfilter NAT and firewalls)",
        limit_s: 432_000,
        half_closed_s: Some(60),
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "silent",
        source: "kernel defaults of nf_conntrack_tcp_timeout_established and _close_wait",
    },
    Profile {
        name: "cisco-ftd",
        what: "Cisco Firepower Threat Defense",
        limit_s: 3600,
        half_closed_s: None,
        counts: Counts::Segments,
        expiry: Expiry::Silent,
        at_expiry: "slot freed",
        source: "Cisco Defense Orchestrator documentation",
    },
    Profile {
        name: "istio",
        what: "Istio's sidecar proxy",
        limit_s: 3600,
        half_closed_s: None,
        counts: Counts::Payload,
        expiry: Expiry::Closed,
        at_expiry: "RST seen",
        source: "istio/istio#43233",
    },
    Profile {
        name: "envoy",
        what: "Envoy's TCP proxy",
        limit_s: 3600,
        half_closed_s: None,
        counts: Counts::Payload,
        expiry: Expiry::Closed,
        at_expiry: "RST seen",
        source: "istio/istio#43233",
    },
    Profile {
        name: "nginx-stream",
        what: "nginx as a TCP proxy (module stream)",
        limit_s: 600,
        half_closed_s: None,
        counts: Counts::Payload,
        expiry: Expiry::Closed,
        at_expiry: "FIN to both ends",
        source: "nginx ngx_stream_proxy_module: proxy_timeout",
    },
    Profile {
        name: "haproxy",
        what: "HAProxy as a TCP proxy",
        limit_s: 50,
        half_closed_s: None,
        counts: Counts::Payload,
        expiry: Expiry::Closed,
        at_expiry: "FIN to both ends",
        source: "HAProxy's configuration manual and its packages: timeout client and timeout server, 50 s in their example",
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

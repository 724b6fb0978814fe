//! Path limits: the time for which the path to a peer remembers a silent connection.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use super::cidr::Cidr;
use super::profile::{self, Counts, Expiry, Profile};
use super::span::{Span, SpanError};
use crate::model::{Socket, State};

/// A limit as the configuration and `--path` give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// No middlebox on the path forgets anything.
    None,
    /// That of a known middlebox.
    Profile(&'static Profile),
    /// A duration.
    Duration {
        /// Seconds.
        limit_s: u64,
        /// As it was written.
        written: Arc<str>,
    },
}

/// Why a text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Neither a profile nor like a duration.
    #[error(
        "no profile {name:?}: use one of {}, a duration such as 350s, or none",
        profile::names()
    )]
    UnknownProfile {
        /// Text as it was written.
        name: String,
    },
    /// It begins with a digit and is no duration.
    #[error(transparent)]
    Duration(#[from] SpanError),
    /// Limits are compared with TCP_KEEPIDLE, which has whole seconds.
    #[error("a path limit is a whole number of seconds")]
    Fraction,
    /// 0 would make every connection late.
    #[error("a path limit of 0 is no limit: write none")]
    Zero,
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        if text == "none" {
            return Ok(Self::None);
        }
        if let Some(profile) = profile::find(text) {
            return Ok(Self::Profile(profile));
        }
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(LimitError::UnknownProfile {
                name: text.to_owned(),
            });
        }
        let Span { ms } = text.parse()?;
        match (ms / 1000, ms % 1000) {
            (_, 1..) => Err(LimitError::Fraction),
            (0, 0) => Err(LimitError::Zero),
            (limit_s, 0) => Ok(Self::Duration {
                limit_s,
                written: text.into(),
            }),
        }
    }
}

impl Limit {
    /// Seconds, if there is a limit.
    #[must_use]
    pub fn limit_s(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Profile(profile) => Some(profile.limit_s),
            Self::Duration { limit_s, .. } => Some(*limit_s),
        }
    }

    /// The same for a connection of which one end has sent its FIN.
    #[must_use]
    pub fn half_closed_s(&self) -> Option<u64> {
        match self {
            Self::Profile(profile) => Some(profile.half_closed_s.unwrap_or(profile.limit_s)),
            Self::None | Self::Duration { .. } => self.limit_s(),
        }
    }

    /// Traffic that counts against silence.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        match self {
            Self::Profile(profile) => profile.counts,
            Self::None | Self::Duration { .. } => Counts::Segments,
        }
    }

    /// Sign that the ends get at its end; of a duration nothing is known, and silence is the worst.
    #[must_use]
    pub const fn expiry(&self) -> Expiry {
        match self {
            Self::Profile(profile) => profile.expiry,
            Self::None | Self::Duration { .. } => Expiry::Silent,
        }
    }

    /// The profile's name, the duration as written, or `none`.
    #[must_use]
    pub fn name(&self) -> LimitName {
        match self {
            Self::None => NONE.into(),
            Self::Profile(profile) => profile.name.into(),
            Self::Duration { written, .. } => LimitName::Written(Arc::clone(written)),
        }
    }
}

/// Name of a limit. Cheap to clone: every judgement has one.
#[derive(Clone, PartialEq, Eq)]
pub enum LimitName {
    /// Built in.
    Fixed(&'static str),
    /// As the user wrote it.
    Written(Arc<str>),
}

impl From<&'static str> for LimitName {
    fn from(name: &'static str) -> Self {
        Self::Fixed(name)
    }
}

impl std::ops::Deref for LimitName {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Fixed(name) => name,
            Self::Written(name) => name,
        }
    }
}

impl std::fmt::Debug for LimitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&**self, f)
    }
}

impl std::fmt::Display for LimitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self)
    }
}

const NONE: &str = "none";

/// A limit for some peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Remote addresses.
    pub remote: Cidr,
    /// Remote ports; empty for all.
    pub ports: Vec<u16>,
    /// The limit on the way there.
    pub limit: Limit,
}

impl Rule {
    fn matches(&self, addr: IpAddr, port: u16) -> bool {
        self.remote.contains(addr) && (self.ports.is_empty() || self.ports.contains(&port))
    }
}

/// Which limit holds for which peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPolicy {
    default: Limit,
    /// The first that matches wins.
    rules: Vec<Rule>,
}

impl Default for PathPolicy {
    fn default() -> Self {
        Self::new(Limit::Profile(profile::DEFAULT), Vec::new())
    }
}

impl PathLimit {
    /// Silence as the path counts it; `None` where a stamp that decides is unknown.
    #[must_use]
    pub fn silence_ms(&self, socket: &Socket) -> Option<u64> {
        match self.counts {
            Counts::Segments => socket.idle.quiet_ms(),
            Counts::Payload => socket.idle.data_ms(),
        }
    }

    /// The limit in milliseconds.
    #[must_use]
    pub fn limit_ms(&self) -> Option<u64> {
        Some(self.limit_s?.saturating_mul(1000))
    }
}

#[cfg(test)]
impl PathLimit {
    /// A limit of so many seconds on segments.
    pub(crate) fn of(limit_s: Option<u64>) -> Self {
        Self {
            limit_s,
            counts: Counts::Segments,
            expiry: Expiry::Silent,
            from: "test".into(),
        }
    }
}

impl PathPolicy {
    /// The longest matching prefix wins, then a rule with ports, then the one that comes first.
    #[must_use]
    pub fn new(default: Limit, mut rules: Vec<Rule>) -> Self {
        rules.sort_by_key(|rule| {
            (
                std::cmp::Reverse(rule.remote.prefix_len()),
                rule.ports.is_empty(),
            )
        });
        Self { default, rules }
    }

    /// One limit for every peer that is not on this side.
    #[must_use]
    pub fn overridden(limit: Limit) -> Self {
        Self::new(limit, Vec::new())
    }

    /// The limit where no rule matches.
    #[must_use]
    pub fn default_limit(&self) -> &Limit {
        &self.default
    }

    /// The rules; the first that matches wins.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The limit on the way to the socket's peer.
    ///
    /// A peer of which it is not known whether it is local counts as remote: its path cannot be
    /// excluded from having a middlebox.
    #[must_use]
    pub fn limit_for(&self, socket: &Socket) -> PathLimit {
        let addr = socket.remote.ip().to_canonical();
        let no_limit = |from: &'static str| PathLimit {
            limit_s: None,
            counts: Counts::Segments,
            expiry: Expiry::Silent,
            from: from.into(),
        };
        if addr.is_loopback() {
            return no_limit("loopback");
        }
        if socket.peer_is_local == Some(true) {
            return no_limit("local");
        }
        if matches!(socket.state, State::Listen | State::Close) {
            return no_limit(NONE);
        }
        let port = socket.remote.port();
        let rule = self.rules.iter().find(|rule| rule.matches(addr, port));
        let limit = rule.map_or(&self.default, |rule| &rule.limit);
        PathLimit {
            limit_s: if socket.state.is_half_closed() {
                limit.half_closed_s()
            } else {
                limit.limit_s()
            },
            counts: limit.counts(),
            expiry: limit.expiry(),
            from: limit.name(),
        }
    }
}

/// The limit on the way to one peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathLimit {
    /// Silence after which the tightest middlebox forgets the connection, in seconds.
    pub limit_s: Option<u64>,
    /// Traffic that counts against silence.
    pub counts: Counts,
    /// Sign that the ends get once it has forgotten the connection.
    pub expiry: Expiry,
    /// The profile's name, the duration as written, `none`, or why there is no path: `loopback`
    /// or `local`.
    pub from: LimitName,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::socket;

    fn limit(text: &str) -> Limit {
        text.parse().unwrap()
    }

    fn rule(remote: &str, ports: &[u16], text: &str) -> Rule {
        Rule {
            remote: remote.parse().unwrap(),
            ports: ports.to_vec(),
            limit: limit(text),
        }
    }

    fn to(remote: &str) -> Socket {
        Socket {
            remote: remote.parse().unwrap(),
            ..socket()
        }
    }

    #[test]
    fn limits_are_profiles_durations_or_none() {
        assert_eq!(limit("azure-lb").limit_s(), Some(240));
        assert_eq!(limit("5m50s").limit_s(), Some(350));
        assert_eq!(&*limit("5m50s").name(), "5m50s");
        assert_eq!(limit("none").limit_s(), None);
        assert_eq!("0".parse::<Limit>(), Err(LimitError::Zero));
        assert_eq!("1500ms".parse::<Limit>(), Err(LimitError::Fraction));
        let error = "aws-nbl".parse::<Limit>().unwrap_err().to_string();
        assert!(error.starts_with("no profile \"aws-nbl\": use one of aws-nlb, "));
        assert!(matches!(
            "5min".parse::<Limit>(),
            Err(LimitError::Duration(SpanError::Unit(_)))
        ));
    }

    #[test]
    fn the_longest_prefix_wins_then_ports_then_order() {
        let policy = PathPolicy::new(
            limit("aws-nlb"),
            vec![
                rule("10.0.0.0/8", &[], "1000"),
                rule("10.0.0.0/8", &[], "1001"),
                rule("10.0.0.0/8", &[5432], "1002"),
                rule("10.9.0.0/16", &[], "none"),
                rule("2001:db8::/32", &[443], "1004"),
            ],
        );
        let from = |remote: &str| policy.limit_for(&to(remote)).from.to_string();
        assert_eq!(from("192.0.2.1:443"), "aws-nlb");
        assert_eq!(from("10.1.0.1:443"), "1000");
        assert_eq!(from("10.1.0.1:5432"), "1002");
        assert_eq!(from("10.9.0.1:5432"), "none");
        assert_eq!(from("[::ffff:10.1.0.1]:5432"), "1002");
        assert_eq!(from("[2001:db8::1]:443"), "1004");
        assert_eq!(from("[2001:db8::1]:80"), "aws-nlb");
    }

    #[test]
    fn this_side_has_no_path_whatever_the_rules_say() {
        let policy = PathPolicy::overridden(limit("60s"));
        assert_eq!(&*policy.limit_for(&to("127.0.0.9:80")).from, "loopback");
        assert_eq!(
            &*policy.limit_for(&to("[::ffff:127.0.0.1]:80")).from,
            "loopback"
        );
        let mut local = to("192.0.2.1:80");
        local.peer_is_local = Some(true);
        assert_eq!(&*policy.limit_for(&local).from, "local");
        assert_eq!(policy.limit_for(&local).limit_s, None);
        local.peer_is_local = None;
        assert_eq!(policy.limit_for(&local).limit_s, Some(60));
    }

    #[test]
    fn a_listener_has_no_path() {
        let mut listener = to("0.0.0.0:0");
        listener.state = State::Listen;
        assert_eq!(
            PathPolicy::default().limit_for(&listener),
            PathLimit {
                limit_s: None,
                counts: Counts::Segments,
                expiry: Expiry::Silent,
                from: "none".into(),
            }
        );
    }
}

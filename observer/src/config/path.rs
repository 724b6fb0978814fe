//! `[path]`: idle limits of paths.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::read::{limit, parsed};
use crate::policy::cidr::Cidr;
use crate::policy::path::{Limit, PathPolicy, Rule};
use crate::policy::profile;

/// `[path]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PathSection {
    /// The limit where no rule matches.
    #[serde(deserialize_with = "limit")]
    pub default: Limit,
    /// Limits for some peers.
    pub rule: Vec<RuleEntry>,
}

/// `[[path.rule]]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Remote addresses, as a range.
    #[serde(deserialize_with = "parsed")]
    pub remote: Cidr,
    /// Remote ports; all where left out.
    #[serde(default, deserialize_with = "ports")]
    pub ports: Vec<u16>,
    /// The limit on the way there.
    #[serde(deserialize_with = "limit")]
    pub limit: Limit,
}

impl Default for PathSection {
    fn default() -> Self {
        Self {
            default: Limit::Profile(profile::DEFAULT),
            rule: Vec::new(),
        }
    }
}

impl PathSection {
    /// The limits that the section sets.
    #[must_use]
    pub fn policy(&self) -> PathPolicy {
        let rules = self.rule.iter().map(|entry| Rule {
            remote: entry.remote,
            ports: entry.ports.clone(),
            limit: entry.limit.clone(),
        });
        PathPolicy::new(self.default.clone(), rules.collect())
    }
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    let wrong = || D::Error::custom("ports are whole numbers from 1 to 65535, such as [443, 5432]");
    let ports: Vec<i64> = Vec::deserialize(deserializer).map_err(|_| wrong())?;
    if ports.is_empty() {
        return Err(D::Error::custom("no ports: leave the key out to mean all"));
    }
    let port = |port: &i64| u16::try_from(*port).ok().filter(|port| *port > 0);
    ports
        .iter()
        .map(port)
        .collect::<Option<_>>()
        .ok_or_else(wrong)
}

//! The configuration file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};

use crate::policy::path::{Limit, PathPolicy, Rule};
use crate::policy::span::Span;
use crate::policy::{DEFAULT_AT_RISK, profile};

/// The file that is read, if it exists, where none is named.
pub const DEFAULT_FILE: &str = "/etc/observer/config.toml";

/// The whole file. Every key may be left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long paths remember silent connections.
    pub path: PathSection,
    /// How sockets are looked at.
    pub scan: ScanSection,
}

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
    pub remote: crate::policy::cidr::Cidr,
    /// Remote ports; all where left out.
    #[serde(default, deserialize_with = "ports")]
    pub ports: Vec<u16>,
    /// The limit on the way there.
    #[serde(deserialize_with = "limit")]
    pub limit: Limit,
}

/// `[scan]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanSection {
    /// Time from one scan to the next.
    #[serde(deserialize_with = "interval")]
    pub interval: Span,
    /// Share of the path limit from which silence is a risk.
    #[serde(deserialize_with = "share")]
    pub at_risk: f64,
}

impl Default for PathSection {
    fn default() -> Self {
        Self {
            default: Limit::Profile(profile::DEFAULT),
            rule: Vec::new(),
        }
    }
}

impl Default for ScanSection {
    fn default() -> Self {
        Self {
            interval: Span { ms: 10_000 },
            at_risk: DEFAULT_AT_RISK,
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is wrong.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong, in one line.
        message: String,
    },
}

impl Config {
    /// Reads the named file, which must exist; without a name the default file if there is one,
    /// else the defaults.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(source) => Err(ConfigError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Parses the text of a file; `path` is for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let (line, column) = position(text, offset);
            ConfigError::Invalid {
                path: path.to_owned(),
                line,
                column,
                message: error.message().replace('\n', "; "),
            }
        })
    }

    /// The limits that the file sets.
    #[must_use]
    pub fn path_policy(&self) -> PathPolicy {
        let rules = self.path.rule.iter().map(|entry| Rule {
            remote: entry.remote,
            ports: entry.ports.clone(),
            limit: entry.limit.clone(),
        });
        PathPolicy::new(self.path.default.clone(), rules.collect())
    }
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// A value that is written as text.
fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    String::deserialize(deserializer)?
        .parse()
        .map_err(D::Error::custom)
}

/// A limit: text, or a number of seconds.
fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limit, D::Error> {
    text_or_number(
        deserializer,
        "a profile, a duration such as \"350s\", or \"none\"",
    )
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

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let span: Span = text_or_number(deserializer, "a duration such as \"10s\"")?;
    if span.ms == 0 {
        return Err(D::Error::custom("the interval must be longer than 0"));
    }
    Ok(span)
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let share = f64::deserialize(deserializer)?;
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err(D::Error::custom(
            "at_risk is a share of the path limit: above 0.0, at most 1.0",
        ))
    }
}

fn text_or_number<'de, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct TextOrNumber(&'static str);

    impl Visitor<'_> for TextOrNumber {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_i64<E>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }

    deserializer
        .deserialize_any(TextOrNumber(expected))?
        .parse()
        .map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::socket;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("c.toml"), text).map_err(|error| error.to_string())
    }

    fn error(text: &str) -> String {
        parse(text).unwrap_err()
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = parse("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.path_policy(), PathPolicy::default());
        assert_eq!(config.scan.interval.ms, 10_000);
    }

    #[test]
    fn a_full_file() {
        let config = parse(
            r#"
            [path]
            default = "azure-lb"
            [[path.rule]]
            remote = "203.0.113.0/24"
            ports = [443]
            limit = "20m"
            [[path.rule]]
            remote = "10.0.0.0/8"
            limit = 900
            [scan]
            interval = "30s"
            at_risk = 0.8
            "#,
        )
        .unwrap();
        let policy = config.path_policy();
        let limit = policy.limit_for(&socket()).limit_s;
        assert_eq!(limit, Some(1200));
        assert_eq!(config.path.default.limit_s(), Some(240));
        assert_eq!(config.path.rule[1].limit.limit_s(), Some(900));
        assert_eq!(config.scan.interval.ms, 30_000);
    }

    #[test]
    fn errors_say_where_and_what() {
        assert_eq!(
            error("[path]\n  defualt = \"aws-nlb\"\n"),
            "c.toml:2:3: unknown field `defualt`, expected `default` or `rule`"
        );
        assert_eq!(
            error("[agent]\nlisten = \"x\"\n"),
            "c.toml:1:2: unknown field `agent`, expected `path` or `scan`"
        );
        let unknown = error("[path]\ndefault = \"aws-nbl\"\n");
        assert!(
            unknown.starts_with("c.toml:2:11: no profile \"aws-nbl\": use one of aws-nlb, "),
            "{unknown}"
        );
        assert_eq!(
            error("[[path.rule]]\nremote = \"10.0.0.0/99\"\nlimit = \"none\"\n"),
            "c.toml:2:10: /99 is no prefix length: this address takes /0 to /32"
        );
        assert_eq!(
            error("[scan]\nat_risk = 50.0\n"),
            "c.toml:2:11: at_risk is a share of the path limit: above 0.0, at most 1.0"
        );
        assert_eq!(
            error("[scan]\ninterval = \"0s\"\n"),
            "c.toml:2:12: the interval must be longer than 0"
        );
        assert!(
            error("[path]\ndefault = true\n").starts_with("c.toml:2:11: invalid type: boolean")
        );
        assert!(error("[path\n").starts_with("c.toml:1:6: "));
        assert!(error("[[path.rule]]\nlimit = \"none\"\n").contains("missing field `remote`"));
    }

    #[test]
    fn a_named_file_must_exist() {
        let error = Config::load(Some(Path::new("/nonexistent/observer.toml"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read the configuration /nonexistent/observer.toml"
        );
    }
}

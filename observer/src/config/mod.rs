//! The configuration file.
//!
//! One file here for each of its sections; `read` has the forms that values are written in, `write`
//! prints the configuration that holds.

pub mod agent;
pub mod alert;
mod file;
pub mod listen;
pub mod path;
mod read;
mod reload;
pub mod scan;
pub mod url;
mod write;

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

pub use agent::AgentSection;
pub use alert::AlertSection;
pub use path::PathSection;
pub use scan::ScanSection;

use crate::policy::PathPolicy;

/// The file that is read, if it exists, where none is named.
pub const DEFAULT_FILE: &str = "/etc/observer/config.toml";

/// The whole file. Every key may be left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Idle limits of paths.
    pub path: PathSection,
    /// Interval of sweeps, and the share of a limit that is a risk.
    pub scan: ScanSection,
    /// HTTP server and workloads of the daemon.
    pub agent: AgentSection,
    /// Times and sinks of alerts.
    pub alert: AlertSection,
}

/// Reason why there is no configuration.
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
        /// Fault, in one line.
        message: String,
    },
}

impl Config {
    /// Reads the named file, which must exist; without a name the default file if there is one,
    /// else the defaults.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match file::read(path) {
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
        let invalid = |offset: usize, message: String| {
            let (line, column) = position(text, offset);
            ConfigError::Invalid {
                path: path.to_owned(),
                line,
                column,
                message,
            }
        };
        let config: Self = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            invalid(offset, error.message().replace('\n', "; "))
        })?;
        config
            .agent
            .check()
            .map_err(|error| invalid(listen_offset(text), error.to_string()))?;
        let without_use = |sink: &alert::SinkEntry| sink.ca.is_some() && !sink.url.is_https();
        if let Some(index) = config.alert.sink.iter().position(without_use) {
            let message = "ca is for an https URL, and this sink's is http".to_owned();
            return Err(invalid(sink_offset(text, index), message));
        }
        Ok(config)
    }

    /// The limits that the file sets.
    #[must_use]
    pub fn path_policy(&self) -> PathPolicy {
        self.path.policy()
    }

    /// The effective configuration, see its [`Display`](std::fmt::Display).
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.to_string()
    }
}

/// Positions of values that are only wrong together with others.
#[derive(Deserialize)]
struct Positions {
    agent: Option<AgentPositions>,
    alert: Option<AlertPositions>,
}

#[derive(Deserialize)]
struct AgentPositions {
    listen: Option<Spanned<String>>,
}

#[derive(Deserialize)]
struct AlertPositions {
    sink: Vec<SinkPositions>,
}

#[derive(Deserialize)]
struct SinkPositions {
    ca: Option<Spanned<String>>,
}

fn listen_offset(text: &str) -> usize {
    let positions = toml::from_str::<Positions>(text).ok();
    let listen = positions.and_then(|positions| positions.agent?.listen);
    listen.map_or(0, |listen| listen.span().start)
}

fn sink_offset(text: &str, index: usize) -> usize {
    let positions = toml::from_str::<Positions>(text).ok();
    let sinks = positions.and_then(|positions| Some(positions.alert?.sink));
    let ca = sinks.and_then(|mut sinks| sinks.get_mut(index)?.ca.take());
    ca.map_or(0, |ca| ca.span().start)
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

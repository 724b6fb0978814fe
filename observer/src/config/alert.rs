//! `[alert]`: times and sinks of alerts.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::read::{parsed, some_file, span, span_above_0};
use super::url::SinkUrl;
use crate::policy::span::Span;

/// Number of sinks at most: each has a queue and a task of its own.
pub const MAX_SINKS: usize = 16;

/// `[alert]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertSection {
    /// Time for which a group must be in danger before it fires.
    #[serde(deserialize_with = "span")]
    pub hold: Span,
    /// Time after which a firing group is sent again.
    #[serde(deserialize_with = "span_above_0")]
    pub repeat: Span,
    /// Time for which no socket of a firing group may be in danger before it is resolved.
    #[serde(deserialize_with = "span_above_0")]
    pub resolve: Span,
    /// Receivers of alerts.
    #[serde(deserialize_with = "sinks")]
    pub sink: Vec<SinkEntry>,
}

impl Default for AlertSection {
    fn default() -> Self {
        Self {
            hold: Span { ms: 0 },
            repeat: Span { ms: 240_000 },
            resolve: Span { ms: 60_000 },
            sink: Vec::new(),
        }
    }
}

/// `[[alert.sink]]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkEntry {
    /// Kind of receiver.
    pub kind: SinkKind,
    /// Where.
    #[serde(deserialize_with = "parsed")]
    pub url: SinkUrl,
    /// Certificates in PEM that are trusted for an https URL, in place of the host's.
    #[serde(default, deserialize_with = "some_file")]
    pub ca: Option<PathBuf>,
}

/// Kind of receiver at a sink's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// Prometheus Alertmanager, by version 2 of its API.
    Alertmanager,
    /// Anything that takes the same JSON array.
    Webhook,
}

impl SinkKind {
    /// The name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alertmanager => "alertmanager",
            Self::Webhook => "webhook",
        }
    }
}

fn sinks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SinkEntry>, D::Error> {
    let sinks: Vec<SinkEntry> = Vec::deserialize(deserializer)?;
    if sinks.len() > MAX_SINKS {
        return Err(D::Error::custom(format_args!(
            "{} sinks: at most {MAX_SINKS}",
            sinks.len()
        )));
    }
    Ok(sinks)
}

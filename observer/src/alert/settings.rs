//! Settings of the engine.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{AlertSection, ScanSection};
use crate::policy::span::Span;
use crate::text::escape;

/// Times of the engine, and the host's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSettings {
    /// Time for which a group must be in danger before it fires.
    pub hold: Duration,
    /// Time after which a firing group is sent again.
    pub repeat: Duration,
    /// Time for which no socket of a firing group may be in danger before it is resolved.
    pub resolve: Duration,
    /// Time from one sweep to the next.
    pub interval: Duration,
    /// The value of the label `host`. Escaped.
    pub host: Arc<str>,
}

impl AlertSettings {
    /// As configured, for a host of this name.
    #[must_use]
    pub fn new(alert: &AlertSection, scan: &ScanSection, host: &str) -> Self {
        let duration = |span: Span| Duration::from_millis(span.ms);
        Self {
            hold: duration(alert.hold),
            repeat: duration(alert.repeat),
            resolve: duration(alert.resolve),
            interval: duration(scan.interval),
            host: escape::text(host.as_bytes()).into(),
        }
    }

    /// Time for which a sink believes what it got last. Three repetitions in a row may be lost; an
    /// agent that died takes its alerts with it.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        const AT_LEAST: Duration = Duration::from_secs(60);
        self.repeat
            .max(self.interval)
            .max(AT_LEAST)
            .saturating_mul(4)
    }
}

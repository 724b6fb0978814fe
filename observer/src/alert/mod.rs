//! Alerts: groups of sockets in danger, and where they are reported.
//!
//! [`Engine`] has the groups and the times at which each is sent; it touches neither clock nor
//! network. [`Sinks`] send its alerts. [`json`] is the form in which both kinds of sinks take it.

mod describe;
pub mod engine;
pub mod group;
pub mod json;
pub mod kind;
pub mod peer;
pub mod settings;
pub mod sink;

use std::sync::Arc;

use jiff::Timestamp;

pub use engine::Engine;
pub use group::Group;
pub use kind::AlertKind;
pub use settings::AlertSettings;
pub use sink::Sinks;

/// Alert about one group, as sinks get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its group.
    pub group: Group,
    /// State: it fires, or has ended.
    pub state: AlertState,
    /// The label that tells this host from others. Escaped.
    pub host: Arc<str>,
    /// Time at which the group was first found in danger, by the wall clock.
    pub starts_at: Timestamp,
    /// Firing: time until which this holds if nothing more is sent. Resolved: time at which it ended.
    pub ends_at: Timestamp,
    /// For people. Foreign input in it is escaped.
    pub annotations: Vec<(&'static str, String)>,
}

/// State of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// It is.
    Firing,
    /// It was.
    Resolved,
}

impl AsRef<Self> for Alert {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Alert {
    /// The labels, by which a sink knows a group again: the same for as long as it exists.
    #[must_use]
    pub fn labels(&self) -> [(&'static str, String); 6] {
        let Group {
            kind,
            workload,
            remote,
            verdict,
        } = &self.group;
        [
            ("alertname", kind.alertname.to_owned()),
            ("host", self.host.to_string()),
            ("remote", remote.to_string()),
            ("severity", kind.severity.to_owned()),
            ("verdict", group::verdict_name(*verdict).to_owned()),
            ("workload", workload.to_string()),
        ]
    }
}

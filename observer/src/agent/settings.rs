//! SweepSettings of the agent's parts, from configuration and flags; each is replaced as a whole when the
//! configuration is read again.

use std::sync::Arc;
use std::time::Duration;

use super::workload::Workload;
use crate::config::Config;
use crate::exporter::{ServerConfig, ServerLimits, TlsFiles};
use crate::policy::Policy;

/// SweepSettings of the sweeps.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepSettings {
    /// Policy that sockets are judged by.
    pub policy: Arc<Policy>,
    /// Time from one sweep to the next.
    pub interval: Duration,
    /// Meaning of a workload.
    pub workload: Workload,
}

impl SweepSettings {
    /// SweepSettings of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            policy: Arc::new(Policy {
                path: config.path_policy(),
                at_risk: config.scan.at_risk,
            }),
            interval: Duration::from_millis(config.scan.interval.ms),
            workload: config.agent.workload,
        }
    }

    /// Least path limit, in seconds: an idle time that long is too late for some path.
    #[must_use]
    pub fn least_limit_s(&self) -> Option<u64> {
        let path = &self.policy.path;
        let rules = path.rules().iter().map(|rule| &rule.limit);
        rules
            .chain([path.default_limit()])
            .flat_map(|limit| [limit.limit_s(), limit.half_closed_s()])
            .flatten()
            .min()
    }
}

/// Age from which a snapshot is no longer true. A sweep is spared for a minute at most.
pub(super) fn stale_after(interval: Duration) -> Duration {
    interval * 3 + Duration::from_secs(60)
}

/// Settings of the HTTP server.
pub(super) fn server_config(config: &Config) -> ServerConfig {
    let agent = &config.agent;
    ServerConfig {
        listen: agent.listen.clone(),
        tls: agent.tls.as_ref().map(|tls| TlsFiles {
            cert: tls.cert.clone(),
            key: tls.key.clone(),
        }),
        web_config: agent.web_config.clone(),
        allow_plaintext: agent.allow_plaintext,
        limits: ServerLimits::default(),
    }
}
